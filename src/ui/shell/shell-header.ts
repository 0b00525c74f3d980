/** The bar at the top: what is open, ways to open more, unit and theme. */
import { html, nothing } from 'lit';
import type { Tab } from '../../view/shell/tabs.ts';
import { picksFolders } from './dropped-files.ts';
import type { Settings, ThemeChoice } from './settings.ts';
import './vs-tabs.ts';

/** More tabs than these have a row of their own: beside the buttons they would be cut off. */
const TABS_BESIDE = 2;

export interface HeaderModel {
  readonly tabs: readonly Tab[];
  /** Id of the tab that is shown. */
  readonly current: string;
  readonly settings: Settings;
  change(settings: Partial<Settings>): void;
  openFiles(): void;
  openFolder(): void;
  openText(): void;
  showKeys(): void;
  /** null: the application is not inside of the page, so that it cannot be saved with it. */
  readonly share: (() => void) | null;
}

/** The empty page has them itself, with what each is for. */
const waysToOpen = (model: HeaderModel): unknown =>
  html`<button class="primary" title="Open files (Ctrl+O)" @click=${() => model.openFiles()}>
      Open files
    </button>
    ${
      picksFolders()
        ? html`<button
            title="Open a folder: an export of several files, or the recordings of many ranks"
            @click=${() => model.openFolder()}
          >
            Open folder
          </button>`
        : nothing
    }
    <button
      title="Paste a log, an out-of-memory message, a vLLM MemorySnapshot, ... (Ctrl+V on the page opens it at once)"
      @click=${() => model.openText()}
    >
      Paste text
    </button>`;

export function renderHeader(model: HeaderModel): unknown {
  const { tabs, current } = model;
  const { theme: look, unit } = model.settings;
  const themeButton = (choice: ThemeChoice, label: string): unknown =>
    html`<button
      aria-pressed=${look === choice ? 'true' : 'false'}
      @click=${() => model.change({ theme: choice })}
    >
      ${label}
    </button>`;
  return html`<header class=${tabs.length > TABS_BESIDE ? 'bar tall' : 'bar'}>
    <span class="product">vramscope</span>
    ${tabs.length === 0 ? nothing : html`<vs-tabs .tabs=${tabs} current=${current}></vs-tabs>`}
    <span class="space"></span>
    ${tabs.length === 0 ? nothing : waysToOpen(model)}
    ${
      tabs.length === 0 || model.share === null
        ? nothing
        : html`<button title="Save this page with its files as one HTML file" @click=${model.share}>
            Case file
          </button>`
    }
    <span class="group" role="group" aria-label="Byte unit">
      <button
        aria-pressed=${unit === 'binary' ? 'true' : 'false'}
        @click=${() => model.change({ unit: 'binary' })}
      >
        GiB
      </button>
      <button
        aria-pressed=${unit === 'decimal' ? 'true' : 'false'}
        @click=${() => model.change({ unit: 'decimal' })}
      >
        GB
      </button>
    </span>
    <span class="group" role="group" aria-label="Theme">
      ${themeButton('auto', 'Auto')}${themeButton('light', 'Light')}${themeButton('dark', 'Dark')}
    </span>
    <button title="Keys and pointer (?)" aria-label="Keys and pointer" @click=${() => model.showKeys()}>
      ?
    </button>
  </header>`;
}
