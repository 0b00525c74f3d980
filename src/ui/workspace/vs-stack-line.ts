/** The page of one line: what it holds over time, its sizes and lifetimes, what stays of each iteration. */
import { LitElement, css, html, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { type ByteUnit, formatBytes } from '../../base/units.ts';
import type { Axis, LineAnswer } from '../../engine/protocol.ts';
import { formatX } from '../../view/parts/words.ts';
import {
  areaPath,
  type Bar,
  curvePath,
  highestShown,
  iterationWords,
  lifetimeBars,
  lineWords,
  sizeBars,
} from '../../view/workspace/stack-line.ts';
import { tableFrame } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';

const [WIDE, HIGH] = [1000, 160];

@customElement('vs-stack-line')
export class VsStackLine extends LitElement {
  static override styles = [
    controls,
    tableFrame,
    css`
      :host {
        display: block;
        min-height: 0;
        padding: 4px 12px 12px;
        overflow: auto;
        font-size: 13px;
      }
      p {
        margin: 4px 0 10px;
        max-width: 90ch;
      }
      svg {
        display: block;
        width: 100%;
        height: ${HIGH}px;
        border-bottom: 1px solid var(--line-strong);
      }
      .area {
        fill: color-mix(in srgb, var(--curve-blue) 25%, transparent);
      }
      .curve {
        fill: var(--curve-blue);
        stroke: var(--curve-blue);
        stroke-width: 1;
        vector-effect: non-scaling-stroke;
      }
      .ends {
        display: flex;
        justify-content: space-between;
        padding: 2px 0 12px;
        color: var(--text-quiet);
        font-size: 12px;
      }
      .both {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(300px, 1fr));
        gap: 8px 24px;
      }
      h3 {
        margin: 0 0 4px;
      }
      th,
      td {
        padding: 2px 8px 2px 0;
      }
      td.bar {
        width: 100%;
      }
      td.bar span {
        display: block;
        height: 10px;
        background: var(--curve-blue);
      }
    `,
  ];

  @property({ attribute: false }) answer: LineAnswer | null = null;
  @property() label = '';
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property() axis: Axis = 'time';

  override render(): unknown {
    const { answer, label, unit, axis } = this;
    if (answer === null) return html`<p class="quiet" role="status">Asking…</p>`;
    const words = lineWords(answer, unit);
    const iterations = iterationWords(answer.atMarks, unit);
    const { range } = answer;
    return html`
      <h2>${label}</h2>
      <p>${words}</p>
      <svg
        role="img"
        aria-label="${label}: bytes alive over time. At most ${formatBytes(highestShown(answer), unit)}."
        viewBox="0 0 ${WIDE} ${HIGH}"
        preserveAspectRatio="none"
      >
        ${svg`<path class="area" d=${areaPath(answer, WIDE, HIGH)}></path>
          <path class="curve" d=${curvePath(answer, WIDE, HIGH)}></path>`}
      </svg>
      <div class="ends">
        <span>${formatX(axis, range.from, range)}</span>
        <span>from 0 to ${formatBytes(highestShown(answer), unit)}</span>
        <span>${formatX(axis, range.to, range)}</span>
      </div>
      ${iterations === '' ? nothing : html`<p>${iterations}</p>`}
      <div class="both">
        ${this.bars('Sizes as requested', sizeBars(answer, unit))}
        ${this.bars('How long they lived', lifetimeBars(answer, unit))}
      </div>
    `;
  }

  private bars(title: string, bars: readonly Bar[]): unknown {
    return html`<section>
      <h3>${title}</h3>
      <table aria-label=${title}>
        ${bars.map(
          (bar) =>
            html`<tr>
              <th scope="row" title=${bar.title === '' ? nothing : bar.title}>${bar.label}</th>
              <td>${bar.text}</td>
              <td class="bar"><span .style=${`width: ${(100 * bar.share).toFixed(1)}%`}></span></td>
            </tr>`,
        )}
      </table>
    </section>`;
  }
}
