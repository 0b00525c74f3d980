/** Three questions and their answers beside each other. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Answers, BackAnswer, EndAnswer, Holder, WhoAnswer } from '../../view/diagnosis/diagnosis.ts';
import type { LeadAnswer, Question } from '../../view/diagnosis/lead.ts';
import { placeWords } from '../../view/diagnosis/finding.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from '../parts/theme.ts';
import { showEvidence } from './vs-finding.ts';
import './vs-finding-code.ts';

@customElement('vs-diagnosis-answers')
export class VsDiagnosisAnswers extends LitElement {
  static override styles = [
    controls,
    severityStyle,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
      }
      section {
        padding: 12px 16px 14px;
        font-size: 13px;
      }
      .lead {
        grid-column: 1 / -1;
        border-bottom: 1px solid var(--line);
      }
      .lead .short {
        font-size: 19px;
      }
      .lead .words {
        max-width: 120ch;
      }
      section:not(.lead) + section {
        border-left: 1px solid var(--line);
      }
      h3 {
        font-weight: 500;
        color: var(--text-quiet);
      }
      .short {
        display: flex;
        gap: 8px;
        align-items: center;
        margin-top: 3px;
        font-size: 17px;
        font-weight: 600;
        line-height: 1.3;
      }
      .short.unknown {
        font-weight: 400;
        color: var(--text-quiet);
      }
      .short .severity svg {
        width: 16px;
        height: 16px;
      }
      p,
      li {
        overflow-wrap: anywhere;
      }
      .figures {
        margin-top: 2px;
      }
      .words {
        margin-top: 4px;
      }
      ol,
      ul {
        margin: 4px 0 0;
        padding: 0;
        list-style: none;
      }
      li + li {
        margin-top: 8px;
      }
      li:first-child .name {
        font-size: 15px;
        font-weight: 600;
      }
      button.link {
        text-align: left;
        white-space: normal;
        overflow-wrap: anywhere;
        font-family: var(--mono);
      }
      li:first-child .gain {
        font-size: 17px;
        font-weight: 600;
        line-height: 1.3;
      }
      .gain {
        font-weight: 600;
      }
      vs-finding-code {
        margin-top: 3px;
      }
      @media (max-width: 900px) {
        :host {
          grid-template-columns: minmax(0, 1fr);
        }
        section + section,
        section:not(.lead) + section {
          border-top: 1px solid var(--line);
          border-left: 0;
        }
      }
    `,
  ];

  @property({ attribute: false }) answers!: Answers;

  override render(): unknown {
    const { lead, who, ends, back } = this.answers;
    const answers: Readonly<Record<Question, () => unknown>> = {
      who: () => this.who(who),
      ends: () => this.ends(ends),
      back: () => this.back(back),
    };
    return html`
      ${lead.answer === null ? nothing : this.lead(lead.answer)}
      ${lead.questions.map(
        ({ id, text }) =>
          html`<section data-answer=${id}>
            <h3>${text}</h3>
            ${answers[id]()}
          </section>`,
      )}
    `;
  }

  private lead({ question, short, severity, words, confidence }: LeadAnswer): unknown {
    return html`<section class="lead" data-answer="lead">
      <h3>${question}</h3>
      <p class="short">${renderSeverity(severity, false)}${short}</p>
      <p class="words">
        ${words}${confidence === '' ? nothing : html` <span class="quiet">${confidence}.</span>`}
      </p>
    </section>`;
  }

  private who({ known, short, words, holders, classes, caveat }: WhoAnswer): unknown {
    if (!known) return unknown('Not known', words);
    if (short !== null)
      return html`<p class="short">${short}</p>
        <p class="words quiet">${words}</p>
        <ul>
          ${classes.map(
            (one) =>
              html`<li>
                <strong>${one.name}</strong>
                <div class="quiet" title=${one.title}>${one.words}</div>
              </li>`,
          )}
        </ul>`;
    return html`<p class="words quiet">${words}</p>
      <ol>
        ${holders.map((holder) => this.holder(holder))}
      </ol>
      ${caveat === null ? nothing : html`<p class="words quiet">${caveat}</p>`}`;
  }

  private holder({ name, words, evidence }: Holder): unknown {
    return html`<li>
      <button class="link name" title=${placeWords(evidence)} @click=${() => showEvidence(this, evidence)}>
        ${name}
      </button>
      <div class="quiet">${words}</div>
    </li>`;
  }

  private ends({ known, short, severity, confidence, figures, words }: EndAnswer): unknown {
    if (!known) return unknown(short, words);
    return html`
      <p class="short">${severity === null ? nothing : renderSeverity(severity, false)}${short}</p>
      ${figures.map(({ text, title }) => html`<p class="figures" title=${title}>${text}</p>`)}
      <p class="words quiet">${words} ${confidence}.</p>
    `;
  }

  private back({ known, ways, words }: BackAnswer): unknown {
    if (!known) return unknown('Nothing found', words);
    return html`<ul>
      ${ways.map(
        ({ gain, remedy, because }) =>
          html`<li title=${because}>
            ${
              gain === null
                ? nothing
                : html`<div>
                    <span class="gain" title=${gain.title}>${gain.text}</span>
                    ${gain.how === null ? nothing : html`<span class="quiet">${gain.how}</span>`}
                  </div>`
            }
            ${remedy.words === null ? nothing : html`<div>${remedy.words}</div>`}
            ${remedy.code === null ? nothing : html`<vs-finding-code code=${remedy.code}></vs-finding-code>`}
          </li>`,
      )}
    </ul>`;
  }
}

const unknown = (short: string, words: string): unknown =>
  html`<p class="short unknown">${short}</p>
    <p class="words quiet">${words}</p>`;
