/**
 * The answer at the top of a page: who holds the memory, does the growth end, how to get it back; then every finding
 * and the growth by iteration. Says when it is still being worked out, and when there is nothing to say.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { ByteUnit } from '../../base/units.ts';
import type { DeviceDiagnosis } from '../../engine/protocol.ts';
import type { DiagnosisPage } from '../../view/diagnosis/diagnosis.ts';
import { diagnosisPage } from '../../view/diagnosis/diagnosis.ts';
import { qualityModel } from '../../view/diagnosis/diagnosis-quality.ts';
import type { FindingModel } from '../../view/diagnosis/finding.ts';
import type { DiagnosisState } from './diagnosis-run.ts';
import { NOT_DIAGNOSED } from './diagnosis-run.ts';
import { controls } from '../parts/theme.ts';
import './vs-diagnosis-answers.ts';
import '../shell/vs-error.ts';
import './vs-finding.ts';
import './vs-growth.ts';
import './vs-growth-tables.ts';

@customElement('vs-diagnosis')
export class VsDiagnosis extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        margin-bottom: 16px;
      }
      header {
        display: flex;
        align-items: baseline;
        gap: 12px;
        padding: 10px 16px;
        border-bottom: 1px solid var(--line);
      }
      header.alone {
        border-bottom: 0;
      }
      .state {
        font-size: 13px;
      }
      progress {
        width: 120px;
        height: 4px;
        align-self: center;
        accent-color: var(--accent);
      }
      vs-error {
        margin: 12px 16px;
      }
      .parts {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        border-top: 1px solid var(--line);
      }
      .parts.both {
        grid-template-columns: minmax(0, 1fr) minmax(300px, 27%);
      }
      .both vs-growth {
        border-left: 1px solid var(--line);
      }
      ul {
        list-style: none;
      }
      li + li,
      .general {
        border-top: 1px solid var(--line);
      }
      .general {
        padding: 10px 16px 0;
      }
      .quality {
        padding: 7px 16px;
        border-top: 1px solid var(--line);
        font-size: 13px;
      }
      .quality ul {
        max-width: 120ch;
        margin: 4px 0 4px 20px;
        list-style: disc;
        overflow-wrap: anywhere;
      }
      .quality li + li {
        border: 0;
      }
      .none {
        padding: 11px 16px;
        font-size: 13px;
      }
      @media (max-width: 1100px) {
        .parts.both {
          grid-template-columns: minmax(0, 1fr);
        }
        .both vs-growth {
          border-top: 1px solid var(--line);
          border-left: 0;
        }
      }
    `,
  ];

  @property({ attribute: false }) state: DiagnosisState = NOT_DIAGNOSED;
  /** null: a page without a device, which shows what is said of no device alone. */
  @property() deviceKey: string | null = null;
  /** Whether the recording tells which line allocates. */
  @property({ attribute: false }) hasStacks = true;
  /** Findings of this page's log are told with a recording. */
  @property({ attribute: false }) elsewhere = false;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    const { running, diagnosis, error } = this.state;
    if (!running && diagnosis === null && error === null) return nothing;
    const page = diagnosis === null ? null : diagnosisPage(diagnosis, this, this.unit);
    const empty = page !== null && page.findings.length + page.general.length === 0;
    const alone = error === null && (page === null || (empty && page.answers === null));
    return html`<section class="panel" aria-label="Diagnosis">
      <header class=${alone ? 'alone' : ''}>
        <h2>Diagnosis</h2>
        <span class="state quiet" role="status">${this.words(page, empty)}</span>
        ${running ? html`<progress aria-label="Diagnosing"></progress>` : nothing}
      </header>
      ${error === null ? nothing : html`<vs-error role="alert" .error=${error}></vs-error>`}
      ${page === null ? nothing : this.page(page, empty)}
    </section>`;
  }

  private words(page: DiagnosisPage | null, empty: boolean): string {
    if (this.state.running) return 'Diagnosing…';
    if (page === null || !empty || page.answers !== null) return '';
    return this.elsewhere ? 'What this log tells is said of the recording of its run.' : 'Nothing to report.';
  }

  private page({ answers, findings, general }: DiagnosisPage, empty: boolean): unknown {
    const device = this.state.diagnosis?.devices.find(({ deviceKey }) => deviceKey === this.deviceKey);
    const grows = device !== undefined && device.growth.length > 0;
    return html`
      ${answers === null ? nothing : html`<vs-diagnosis-answers .answers=${answers}></vs-diagnosis-answers>`}
      ${device === undefined ? nothing : quality(device)}
      ${
        empty && answers === null
          ? nothing
          : html`<div class="parts ${grows ? 'both' : ''}">
                <div>
                  ${empty ? html`<p class="none quiet">Nothing to report.</p>` : this.list(findings, 'Findings')}
                  ${
                    general.length === 0
                      ? nothing
                      : html`${
                          findings.length === 0
                            ? nothing
                            : html`<h3 class="general">About all open files</h3>`
                        }${this.list(general, 'Findings about all open files')}`
                  }
                </div>
                ${grows ? html`<vs-growth .device=${device} .unit=${this.unit}></vs-growth>` : nothing}
              </div>
              ${grows ? html`<vs-growth-tables .device=${device} .unit=${this.unit}></vs-growth-tables>` : nothing}`
      }
    `;
  }

  private list(findings: readonly FindingModel[], label: string): unknown {
    if (findings.length === 0) return nothing;
    return html`<h3 class="visually-hidden">${label}</h3>
      <ul aria-label=${label}>
        ${repeat(
          findings,
          ({ id, title }) => `${id} ${title}`,
          (finding) => html`<li><vs-finding .finding=${finding}></vs-finding></li>`,
        )}
      </ul>`;
  }
}

function quality(device: DeviceDiagnosis): unknown {
  const { words, facts, sentences, settings } = qualityModel(device);
  return html`<details class="quality">
    <summary><strong>${words}</strong>${facts.map((fact) => `, ${fact}`)}</summary>
    <ul>
      ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
      ${settings === null ? nothing : html`<li>Settings in force: <code>${settings}</code></li>`}
    </ul>
  </details>`;
}
