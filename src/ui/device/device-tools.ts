/** The buttons beside a device's timeline: marks of iterations, the axis, and what every chart has. */
import { html, nothing } from 'lit';
import type { Axis } from '../../engine/protocol.ts';
import type { ChartTools } from './chart-tools.ts';
import { renderChartTools } from './chart-tools.ts';

export interface DeviceTools extends ChartTools {
  readonly axis: Axis;
  /** null: the file has no times, events are all there is. */
  readonly chooseAxis: ((axis: Axis) => void) | null;
  /** null: there are no iterations to mark. */
  readonly marksIterations: boolean | null;
  readonly markIterations: (marks: boolean) => void;
}

export function renderDeviceTools(tools: DeviceTools): unknown {
  const { axis, chooseAxis, marksIterations, markIterations } = tools;
  const axisButton = (name: Axis, label: string): unknown =>
    html`<button aria-pressed=${axis === name ? 'true' : 'false'} @click=${() => chooseAxis?.(name)}>
      ${label}
    </button>`;
  return renderChartTools(
    tools,
    html`${
      marksIterations === null
        ? nothing
        : html`<button
            aria-pressed=${marksIterations ? 'true' : 'false'}
            title="Mark where each iteration begins, at a zoom that has room for it"
            @click=${() => markIterations(!marksIterations)}
          >
            Iterations
          </button>`
    }${
      chooseAxis === null
        ? nothing
        : html`<span class="group" role="group" aria-label="Axis">
            ${axisButton('time', 'Time')}${axisButton('event', 'Events')}
          </span>`
    }`,
  );
}
