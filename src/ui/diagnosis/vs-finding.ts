/** One finding: what it is and how much it matters; folded away what it rests on and what to do. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Evidence } from '../../engine/protocol.ts';
import { type FindingModel, gainVerb, type Proof } from '../../view/diagnosis/finding.ts';
import { isPlaced, placeWords } from '../../view/diagnosis/finding.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from '../parts/theme.ts';
import './vs-finding-code.ts';

@customElement('vs-finding')
export class VsFinding extends LitElement {
  static override styles = [
    controls,
    severityStyle,
    css`
      :host {
        display: grid;
        grid-template-columns: 92px minmax(0, 1fr);
        padding: 11px 16px 10px;
      }
      h4 {
        min-width: 0;
        margin: 0;
        font-size: 14px;
        font-weight: 600;
        line-height: 20px;
        overflow-wrap: anywhere;
      }
      header {
        display: flex;
        align-items: baseline;
        justify-content: space-between;
        gap: 0 16px;
      }
      .gain {
        font-size: 13px;
        white-space: nowrap;
      }
      .verdict {
        max-width: 110ch;
        margin-top: 2px;
        font-size: 13px;
        overflow-wrap: anywhere;
      }
      details {
        margin-top: 3px;
        font-size: 13px;
      }
      dl {
        display: grid;
        grid-template-columns: 118px minmax(0, 1fr);
        gap: 8px 12px;
        max-width: 120ch;
        padding: 8px 0 4px;
      }
      dt {
        color: var(--text-quiet);
      }
      dd {
        overflow-wrap: anywhere;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li + li {
        margin-top: 4px;
      }
      button.link {
        text-align: left;
        white-space: normal;
        overflow-wrap: anywhere;
      }
      vs-finding-code {
        margin-top: 4px;
      }
      @media (max-width: 760px) {
        :host,
        dl {
          grid-template-columns: minmax(0, 1fr);
        }
        dl {
          gap: 0;
        }
        dd {
          margin-bottom: 8px;
        }
      }
    `,
  ];

  @property({ attribute: false }) finding!: FindingModel;

  override render(): unknown {
    const { id, severity, title, verdict, verdictExact, gain } = this.finding;
    return html`
      <div>${renderSeverity(severity)}</div>
      <div data-finding=${id}>
        <header>
          <h4>${title}</h4>
          ${
            gain === null
              ? nothing
              : html`<span class="gain" title=${gain.title}
                  >${gainVerb(id)} <strong>${gain.text}</strong></span
                >`
          }
        </header>
        <p class="verdict" title=${verdictExact === verdict ? nothing : verdictExact}>${verdict}</p>
        ${this.details()}
      </div>
    `;
  }

  private details(): unknown {
    const { finding } = this;
    const { remedy, gain } = finding;
    return html`<details>
      <summary>${remedy === null ? 'Why' : 'Why, and what to do'}: ${finding.facts}</summary>
      <dl>
        ${
          remedy === null
            ? nothing
            : html`<dt>What to do</dt>
                <dd>
                  ${remedy.words}
                  ${
                    remedy.code === null
                      ? nothing
                      : html`<vs-finding-code code=${remedy.code}></vs-finding-code>`
                  }
                </dd>`
        }
        ${
          gain === null
            ? nothing
            : html`<dt>${capital(gainVerb(finding.id))}</dt>
                <dd>
                  <span title=${gain.title}>${gain.text}</span>${
                    gain.how === null ? nothing : html`: ${gain.how}`
                  }
                </dd>`
        }
        <dt>Evidence</dt>
        <dd>
          <ol>
            ${finding.evidence.map((one) => html`<li>${this.evidence(one)}</li>`)}
          </ol>
        </dd>
        <dt>${finding.confidence}</dt>
        <dd>${finding.confidenceWhy}</dd>
        <dt>What would change this verdict</dt>
        <dd>${finding.wouldChange}</dd>
      </dl>
    </details>`;
  }

  private evidence(evidence: Proof): unknown {
    const { text, exact } = evidence;
    const said = exact === text ? '' : exact;
    if (!isPlaced(evidence)) return html`<span title=${said || nothing}>${text}</span>`;
    return html`<button
      class="link"
      title=${said === '' ? placeWords(evidence) : `${said} ${placeWords(evidence)}`}
      @click=${() => showEvidence(this, evidence)}
    >
      ${text}
    </button>`;
  }
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** Asks the device's page to go where the evidence is. */
export function showEvidence(from: HTMLElement, evidence: Evidence): void {
  from.dispatchEvent(
    new CustomEvent<Evidence>('show-evidence', { detail: evidence, bubbles: true, composed: true }),
  );
}
