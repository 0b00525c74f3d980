/** The buttons beside a device's timeline: marks of iterations, the axis, and what every chart has. */
import { html, nothing } from 'lit';
import { percent } from '../../base/words.ts';
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
  /** null: there are no events to find. */
  readonly find: ((address: string) => void) | null;
}

export function renderDeviceTools(tools: DeviceTools): unknown {
  const { axis, chooseAxis, marksIterations, markIterations, find } = tools;
  const axisButton = (name: Axis, label: string): unknown =>
    html`<button aria-pressed=${axis === name ? 'true' : 'false'} @click=${() => chooseAxis?.(name)}>
      ${label}
    </button>`;
  return renderChartTools(
    tools,
    html`${
      find === null
        ? nothing
        : html`<input
            size="15"
            spellcheck="false"
            aria-label="Address to find"
            placeholder="0x7fe134000000"
            title="Who allocated an address, a tensor's data_ptr() say: Enter shows the newest event, and again the one before"
            @keydown=${({ key, target }: KeyboardEvent) =>
              key === 'Enter' && find((target as HTMLInputElement).value)}
          />`
    }${
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

/** One line where most of the time axis would be empty: which axis is shown for that, and a way to the other. */
export function renderIdle(share: number | null, axis: Axis, chooseAxis: (axis: Axis) => void): unknown {
  if (share === null) return nothing;
  const isEvents = axis === 'event';
  return html`<p class="quiet words idle">
    ${percent(share)} of the time axis is one stretch without an
    event${isEvents ? ', so each event has the same width' : ''}.
    <button @click=${() => chooseAxis(isEvents ? 'time' : 'event')}>
      ${isEvents ? 'Show time' : 'Show events'}
    </button>
  </p>`;
}
