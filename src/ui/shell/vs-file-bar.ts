/** What the file is, in plain words: who wrote it, what it covers, what it does not tell. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { DeviceView, SourceView } from '../../engine/protocol.ts';
import { describeDevice, describeEvents, describeSource } from '../../view/parts/words.ts';
import { controls } from '../parts/theme.ts';
import './vs-error.ts';
import './vs-save.ts';
import type { VsSql } from './vs-sql.ts';
import './vs-sql.ts';

@customElement('vs-file-bar')
export class VsFileBar extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      header {
        display: flex;
        align-items: center;
        gap: 8px;
      }
      h1 {
        flex: 1;
        min-width: 0;
        font-size: 18px;
        font-weight: 600;
        line-height: 1.3;
        overflow-wrap: anywhere;
      }
      .words p {
        max-width: 100ch;
      }
      div.words {
        flex-basis: 100%;
        margin-top: 4px;
      }
      .words p + p {
        margin-top: 2px;
      }
      details {
        margin-top: 2px;
      }
      summary.warn {
        color: var(--warn);
        font-weight: 600;
      }
      ul {
        margin: 4px 0 4px 20px;
        overflow-wrap: anywhere;
      }
      .details {
        display: flex;
        flex-wrap: wrap;
        gap: 0 24px;
      }
      details[open] {
        flex-basis: 100%;
      }
      table {
        margin: 4px 0;
        border-collapse: collapse;
      }
      td {
        padding: 1px 16px 1px 0;
      }
      vs-error {
        margin-top: 10px;
      }
    `,
  ];

  @property({ attribute: false }) source: SourceView | null = null;
  @property({ attribute: false }) device: DeviceView | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  /** Only the name and the buttons: a view needs the height. */
  @property({ type: Boolean }) compact = false;
  /** null: nothing can be saved here. */
  @property({ attribute: false }) api: (() => Promise<EngineApi>) | null = null;

  @query('vs-sql') private readonly sheet!: VsSql;

  override render(): unknown {
    const { source, device } = this;
    if (source === null) return nothing;
    return html`
      <header>
        <h1>${source.file}</h1>
        ${
          source.error?.code === 'ended'
            ? html`<button @click=${() => this.emit('reopen-source', { source: source.id })}>
                Open again
              </button>`
            : nothing
        }
        ${
          this.api === null || source.id < 0 || source.error?.code === 'ended'
            ? nothing
            : html`<button
                  title="Ask the tables of all open files with SQL"
                  @click=${() => this.sheet.show()}
                >
                  SQL
                </button>
                <vs-sql .api=${this.api} .device=${device}></vs-sql>
                <vs-save .api=${this.api} .source=${source} .device=${device}></vs-save>`
        }
        <button @click=${() => this.emit('close-source', { source: source.id })}>Close file</button>
      </header>
      ${source.error === null ? nothing : html`<vs-error role="alert" .error=${source.error}></vs-error>`}
      <div class="details" ?hidden=${this.compact}>
        ${this.words(source)} ${this.warnings(source)}${this.events(device)}${this.settings(source)}
      </div>
    `;
  }

  /** One sentence of what the file is; what it covers and what it does not tell is a click away. */
  private words(source: SourceView): unknown {
    const { device, unit } = this;
    const known = source.format !== null ? html`<p>${describeSource(source, unit)}</p>` : nothing;
    const more = [
      ...(device === null ? [] : [html`<p>${describeDevice(device, unit)}</p>`]),
      ...source.notRecorded.map((sentence) => html`<p class="quiet">${sentence}</p>`),
    ];
    // Without a diagnosis to read first there is room for all of it.
    if (device === null || source.format === null) return html`<div class="words">${known} ${more}</div>`;
    return html`<details class="words">
      <summary>${describeSource(source, unit)}${device.name === null ? '' : ` ${device.name}.`}</summary>
      ${more}
    </details>`;
  }

  private warnings(source: SourceView): unknown {
    const { warnings, skipped } = source;
    if (warnings.length === 0 && skipped === 0) return nothing;
    const left = skipped > 0 ? `, ${count(skipped, 'row')} left out` : '';
    return html`<details>
      <summary class="warn">${count(warnings.length, 'warning')}${left}</summary>
      <ul>
        ${warnings.map(
          ({ message, offset }) =>
            html`<li>${message}${offset === null ? '' : ` (at byte ${formatInteger(offset)})`}</li>`,
        )}
      </ul>
    </details>`;
  }

  private events(device: DeviceView | null): unknown {
    if (device === null) return nothing;
    return html`<details>
      <summary>Events by action</summary>
      <p>${describeEvents(device.events)}</p>
    </details>`;
  }

  private settings(source: SourceView): unknown {
    if (source.settings.length === 0) return nothing;
    return html`<details>
      <summary>Settings in the file</summary>
      <table class="mono">
        ${source.settings.map(
          ([name, value]) =>
            html`<tr>
              <td>${name}</td>
              <td>${value}</td>
            </tr>`,
        )}
      </table>
    </details>`;
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
