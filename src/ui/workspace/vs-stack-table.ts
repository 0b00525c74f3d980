/** A tree of stacks as a table that opens and closes: what the picture shows, for who does not see it or wants figures. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { StackTreeAnswer } from '../../engine/protocol.ts';
import { linksOf, type StackLinks } from '../../view/workspace/stack-layout.ts';
import { firstOpen, MOST_TREE_ROWS, rowHeads, type TreeRow, treeRows } from '../../view/workspace/stacks.ts';
import { tableFrame } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-stack-table')
export class VsStackTable extends LitElement {
  static override styles = [
    controls,
    tableFrame,
    css`
      :host {
        display: block;
        min-height: 0;
        overflow: auto;
      }
      table {
        font-size: 13px;
      }
      th,
      td {
        height: 24px;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
        text-align: right;
      }
      thead th {
        position: sticky;
        top: 0;
        z-index: 1;
        font-weight: 600;
        background: var(--panel);
        border-bottom-color: var(--line-strong);
      }
      th:first-child,
      td:first-child {
        width: 100%;
        max-width: 0;
        overflow: hidden;
        text-align: left;
        text-overflow: ellipsis;
      }
      tbody tr {
        cursor: pointer;
      }
      tbody tr:hover td {
        background: var(--sunken);
      }
      tbody tr[aria-selected='true'] td {
        background: var(--accent-soft);
      }
      tr:focus-visible {
        outline-offset: -2px;
      }
      .mark {
        display: inline-block;
        width: 16px;
        text-align: center;
        color: var(--text-quiet);
      }
      .hit {
        font-weight: 600;
      }
      p {
        padding: 8px 12px;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) answer: StackTreeAnswer | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ attribute: false }) current = -1;
  @property({ attribute: false }) pinned = -1;
  @property() name = '';

  @state() private open: ReadonlySet<string> = new Set();
  private links: StackLinks | null = null;
  private rows: readonly TreeRow[] = [];
  private left = 0;
  private wantsFocus = false;

  override willUpdate(changed: Map<string, unknown>): void {
    const { answer } = this;
    if (answer === null) return;
    if (changed.has('answer')) {
      this.links = linksOf(answer.nodes);
      // What was open stays open where it is in the new tree; the first time the widest path is.
      const first = firstOpen(answer, this.links, this.current);
      this.open = this.open.size === 0 ? first : new Set([...this.open, ...first]);
    }
    const { rows, left } = treeRows(answer, this.links!, this.open, this.unit);
    [this.rows, this.left] = [rows, left];
  }

  override updated(): void {
    if (!this.wantsFocus) return;
    this.wantsFocus = false;
    const row = this.renderRoot.querySelector<HTMLElement>('tr[tabindex="0"]');
    row?.focus();
    row?.scrollIntoView({ block: 'nearest' });
  }

  override render(): unknown {
    const { answer, rows } = this;
    if (answer === null) return nothing;
    const current = rows.some(({ node }) => node === this.current) ? this.current : (rows[0]?.node ?? -1);
    return html`<table
        role="treegrid"
        aria-label=${this.name}
        @keydown=${(event: KeyboardEvent) => this.key(event)}
      >
        <thead>
          <tr role="row">
            <th role="columnheader" scope="col">Frame</th>
            ${rowHeads(answer).map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${rows.map((row) => this.row(row, row.node === current))}
        </tbody>
      </table>
      ${
        this.left > 0
          ? html`<p class="quiet">
              ${formatInteger(MOST_TREE_ROWS)} rows are shown, ${formatInteger(this.left)} of these levels are
              not: close what is not needed.
            </p>`
          : nothing
      }`;
  }

  private row(row: TreeRow, isCurrent: boolean): unknown {
    return html`<tr
      role="row"
      tabindex=${isCurrent ? 0 : -1}
      data-node=${row.node}
      aria-level=${row.level}
      aria-posinset=${row.place}
      aria-setsize=${row.siblings}
      aria-expanded=${row.open === null ? nothing : String(row.open)}
      aria-selected=${row.node === this.pinned ? 'true' : 'false'}
      @click=${() => this.tell('stack-pick', row.node)}
      @dblclick=${() => this.tell('stack-zoom', row.node)}
      @focus=${() => this.tell('stack-move', row.node)}
    >
      <td
        role="gridcell"
        class=${row.hit ? 'hit' : ''}
        title=${row.title === '' ? nothing : row.title}
        .style=${`padding-left: ${8 + 14 * (row.level - 1)}px`}
      >
        <span
          class="mark"
          aria-hidden="true"
          @click=${(event: Event) => {
            event.stopPropagation();
            this.turn(row);
          }}
          >${row.open === null ? '' : row.open ? '▾' : '▸'}</span
        >${row.label}
      </td>
      ${row.cells.map(
        ({ text, title }) => html`<td role="gridcell" title=${title === '' ? nothing : title}>${text}</td>`,
      )}
    </tr>`;
  }

  private turn({ key, open }: TreeRow, to = open !== true): void {
    if (open === null || open === to) return;
    const next = new Set(this.open);
    if (to) next.add(key);
    else next.delete(key);
    this.open = next;
  }

  private key(event: KeyboardEvent): void {
    const at = this.rows.findIndex(({ node }) => node === this.current);
    const place = at < 0 ? 0 : at;
    const row = this.rows.at(place);
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    let next = place;
    switch (event.key) {
      case 'ArrowDown':
        next = place + 1;
        break;
      case 'ArrowUp':
        next = place - 1;
        break;
      case 'Home':
        next = 0;
        break;
      case 'End':
        next = this.rows.length - 1;
        break;
      case 'ArrowRight':
        if (row.open === true) next = place + 1;
        else this.turn(row, true);
        break;
      case 'ArrowLeft':
        if (row.open === true) this.turn(row, false);
        else for (next = place; next > 0 && this.rows[next].level >= row.level;) next--;
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
    next = Math.min(Math.max(0, next), this.rows.length - 1);
    this.wantsFocus = true;
    this.tell('stack-move', this.rows[next].node);
    this.requestUpdate();
  }

  private tell(name: string, node: number): void {
    this.dispatchEvent(new CustomEvent(name, { detail: { node }, bubbles: true, composed: true }));
  }
}
