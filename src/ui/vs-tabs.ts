/** Tabs of what is open: one for each device of each file. */
import { LitElement, css, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Tab } from '../view/tabs.ts';
import { tabByKey, tabLabel } from '../view/tabs.ts';
import { controls } from './theme.ts';

@customElement('vs-tabs')
export class VsTabs extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .strip {
        display: flex;
        gap: 2px;
        overflow-x: auto;
        scrollbar-width: thin;
      }
      button {
        display: flex;
        gap: 8px;
        align-items: center;
        height: 40px;
        padding: 0 14px;
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 0;
        background: none;
      }
      button:hover:not(:disabled) {
        border-color: transparent;
      }
      button[aria-selected='true'],
      button[aria-selected='true']:hover:not(:disabled) {
        border-bottom-color: var(--accent);
        font-weight: 600;
      }
      button:focus-visible {
        outline-offset: -3px;
      }
      .part {
        color: var(--text-quiet);
        font-weight: 400;
      }
    `,
  ];

  @property({ attribute: false }) tabs: readonly Tab[] = [];
  @property() current = '';

  override render(): unknown {
    return html`<div class="strip" role="tablist" aria-label="Open recordings" @keydown=${this.keydown}>
      ${this.tabs.map((tab) => {
        const { file, part } = tabLabel(tab);
        const selected = tab.id === this.current;
        return html`<button
          role="tab"
          id=${`tab-${tab.id}`}
          aria-selected=${selected ? 'true' : 'false'}
          tabindex=${selected ? 0 : -1}
          data-tab=${tab.id}
          @click=${() => this.choose(tab.id)}
        >
          <span>${file}</span><span class="part">${part}</span>
        </button>`;
      })}
    </div>`;
  }

  private readonly keydown = (event: KeyboardEvent): void => {
    const next = tabByKey(
      this.tabs.map(({ id }) => id),
      this.current,
      event.key,
    );
    if (next === null) return;
    event.preventDefault();
    this.choose(next);
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus(),
    );
  };

  private choose(tab: string): void {
    this.dispatchEvent(new CustomEvent('choose-tab', { detail: { tab }, bubbles: true, composed: true }));
  }
}
