/**
 * Allocations and events as tables of any length: only the rows on screen are there, and asked for. A row is pinned by a
 * click, Enter or the arrows; the header sorts; what the filter lets pass is copied or saved as CSV.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { EventRow, LifeRow, LifeSort } from '../../engine/protocol.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import {
  COLUMNS,
  eventCells,
  lifeCells,
  type ListCell,
  type ListMode,
  PAGE,
  ROW_HEIGHT,
  scrollTo,
  windowOf,
} from '../../view/workspace/events.ts';
import { saveFile } from '../parts/save-file.ts';
import { controls } from '../parts/theme.ts';
import { askEngine } from '../replay/replay-questions.ts';
import '../shell/vs-error.ts';

@customElement('vs-events')
export class VsEvents extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100%;
        min-height: 0;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 12px;
        padding: 8px 12px;
        font-size: 13px;
      }
      .group {
        display: flex;
      }
      .group button + button {
        margin-left: -1px;
      }
      .space {
        flex: 1;
      }
      .rows {
        position: relative;
        flex: 1;
        min-height: 0;
        overflow: auto;
        outline-offset: -2px;
        font-size: 13px;
      }
      .row {
        display: grid;
        grid-template-columns: var(--columns);
        align-items: center;
        gap: 0 12px;
        min-width: 720px;
        height: ${ROW_HEIGHT}px;
        padding: 0 12px;
      }
      .head {
        position: sticky;
        top: 0;
        z-index: 1;
        font-weight: 600;
        background: var(--panel);
        border-bottom: 1px solid var(--line-strong);
      }
      .head button {
        height: 24px;
        padding: 0;
        border: 0;
        font-weight: 600;
        text-align: inherit;
        background: none;
      }
      .row > * {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .right {
        text-align: right;
      }
      .body {
        position: relative;
        min-width: 720px;
      }
      .body .row {
        position: absolute;
        left: 0;
        right: 0;
        border-bottom: 1px solid var(--line);
        cursor: pointer;
      }
      .body .row:hover {
        background: var(--sunken);
      }
      .body .row.current {
        background: var(--accent-soft);
        box-shadow: inset 3px 0 0 var(--accent);
      }
      .mono {
        font-family: var(--mono);
        font-size: 12px;
      }
      .none {
        padding: 24px 16px;
      }
    `,
  ];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;

  @state() private mode: ListMode = 'allocations';
  @state() private sort: LifeSort = 'size';
  @state() private descending = true;
  @state() private total = 0;
  @state() private all = 0;
  @state() private bytes = 0;
  @state() private scrolled = 0;
  @state() private room = 400;
  /** Place in the list of the row that the keyboard is at. */
  @state() private place = -1;
  @state() private error: TraceErrorData | null = null;
  @state() private isSaving = false;

  @query('.rows') private readonly scroller!: HTMLElement | null;
  private pages = new Map<number, readonly (LifeRow | EventRow)[]>();
  private asked = new Set<number>();
  /** What the pages belong to: another one makes them void. */
  private list = '';
  private readonly observer = new ResizeObserver(() => {
    const { scroller } = this;
    if (scroller !== null && scroller.clientHeight > 0) this.room = scroller.clientHeight - ROW_HEIGHT;
  });

  override firstUpdated(): void {
    if (this.scroller !== null) this.observer.observe(this.scroller);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  override willUpdate(): void {
    const { context, mode, sort, descending } = this;
    const list = [context.device.key, mode, context.filter.trim(), sort, descending].join('\n');
    if (list === this.list) return;
    this.list = list;
    this.pages = new Map();
    this.asked = new Set();
    this.place = -1;
    this.scrolled = 0;
    if (this.scroller !== null) this.scroller.scrollTop = 0;
    void this.page(0);
  }

  private async page(number: number): Promise<void> {
    if (this.asked.has(number)) return;
    this.asked.add(number);
    const { list, mode, sort, descending } = this;
    const { filter, device } = this.context;
    const from = number * PAGE;
    const found =
      mode === 'allocations'
        ? await askEngine(this.api, (api) =>
            api.lives({ device: device.key, filter, sort, descending, from, limit: PAGE }),
          )
        : await askEngine(this.api, (api) => api.events({ device: device.key, filter, from, limit: PAGE }));
    if (list !== this.list) return;
    this.error = found.ok ? null : found.error;
    if (!found.ok) return;
    const { value } = found;
    this.pages.set(number, value.rows);
    this.total = value.total;
    this.all = value.all;
    this.bytes = 'bytes' in value ? value.bytes : 0;
    this.requestUpdate();
  }

  private rowAt(place: number): LifeRow | EventRow | null {
    const number = Math.floor(place / PAGE);
    const page = this.pages.get(number);
    if (page === undefined) void this.page(number);
    return page?.[place - number * PAGE] ?? null;
  }

  override render(): unknown {
    const { mode, total, all, context } = this;
    const isAllocations = mode === 'allocations';
    const left = context.filter.trim() === '' ? '' : ` of ${formatInteger(all)}`;
    const what = isAllocations ? 'allocations' : 'events';
    const sum =
      isAllocations && total > 0 ? `, ${formatBytes(this.bytes, context.unit)} requested in all` : '';
    return html`
      <header>
        <span class="group" role="group" aria-label="List of">
          ${this.modeButton('allocations', 'Allocations')}${this.modeButton('events', 'Events')}
        </span>
        <span role="status">${formatInteger(total)}${left} ${what}${sum}</span>
        <span class="space"></span>
        <button ?disabled=${total === 0 || this.isSaving} @click=${() => void this.save()}>
          ${this.isSaving ? 'Saving' : 'Save as CSV'}
        </button>
      </header>
      ${this.error === null ? nothing : html`<vs-error role="alert" .error=${this.error}></vs-error>`}
      ${this.table()}
    `;
  }

  private modeButton(mode: ListMode, label: string): unknown {
    return html`<button
      aria-pressed=${this.mode === mode ? 'true' : 'false'}
      @click=${() => (this.mode = mode)}
    >
      ${label}
    </button>`;
  }

  private table(): unknown {
    const { mode, total, context } = this;
    const columns = COLUMNS[mode];
    const window = windowOf(total, this.scrolled, this.room);
    const widths =
      mode === 'allocations'
        ? '74px minmax(140px,1fr) 86px 86px 76px 112px 58px 48px'
        : '76px 88px 112px 74px 112px 58px minmax(140px,1fr)';
    const rows: unknown[] = [];
    for (let i = 0; i < window.count; i++) rows.push(this.row(window.first + i, window.top + i * ROW_HEIGHT));
    return html`<div
      class="rows"
      role="grid"
      tabindex="0"
      aria-label=${mode === 'allocations' ? 'Allocations' : 'Events'}
      aria-rowcount=${total + 1}
      aria-colcount=${columns.length}
      aria-activedescendant=${this.place < 0 ? nothing : `row-${this.place}`}
      .style=${`--columns: ${widths}`}
      @scroll=${(event: Event) => (this.scrolled = (event.target as HTMLElement).scrollTop)}
      @keydown=${(event: KeyboardEvent) => this.key(event)}
    >
      <div class="row head" role="row" aria-rowindex="1">
        ${columns.map(({ label, sort, align }) => {
          const isSorted = mode === 'allocations' && sort !== null && sort === this.sort;
          const arrow = isSorted ? (this.descending ? ' ↓' : ' ↑') : '';
          return html`<div
            role="columnheader"
            class=${align}
            aria-sort=${isSorted ? (this.descending ? 'descending' : 'ascending') : nothing}
          >
            ${
              sort === null
                ? label
                : html`<button @click=${() => this.sortBy(sort)}>${label}${arrow}</button>`
            }
          </div>`;
        })}
      </div>
      <div class="body" role="rowgroup" .style=${`height: ${window.height}px`}>${rows}</div>
      ${
        total === 0 && this.pages.size > 0
          ? html`<p class="none quiet">
              ${
                context.filter.trim() === ''
                  ? 'Nothing was recorded.'
                  : `None of ${formatInteger(this.all)} ${mode} passes the filter. Escape in the filter lifts it.`
              }
            </p>`
          : nothing
      }
    </div>`;
  }

  private row(place: number, top: number): unknown {
    const row = this.rowAt(place);
    const { mode, context } = this;
    const { clock } = context.device;
    const cells: readonly ListCell[] =
      row === null
        ? []
        : 'requested' in row
          ? lifeCells(row, clock, context.unit)
          : eventCells(row, clock, context.unit);
    const columns = COLUMNS[mode];
    return html`<div
      id=${`row-${place}`}
      class="row ${row !== null && this.isCurrent(row, place) ? 'current' : ''}"
      role="row"
      aria-rowindex=${place + 2}
      aria-selected=${row !== null && this.isCurrent(row, place) ? 'true' : 'false'}
      .style=${`top: ${top}px`}
      @click=${() => void this.pinAt(place)}
    >
      ${
        row === null
          ? html`<div role="gridcell" class="quiet">…</div>`
          : cells.map(
              ({ text, title }, i) =>
                html`<div
                  role="gridcell"
                  class="${columns[i].align} ${['address', 'stream', 'line'].includes(columns[i].id) ? 'mono' : ''}"
                  title=${title ?? nothing}
                >
                  ${text}
                </div>`,
            )
      }
    </div>`;
  }

  private isCurrent(row: LifeRow | EventRow, place: number): boolean {
    const { selected, moment } = this.context;
    if ('requested' in row) return selected?.kind === 'life' && selected.life === row.life;
    return place === this.place || (moment === row.row && selected?.kind !== 'life');
  }

  private sortBy(sort: LifeSort): void {
    if (this.sort === sort) this.descending = !this.descending;
    else {
      this.sort = sort;
      this.descending = sort === 'size' || sort === 'lifetime';
    }
  }

  private key(event: KeyboardEvent): void {
    const step =
      { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity }[event.key] ??
      0;
    if (step === 0 && event.key !== 'Enter') return;
    event.preventDefault();
    event.stopPropagation();
    if (this.total === 0) return;
    const place = Math.min(Math.max(0, this.place < 0 ? 0 : this.place + step), this.total - 1);
    if (this.scroller !== null)
      this.scroller.scrollTop = scrollTo(this.total, place, this.scroller.scrollTop, this.room);
    void this.pinAt(place);
  }

  private async pinAt(place: number): Promise<void> {
    this.place = place;
    await this.page(Math.floor(place / PAGE));
    if (this.place === place) this.pin(place);
  }

  private pin(place: number): void {
    this.place = place;
    const row = this.rowAt(place);
    if (row === null) return;
    if ('requested' in row) this.change({ selected: { kind: 'life', life: row.life } });
    else this.change({ selected: { kind: 'event', row: row.row }, moment: row.row });
  }

  private async save(): Promise<void> {
    this.isSaving = true;
    const { filter, device } = this.context;
    const query = { device: device.key, filter, sort: this.sort, descending: this.descending };
    const { mode } = this;
    const saved = await askEngine(this.api, (api) => api.saveList({ ...query, mode }));
    this.isSaving = false;
    this.error = saved.ok ? null : saved.error;
    if (saved.ok) saveFile(`${mode}.csv`, saved.value, 'text/csv');
  }

  private change(detail: WorkspaceChange): void {
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }
}
