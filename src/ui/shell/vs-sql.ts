/** The sheet "SQL": one question about the tables of all open files, and its answer. A row with an event leads to it. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { DeviceView } from '../../engine/protocol.ts';
import { eventOf, sqlExamples } from '../../view/shell/sql-examples.ts';
import { dialogStyle } from '../parts/dialog-style.ts';
import { tableStyle } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';

type Api = () => Promise<EngineApi>;
type Answer = Extract<Awaited<ReturnType<EngineApi['query']>>, { readonly ok: true }>['value'];

/** Rows that are drawn: more is the work of an export. */
const MOST_ROWS = 500;
const SECONDS = 20;

@customElement('vs-sql')
export class VsSql extends LitElement {
  static override styles = [
    controls,
    dialogStyle,
    tableStyle,
    css`
      dialog {
        width: min(1100px, calc(100vw - 32px));
      }
      h2 {
        margin: 0;
        font-size: 15px;
        font-weight: 600;
      }
      p {
        margin: 4px 0 0;
        font-size: 13px;
      }
      textarea {
        display: block;
        width: 100%;
        height: 132px;
        margin: 10px 0;
        padding: 10px;
        font-family: var(--mono);
        font-size: 12px;
        line-height: 1.5;
        color: var(--text);
        background: var(--sunken);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        resize: vertical;
        white-space: pre;
        overflow: auto;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 10px;
      }
      .actions .told {
        flex: 1;
        margin: 0;
      }
      .scroll {
        max-height: 42vh;
        margin-top: 12px;
        overflow: auto;
      }
      th,
      td {
        padding: 3px 16px 3px 0;
        white-space: nowrap;
      }
      td.text {
        max-width: 60ch;
        overflow: hidden;
        text-overflow: ellipsis;
      }
    `,
  ];

  @property({ attribute: false }) api!: Api;
  /** Whose events a row leads to; null: the file has none. */
  @property({ attribute: false }) device: DeviceView | null = null;

  @state() private asking = false;
  @state() private failed = '';
  @state() private answer: Answer | null = null;

  @query('dialog') private readonly dialog!: HTMLDialogElement;
  @query('textarea') private readonly box!: HTMLTextAreaElement;

  show(): void {
    if (!this.dialog.open) this.dialog.showModal();
    if (this.box.value === '') this.box.value = sqlExamples(this.device)[0].sql;
    this.box.focus();
  }

  private async ask(): Promise<void> {
    const sql = this.box.value;
    if (this.asking || sql.trim() === '') return;
    this.asking = true;
    this.failed = '';
    try {
      const api = await this.api();
      const answer = await api.query({ sql, rows: MOST_ROWS, milliseconds: 1000 * SECONDS });
      if (answer.ok) this.answer = answer.value;
      else this.failed = [answer.error.message, answer.error.advice ?? ''].join('. ').replace(/\. $/, '');
    } catch (thrown) {
      this.failed = thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      this.asking = false;
    }
  }

  private keydown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void this.ask();
  }

  private choose(event: Event): void {
    const select = event.currentTarget as HTMLSelectElement;
    const example = sqlExamples(this.device).find(({ label }) => label === select.value);
    if (example !== undefined) this.box.value = example.sql;
    void this.ask();
  }

  private goTo(row: number): void {
    this.dialog.close();
    this.dispatchEvent(new CustomEvent('go-to-row', { detail: { row }, bubbles: true, composed: true }));
  }

  private get told(): string {
    if (this.asking) return 'Asking';
    if (this.failed !== '') return this.failed;
    if (this.answer === null) return 'Read-only. Ctrl+Enter asks.';
    const { rows, more } = this.answer;
    return `${count(rows.length, 'row')}${more ? ', and there are more' : ''}`;
  }

  private cell(value: string | number | null, column: string, event: number | null): unknown {
    if (value === null) return html`<td class="quiet">null</td>`;
    if (typeof value === 'string') return html`<td class="text" title=${value}>${value}</td>`;
    const text = Number.isInteger(value) ? formatInteger(value) : String(value);
    return html`<td class="numeric">
      ${
        column === 'row' && event !== null
          ? html`<button class="link" title="Show this event" @click=${() => this.goTo(event)}>
              ${text}
            </button>`
          : text
      }
    </td>`;
  }

  private table({ columns, rows }: Answer): unknown {
    const isNumeric = columns.map((_, at) => typeof rows[0]?.[at] === 'number');
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Answer">
      <table>
        <caption class="visually-hidden">
          Answer
        </caption>
        <thead>
          <tr>
            ${columns.map((name, at) => html`<th scope="col" class=${isNumeric[at] ? 'numeric' : ''}>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => {
            const event = eventOf(columns, row, this.device?.rows ?? 0);
            return html`<tr>
              ${row.map((value, at) => this.cell(value, columns[at], event))}
            </tr>`;
          })}
        </tbody>
      </table>
    </div>`;
  }

  override render(): unknown {
    return html`<dialog aria-labelledby="sql-title" @keydown=${(event: KeyboardEvent) => this.keydown(event)}>
      <h2 id="sql-title">Ask with SQL</h2>
      <p class="quiet">
        One question about the tables of all open files: events, segments, blocks, stacks, annotations,
        kernels, pools, summaries, gauges, requests, budgets, log_events, findings (docs/tables.md). SQLite
        answers, inside of this page.
      </p>
      <textarea aria-label="Question" spellcheck="false" autocomplete="off" wrap="off"></textarea>
      <div class="actions">
        <label>
          Examples
          <select @change=${(event: Event) => this.choose(event)}>
            ${sqlExamples(this.device).map(({ label }) => html`<option value=${label}>${label}</option>`)}
          </select>
        </label>
        <p class="told" role="status">${this.told}</p>
        <button @click=${() => this.dialog.close()}>Close</button>
        <button class="primary" title="Ctrl+Enter" ?disabled=${this.asking} @click=${() => void this.ask()}>
          Ask
        </button>
      </div>
      ${this.answer === null ? nothing : this.table(this.answer)}
    </dialog>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'vs-sql': VsSql;
  }
}
