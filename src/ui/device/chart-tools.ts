/** The buttons beside a chart's heading: what dragging does, zoom. */
import { css, html } from 'lit';
import type { KeyAction } from '../../view/shell/keys.ts';

export const chartToolsStyle = css`
  .tools {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
`;

export interface ChartTools {
  readonly selecting: boolean;
  readonly choose: (selecting: boolean) => void;
  readonly act: (action: KeyAction) => void;
}

/** `first` stands before the others. */
export function renderChartTools({ selecting, choose, act }: ChartTools, first: unknown): unknown {
  const mode = (selects: boolean, label: string): unknown =>
    html`<button aria-pressed=${selecting === selects ? 'true' : 'false'} @click=${() => choose(selects)}>
      ${label}
    </button>`;
  const key = (action: KeyAction, label: string, title: string): unknown =>
    html`<button title=${title} aria-label=${title} @click=${() => act(action)}>${label}</button>`;
  return html`<div class="tools" slot="tools">
    ${first}
    <span class="group" role="group" aria-label="Dragging">
      ${mode(false, 'Drag moves')}${mode(true, 'Drag selects')}
    </span>
    <span class="group" role="group" aria-label="Zoom">
      ${key('zoom-out', '−', 'Zoom out (s)')}${key('zoom-in', '+', 'Zoom in (w)')}${key('fit', 'Fit', 'Fit (f)')}
    </span>
  </div>`;
}
