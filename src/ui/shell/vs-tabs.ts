/** Tabs of what is open, grouped by file; where there are many, a list to choose from beside them. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Tab, TabGroup } from '../../view/shell/tabs.ts';
import { tabByKey, tabGroups, tabLabel } from '../../view/shell/tabs.ts';
import { controls } from '../parts/theme.ts';

/** Tabs that a strip shows well. */
const MANY = 8;

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
      button[aria-selected='true'] .part {
        color: var(--text);
      }
      .file {
        max-width: 260px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .several {
        display: flex;
        align-items: center;
        flex: none;
      }
      .several > .file {
        max-width: 220px;
        padding: 0 4px 0 14px;
      }
      .several > button {
        padding: 0 10px;
      }
      .group + .group {
        border-left: 1px solid var(--line);
      }
      .row {
        display: flex;
        align-items: center;
        gap: 8px;
      }
      .strip {
        min-width: 0;
      }
      select {
        flex: none;
        max-width: 150px;
      }
    `,
  ];

  @property({ attribute: false }) tabs: readonly Tab[] = [];
  @property() current = '';

  override render(): unknown {
    const groups = tabGroups(this.tabs);
    return html`<div class="row">
      <div class="strip" role="tablist" aria-label="Open recordings" @keydown=${this.keydown}>
        ${groups.map((group) => this.group(group))}
      </div>
      ${this.tabs.length > MANY ? this.list(groups) : nothing}
    </div>`;
  }

  override updated(changed: Map<string, unknown>): void {
    if (!changed.has('current')) return;
    this.renderRoot
      .querySelector('[aria-selected="true"]')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  private group({ file, tabs }: TabGroup): unknown {
    if (tabs.length === 1) return html`<div class="group">${this.tab(tabs[0], true)}</div>`;
    return html`<div class="group several">
      <span class="file quiet" title=${file} aria-hidden="true">${file}</span>
      ${tabs.map((tab) => this.tab(tab, false))}
    </div>`;
  }

  private tab(tab: Tab, alone: boolean): unknown {
    const { file, part } = tabLabel(tab);
    const selected = tab.id === this.current;
    return html`<button
      role="tab"
      id=${`tab-${tab.id}`}
      aria-label=${alone ? nothing : `${file} ${part}`}
      aria-selected=${selected ? 'true' : 'false'}
      tabindex=${selected ? 0 : -1}
      data-tab=${tab.id}
      title=${`${file}, ${part}`}
      @click=${() => this.choose(tab.id)}
    >
      ${alone ? html`<span class="file">${file}</span>` : nothing}<span class="part">${part}</span>
    </button>`;
  }

  private list(groups: readonly TabGroup[]): unknown {
    return html`<select
      aria-label="All open recordings"
      @change=${(event: Event) => this.choose((event.target as HTMLSelectElement).value)}
    >
      ${groups.map(
        ({ file, tabs }) =>
          html`<optgroup label=${file}>
            ${tabs.map(
              (tab) =>
                html`<option value=${tab.id} ?selected=${tab.id === this.current}>
                  ${file}: ${tabLabel(tab).part}
                </option>`,
            )}
          </optgroup>`,
      )}
    </select>`;
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
