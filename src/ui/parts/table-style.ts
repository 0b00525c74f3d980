/** What every table of the page looks like: lines, room, figures to the right, headers that sort. */
import { css, html, nothing } from 'lit';
import { type Column, nextSort, type Sort } from '../../view/parts/table.ts';

/** The frame of any table: as wide as its place, a line of text a row, no bold. */
export const tableFrame = css`
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th,
  td {
    text-align: left;
    font-weight: 400;
    white-space: nowrap;
  }
`;

export const tableStyle = css`
  ${tableFrame}
  .scroll {
    overflow-x: auto;
  }
  table {
    font-size: 13px;
  }
  th,
  td {
    padding: 4px 0 4px 20px;
    border-bottom: 1px solid var(--line);
  }
  th:first-child,
  td:first-child {
    padding-left: 0;
  }
  thead th {
    padding-top: 0;
    font-weight: 500;
    color: var(--text-quiet);
    border-bottom-color: var(--line-strong);
  }
  tbody tr:last-child > * {
    border-bottom: 0;
  }
  .numeric {
    text-align: right;
    white-space: nowrap;
  }
  .wide {
    width: 100%;
    max-width: 0;
  }
  .wide .text {
    display: block;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  th button {
    height: 24px;
    padding: 0;
    border: 0;
    background: none;
    font-weight: inherit;
  }
  th button:hover:not(:disabled) {
    background: none;
    color: var(--text);
    text-decoration: underline;
    text-underline-offset: 0.3em;
  }
  th[aria-sort] button {
    color: var(--text);
    font-weight: 600;
  }
  th .arrow {
    display: inline-block;
    width: 1em;
    text-align: center;
  }
  /* A thin line below a figure: its share of the largest. */
  .share {
    display: block;
    height: 2px;
    margin-top: 1px;
    margin-left: auto;
    background: var(--accent);
  }
`;

/** A header that sorts by its column. */
function renderSortHeader(column: Column, sort: Sort | null, choose: () => void): unknown {
  const direction = sort?.column === column.id ? sort.direction : null;
  const arrow = html`<span class="arrow" aria-hidden="true"
    >${direction === null ? '' : direction === 'ascending' ? '▴' : '▾'}</span
  >`;
  return html`<th scope="col" class=${column.numeric ? 'numeric' : ''} aria-sort=${direction ?? nothing}>
    <button @click=${choose}>
      ${column.numeric ? html`${arrow}${column.label}` : html`${column.label}${arrow}`}
    </button>
  </th>`;
}

/** A table that scrolls sideways, its headers sorting. `rows`: what stands in its body; `look`: a class of the body. */
export const renderSortedTable = (
  caption: string,
  columns: readonly Column[],
  sort: Sort | null,
  choose: (sort: Sort) => void,
  rows: unknown,
  look = '',
): unknown =>
  html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="visually-hidden">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => renderSortHeader(column, sort, () => choose(nextSort(sort, column))))}
        </tr>
      </thead>
      <tbody class=${look}>
        ${rows}
      </tbody>
    </table>
  </div>`;

/** Line below a figure; nothing where it has no share. `share`: 0 to 1. */
export const renderShare = (share: number | null): unknown =>
  share === null
    ? nothing
    : html`<span class="share" .style=${`width: ${(100 * share).toFixed(1)}%`}></span>`;
