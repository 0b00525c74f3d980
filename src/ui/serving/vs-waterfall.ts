/**
 * Budgets as waterfalls: from the whole down, step by step, to what is left. <vs-budget> shows what a log printed and
 * whether it adds up; this shows the steps that follow from it, for one rank or a pod of several.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { WaterfallModel, WaterfallRow, WaterfallView } from '../../view/serving/diagnosis-waterfall.ts';
import { waterfallModel } from '../../view/serving/diagnosis-waterfall.ts';
import { barStyle } from '../parts/bar-style.ts';
import { controls } from '../parts/theme.ts';

/** Ranks before a button shows the rest. */
const MOST_RANKS = 4;

@customElement('vs-waterfall')
export class VsWaterfall extends LitElement {
  static override styles = [
    controls,
    barStyle,
    css`
      :host {
        display: block;
        padding: 14px 16px 16px;
      }
      :host(.below) {
        margin-bottom: 16px;
      }
      .ranks {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 540px), 1fr));
        gap: 14px 32px;
        margin-top: 10px;
      }
      section {
        container-type: inline-size;
      }
      h3 {
        padding-bottom: 4px;
        border-bottom: 1px solid var(--line-strong);
      }
      dl {
        display: grid;
        grid-template-columns: minmax(120px, max-content) minmax(0, 1fr) max-content max-content;
        gap: 5px 12px;
        margin-top: 6px;
        font-size: 13px;
        align-items: center;
      }
      .step {
        display: grid;
        grid-template-columns: subgrid;
        grid-column: 1 / -1;
        align-items: center;
      }
      .number {
        text-align: right;
      }
      .bar {
        height: 14px;
      }
      .aside .bar span {
        background: var(--line-strong);
      }
      .rounding .bar span {
        min-width: 0;
        background: var(--line-strong);
      }
      .rest .bar span {
        background: repeating-linear-gradient(45deg, var(--sunken) 0 4px, var(--line-strong) 4px 6px);
      }
      .negative .bar span {
        background: repeating-linear-gradient(45deg, var(--bad-soft) 0 4px, var(--bad) 4px 6px);
      }
      .negative .number {
        color: var(--bad);
      }
      .statement {
        margin-top: 6px;
        font-size: 13px;
      }
      .more {
        margin-top: 10px;
        font-size: 13px;
      }
      @container (max-width: 640px) {
        .rest-of {
          display: none;
        }
        dl {
          grid-template-columns: minmax(120px, max-content) minmax(80px, 1fr) max-content;
        }
      }
      @media (max-width: 620px) {
        .ranks {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  @property() heading = 'Budget step by step';
  @property({ attribute: false }) waterfalls: readonly WaterfallView[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private all = false;

  override render(): unknown {
    const { waterfalls, heading, unit } = this;
    if (waterfalls.length === 0) return nothing;
    const shown = this.all ? waterfalls : waterfalls.slice(0, MOST_RANKS);
    return html`
      <h2>${heading}</h2>
      <div class="ranks">${shown.map((one) => this.rank(waterfallModel(one, unit)))}</div>
      ${
        shown.length === waterfalls.length
          ? nothing
          : html`<button class="link more" @click=${() => (this.all = true)}>
              Show all ${waterfalls.length}
            </button>`
      }
    `;
  }

  private rank({ rank, total, rows, statement }: WaterfallModel): unknown {
    const name = rank === '' ? 'Budget' : rank;
    return html`<section data-rank=${rank}>
      <h3>${name}${total === null ? nothing : html`: ${total}`}</h3>
      <dl>${rows.map((row) => this.step(row))}</dl>
      ${statement === '' ? nothing : html`<p class="statement quiet">${statement}</p>`}
    </section>`;
  }

  private step({ id, label, text, title, left, width, tone, color, negative, rest }: WaterfallRow): unknown {
    const place = `left: ${(100 * left).toFixed(3)}%; width: ${(100 * width).toFixed(3)}%`;
    const fill = color === null ? '' : `; background: var(--curve-${color})`;
    return html`<div class="step ${tone} ${negative ? 'negative' : ''}" data-step=${id}>
      <dt>${label}</dt>
      <dd class="bar">
        <span .style=${place + fill}></span>
      </dd>
      <dd class="number" title=${rest === '' ? title : `${title}. ${rest}`}>${text}</dd>
      <dd class="number quiet rest-of">${rest}</dd>
    </div>`;
  }
}
