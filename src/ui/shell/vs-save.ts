/** The menu "Save": a table of the file, in a format of choice, to a file. What fails is said in the menu itself. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { DeviceView, SourceView, TableFormat, TableView, TablesQuery } from '../../engine/protocol.ts';
import { FORMAT_CHOICES, savedName, tableChoices } from '../../view/shell/save.ts';
import { saveFile } from '../parts/save-file.ts';
import { controls } from '../parts/theme.ts';
import './vs-error.ts';

@customElement('vs-save')
export class VsSave extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        position: relative;
      }
      summary {
        height: 28px;
        padding: 3px 10px;
        color: inherit;
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        background: var(--panel);
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        border-color: var(--text-quiet);
        background: var(--sunken);
      }
      .menu {
        position: absolute;
        right: 0;
        z-index: 5;
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 8px 12px;
        align-items: center;
        width: min(360px, calc(100vw - 48px));
        margin-top: 4px;
        padding: 12px;
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        background: var(--panel);
        box-shadow: 0 4px 16px rgb(0 0 0 / 18%);
      }
      .wide {
        grid-column: 1 / -1;
      }
      p {
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) source!: SourceView;
  /** null: the whole file. */
  @property({ attribute: false }) device: DeviceView | null = null;

  @state() private tables: readonly TableView[] | null = null;
  @state() private table: TableView['table'] | null = null;
  @state() private format: TableFormat = 'arrow';
  @state() private saving = false;
  @state() private error: TraceErrorData | null = null;

  private get query(): TablesQuery {
    return { source: this.source.id, device: this.device?.key ?? null };
  }

  override render(): unknown {
    return html`<details
      @toggle=${(event: Event) => {
        if ((event.currentTarget as HTMLDetailsElement).open) void this.list();
      }}
      @keydown=${(event: KeyboardEvent) => this.keydown(event)}
    >
      <summary title="A table of this file for pandas, polars, DuckDB or a spreadsheet">Save</summary>
      <div class="menu">${this.tables === null ? this.waiting() : this.choices(this.tables)}</div>
    </details>`;
  }

  private waiting(): unknown {
    return this.error === null ? html`<p class="wide quiet">Counting</p>` : this.failure();
  }

  private choices(tables: readonly TableView[]): unknown {
    return html`
      <label for="table">Table</label>
      <select id="table" @change=${(event: Event) => (this.table = valueOf(event) as TableView['table'])}>
        ${tableChoices(tables).map(
          ({ value, label }) =>
            html`<option value=${value} ?selected=${value === this.table}>${label}</option>`,
        )}
      </select>
      <label for="format">Format</label>
      <select id="format" @change=${(event: Event) => (this.format = valueOf(event) as TableFormat)}>
        ${FORMAT_CHOICES.map(
          ({ value, label }) =>
            html`<option value=${value} ?selected=${value === this.format}>${label}</option>`,
        )}
      </select>
      <button
        class="wide primary"
        ?disabled=${this.saving || this.table === null}
        @click=${() => void this.save()}
      >
        ${this.saving ? 'Writing' : 'Save file'}
      </button>
      ${this.failure()}
    `;
  }

  private failure(): unknown {
    return this.error === null
      ? nothing
      : html`<vs-error class="wide" role="alert" .error=${this.error}></vs-error>`;
  }

  private async list(): Promise<void> {
    this.error = null;
    try {
      const listed = await (await this.api()).tables(this.query);
      if (!listed.ok) return void (this.error = listed.error);
      this.tables = listed.value;
      if (!listed.value.some(({ table }) => table === this.table))
        this.table = listed.value[0]?.table ?? null;
    } catch (thrown) {
      this.error = toErrorData(thrown, this.source.file);
    }
  }

  private async save(): Promise<void> {
    const { table, format, source, device } = this;
    if (table === null) return;
    this.error = null;
    this.saving = true;
    try {
      const saved = await (await this.api()).saveTable({ ...this.query, table, format });
      if (!saved.ok) return void (this.error = saved.error);
      const type = FORMAT_CHOICES.find(({ value }) => value === format)!.type;
      saveFile(savedName(source.file, device?.device ?? null, table, format), saved.value, type);
    } catch (thrown) {
      this.error = toErrorData(thrown, source.file);
    } finally {
      this.saving = false;
    }
  }

  /** Escape closes the menu and nothing behind it. */
  private keydown(event: KeyboardEvent): void {
    const details = event.currentTarget as HTMLDetailsElement;
    if (event.key !== 'Escape' || !details.open) return;
    event.stopPropagation();
    details.open = false;
    details.querySelector('summary')?.focus();
  }
}

const valueOf = (event: Event): string => (event.currentTarget as HTMLSelectElement).value;
