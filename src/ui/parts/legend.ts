/**
 * The legend of a chart: curves can be switched off, and each shows its value under the pointer. To who does not see it a
 * button is its curve alone: what the pointer happens to be over is no figure of the data, and the chart's name has those.
 */
import { css, html } from 'lit';
import type { LegendEntry } from '../../view/parts/curves.ts';

export const legendStyle = css`
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    margin: 8px 0 0;
    padding: 0 16px;
    list-style: none;
  }
  .legend button {
    display: grid;
    grid-template-columns: 18px auto;
    column-gap: 8px;
    align-items: center;
    height: auto;
    min-width: 128px;
    padding: 3px 10px 3px 8px;
    border-color: transparent;
    text-align: left;
    line-height: 1.3;
    color: var(--text);
    background: none;
  }
  .legend button:hover {
    border-color: var(--line-strong);
  }
  .legend .key {
    height: 0;
    border-top: 3px solid;
  }
  .legend .key.dashed {
    border-top-style: dashed;
  }
  .legend .label {
    font-size: 12px;
    color: var(--text-quiet);
  }
  .legend .value {
    grid-column: 2;
    min-height: 1.3em;
    font-weight: 600;
  }
  .legend button[aria-pressed='false'] .key {
    border-top-color: var(--line-strong) !important;
  }
  .legend button[aria-pressed='false'] .label {
    text-decoration: line-through;
  }
  .legend button[aria-pressed='false'] .value {
    font-weight: 400;
    color: var(--text-quiet);
  }
`;

export function renderLegend(entries: readonly LegendEntry[], toggle: (entry: LegendEntry) => void): unknown {
  return html`<ul class="legend" aria-label="Curves">
    ${entries.map(
      (entry) =>
        html`<li>
          <button
            aria-pressed=${entry.shown ? 'true' : 'false'}
            title=${entry.title}
            data-curve=${entry.id}
            @click=${() => toggle(entry)}
          >
            <span
              class="key ${entry.dashed ? 'dashed' : ''}"
              .style=${`border-top-color: var(--curve-${entry.color})`}
            ></span>
            <span class="label">${entry.label}</span>
            <!-- Not of the name: it follows the pointer. -->
            <span class="value" aria-hidden="true">${entry.value}</span>
          </button>
        </li>`,
    )}
  </ul>`;
}
