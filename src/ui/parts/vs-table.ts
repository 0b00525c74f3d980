/** A table that sorts by its headers and shows its first rows, and more on demand. Rows can be opened. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatInteger } from '../../base/units.ts';
import type { ArrangedRows, Cell, Column, Row, Sort, TableModel } from '../../view/parts/table.ts';
import { arrangeRows } from '../../view/parts/table.ts';
import { renderShare, renderSortedTable, tableStyle } from './table-style.ts';
import { controls } from './theme.ts';

/** Detail of `row-open`: key of the row. */
export type RowOpenEvent = CustomEvent<{ readonly key: string }>;

@customElement('vs-table')
export class VsTable extends LitElement {
  static override styles = [
    controls,
    tableStyle,
    css`
      :host {
        display: block;
      }
      .wraps {
        min-width: 24ch;
        white-space: normal;
      }
      .breaks,
      .breaks button.link {
        min-width: 12ch;
        white-space: normal;
        overflow-wrap: anywhere;
      }
      :host([dense]) th,
      :host([dense]) td {
        padding-left: 8px;
      }
      :host([dense]) th:first-child,
      :host([dense]) td:first-child {
        padding-left: 0;
      }
      tr.open td {
        background: var(--accent-soft);
      }
      tbody.opens tr {
        cursor: pointer;
      }
      tbody.opens tr:hover td {
        background: var(--sunken);
      }
      tbody.opens tr.open:hover td {
        background: var(--accent-soft);
      }
      td button.link {
        max-width: 100%;
        overflow: hidden;
        text-overflow: ellipsis;
        text-align: left;
        text-decoration: none;
        vertical-align: bottom;
      }
      tr:hover td button.link {
        text-decoration: underline;
        text-underline-offset: 0.3em;
      }
      .more {
        display: flex;
        align-items: baseline;
        gap: 12px;
        padding-top: 8px;
        color: var(--text-quiet);
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) model: TableModel | null = null;
  /** Rows to show at first. */
  @property({ type: Number }) first = 12;
  /** Rows answer clicks with `row-open`. */
  @property({ type: Boolean }) opens = false;
  /** Key of the row that is open. */
  @property({ attribute: false }) current: string | null = null;

  @state() private sort: Sort | null = null;
  @state() private most = 0;

  private arranged: ArrangedRows | null = null;

  /** Sorting a million rows takes a while: only when there is something to sort. */
  override willUpdate(changed: Map<string, unknown>): void {
    if (this.model !== null && (changed.has('model') || changed.has('sort')))
      this.arranged = arrangeRows(this.model, this.sort ?? this.model.sort);
  }

  override render(): unknown {
    const { model } = this;
    if (model === null) return nothing;
    const sort = this.sort ?? model.sort;
    const rows = this.arranged ?? arrangeRows(model, sort);
    const shown = rows.take(Math.max(this.first, this.most));
    return html`
      ${renderSortedTable(
        model.caption,
        model.columns,
        sort,
        (chosen) => (this.sort = chosen),
        shown.map((row) => this.row(row, model.columns)),
        this.opens ? 'opens' : '',
      )}
      ${this.more(shown.length, rows.length, model.total ?? rows.length)}
    `;
  }

  private row(row: Row, columns: readonly Column[]): unknown {
    return html`<tr
      class=${row.key === this.current ? 'open' : ''}
      @click=${this.opens ? () => this.open(row.key) : nothing}
    >
      ${row.cells.map((item, index) => this.cell(item, columns[index], index === 0))}
    </tr>`;
  }

  private cell(item: Cell, column: Column, isFirst: boolean): unknown {
    const names = [
      column.numeric ? 'numeric' : '',
      column.wide ? 'wide' : '',
      column.wraps ? 'wraps' : '',
      column.breaks ? 'breaks' : '',
    ].join(' ');
    const text = item.mono ? html`<span class="mono">${item.text}</span>` : item.text;
    // The click bubbles to the row: the button is there for the keyboard.
    const content =
      isFirst && this.opens
        ? html`<button class="link">${text}</button>`
        : column.wide
          ? html`<span class="text">${text}</span>`
          : text;
    return html`<td class=${names} title=${item.title ?? nothing}>${content}${renderShare(item.share)}</td>`;
  }

  private open(key: string): void {
    this.dispatchEvent(new CustomEvent('row-open', { detail: { key }, bubbles: true, composed: true }));
  }

  private more(shown: number, here: number, total: number): unknown {
    if (shown >= total && total <= this.first) return nothing;
    const fewer =
      this.most > this.first
        ? html`<button class="link" @click=${() => (this.most = 0)}>Show fewer</button>`
        : nothing;
    const more =
      shown < here
        ? html`<button class="link" @click=${() => (this.most = shown + 100)}>
            Show ${formatInteger(Math.min(100, here - shown))} more
          </button>`
        : nothing;
    const kept = here < total ? ` The largest ${formatInteger(here)} can be shown.` : '';
    return html`<p class="more">
      <span>Showing ${formatInteger(shown)} of ${formatInteger(total)}.${kept}</span>${more}${fewer}
    </p>`;
  }
}
