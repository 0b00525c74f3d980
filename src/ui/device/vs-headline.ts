/** Headline figures: now and peak, and when. A click on the moment of the peak goes there. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { HeadlineCard } from '../../view/device/headline.ts';
import { sharedNotes } from '../../view/device/headline.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-headline')
export class VsHeadline extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      ul {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(210px, 1fr));
        overflow: hidden;
        list-style: none;
      }
      li {
        padding: 12px 16px;
        box-shadow: -1px -1px 0 var(--line);
      }
      h3 {
        display: flex;
        align-items: center;
        gap: 8px;
      }
      .swatch {
        width: 10px;
        height: 10px;
        border-radius: 2px;
      }
      .figure {
        margin-top: 4px;
        font-size: 22px;
        font-weight: 600;
        line-height: 1.25;
        letter-spacing: -0.01em;
      }
      .figure.unknown {
        font-size: 15px;
        font-weight: 400;
        line-height: 27px;
        letter-spacing: 0;
        color: var(--text-quiet);
      }
      .line {
        font-size: 13px;
      }
      .note {
        margin-top: 4px;
        font-size: 12px;
        color: var(--text-quiet);
      }
      .below {
        margin: 6px 2px 0;
      }
    `,
  ];

  @property({ attribute: false }) cards: readonly HeadlineCard[] = [];

  override render(): unknown {
    const { cards, notes } = sharedNotes(this.cards);
    return html`<h2 class="visually-hidden">Headline</h2>
      <ul class="panel" aria-label="Headline figures">
        ${cards.map((card) => this.card(card))}
      </ul>
      ${notes.map((note) => html`<p class="note below">${note}</p>`)}`;
  }

  private card(card: HeadlineCard): unknown {
    const known = card.nowKnown;
    return html`<li data-figure=${card.id}>
      <h3>
        ${
          card.color === null
            ? nothing
            : html`<span class="swatch" .style=${`background: var(--curve-${card.color})`}></span>`
        }${card.label}
      </h3>
      <p class="figure ${known ? '' : 'unknown'}" title=${card.nowTitle}>${card.now}</p>
      <p class="line">
        Peak <strong title=${card.peakTitle}>${card.peak}</strong>
        ${
          card.when === null
            ? nothing
            : html`<button
                class="link"
                title="Show this moment on the timeline"
                @click=${() => this.go(card)}
              >
                ${card.when}
              </button>`
        }
      </p>
      ${card.note === null ? nothing : html`<p class="note">${card.note}</p>`}
    </li>`;
  }

  private go({ peakAtNs, peakRow }: HeadlineCard): void {
    this.dispatchEvent(
      new CustomEvent('go-to-peak', { detail: { peakAtNs, peakRow }, bubbles: true, composed: true }),
    );
  }
}
