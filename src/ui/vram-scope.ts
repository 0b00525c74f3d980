/**
 * <vram-scope>: the whole application. Holds what is open and which tab is shown; everything about one device
 * lives in its <vs-device>.
 *
 *   engine       for tests: another EngineApi than the worker's (set before the element is connected)
 *   own-page     attribute: the page holds nothing else, so that its history may be used
 *   analysis     promise of the analysis of all that was opened, as `vramscope analyze --json` prints it
 *   openFiles()  the same as dropping files
 *   openFolders()  the same as dropping folders
 *   openText()   the same as pasting text
 *   whenIdle()   promise that nothing is under way and everything is drawn
 *   tables()     promise of the tables of all that was opened, as Arrow IPC bytes by name
 *
 * Fires `analysis-ready` (detail: the analysis) whenever everything opened has been read.
 *
 * Long because everything that the page is made of meets here.
 */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Analysis } from '../engine/document/analysis.ts';
import { startEngine } from '../engine/engine-client.ts';
import type { EngineApi } from '../engine/engine-api.ts';
import type { RanOn } from '../engine/protocol.ts';
import { actionOf, type KeyAction } from '../view/shell/keys.ts';
import { deviceTab, tabsOf } from '../view/shell/tabs.ts';
import { addressOf, addressText, NO_ADDRESS, type ViewAddress } from '../view/workspace/address.ts';
import { linkNotice } from '../view/workspace/link.ts';
import type { ClockOffsetChange } from './diagnosis/diagnosis-run.ts';
import { arrowTables } from './shell/arrow-tables.ts';
import { CaseDesk } from './shell/case-desk.ts';
import type { Chosen } from './shell/dropped-files.ts';
import { checkedFiles, pickedFolders } from './shell/dropped-files.ts';
import { DropTarget } from './shell/drop-target.ts';
import { HostPage } from './shell/host-page.ts';
import { keyGoesElsewhere } from './shell/keyboard.ts';
import { LeaveGuard } from './shell/leave-guard.ts';
import { pastedFrom, pasteGoesElsewhere, textFile } from './shell/pasted.ts';
import { sampleFile } from './shell/sample.ts';
import { Session } from './shell/session.ts';
import type { Settings } from './shell/settings.ts';
import { gpuMode, loadSettings, saveSettings } from './shell/settings.ts';
import { pageCommands } from './shell/page-commands.ts';
import { type HeaderModel, renderHeader } from './shell/shell-header.ts';
import { shellStyle } from './shell/shell-style.ts';
import { OpenMeasures } from './shell/open-measures.ts';
import { controls, theme } from './parts/theme.ts';
import type { VsDevice } from './device/vs-device.ts';
import './shell/vs-jobs.ts';
import type { VsKeys } from './shell/vs-keys.ts';
import './shell/vs-keys.ts';
import type { VsLog } from './readings/vs-log.ts';
import type { VsPalette } from './shell/vs-palette.ts';
import './shell/vs-palette.ts';
import type { VsPaste } from './shell/vs-paste.ts';
import './shell/vs-paste.ts';
import { renderFirstPicture } from './shell/vs-preview.ts';
import './shell/vs-status.ts';
import { tabPage } from './shell/tab-page.ts';
import './shell/vs-tabs.ts';

const DARK = '(prefers-color-scheme: dark)';

@customElement('vram-scope')
export class VramScope extends LitElement {
  static override styles = [theme, controls, shellStyle];

  @property({ attribute: false }) engine: EngineApi | null = null;

  @property({ type: Boolean, attribute: 'own-page' }) ownPage = false;

  @state() private settings: Settings = loadSettings();
  @state() private systemDark = matchMedia(DARK).matches;
  @state() private chosen = '';
  @state() private visited: ReadonlySet<string> = new Set();
  /** Row of the event that each device's page shows. */
  @state() private shownRows: ReadonlyMap<string, number | null> = new Map();
  @state() private ranOn: RanOn | null = null;

  @query('input.files') private readonly picker!: HTMLInputElement;
  @query('input.folder') private readonly folderPicker!: HTMLInputElement;
  @query('vs-keys') private readonly keys!: VsKeys;
  @query('vs-paste') private readonly pasteBox!: VsPaste;
  @query('vs-palette') private readonly palette!: VsPalette;

  private openSession: Session | null = null;
  private readonly api = (): Promise<EngineApi> => this.session.api();
  private stop = new AbortController();
  private readonly dropTarget = new DropTarget(
    this,
    (chosen) => void this.session.activity.during(chosen.then((all) => this.openChosen(all))),
  );
  private readonly leaving = new LeaveGuard(this, {
    openFiles: () => this.openSession?.openFiles ?? 0,
    showTab: (tab, address) => {
      if (!this.has(tab)) return;
      this.choose(tab);
      void this.restore(tab, addressOf(address) ?? NO_ADDRESS);
    },
    say: (notice) => this.session.say(notice),
    ownsPage: () => this.ownPage,
  });
  private readonly caseDesk = new CaseDesk(this, {
    opened: () => this.session.opened(),
    api: this.api,
    address: () => this.links.get(this.chosen) ?? '',
    openChosen: (chosen) => this.openChosen(chosen),
    say: (notice) => this.session.say(notice),
  });
  readonly hostPage = new HostPage(this, {
    session: () => this.session,
    openFiles: (files) => this.openFiles(files),
    override: (settings) => (this.settings = { ...this.settings, ...settings }),
    shown: () => this.pageOf(this.chosen),
  });
  private hinted = false; // It was said once how a chart is zoomed.
  private readonly measures = new OpenMeasures();
  private texts = 0; // Opened so far, for their names.
  /** What the page's own address tells of and no open file has: shown as soon as that file is there. */
  private linked: ViewAddress | null = null;
  /** Address of what each tab shows. */
  @state() private links: ReadonlyMap<string, string> = new Map();

  /** Waits until something was opened and everything opened has been read. */
  get analysis(): Promise<Analysis> {
    return this.session.analysis;
  }

  /**
   * Resolves when no file is being read, no question to the engine is under way, and what came of them is drawn; at once
   * where that is so. In a page that the browser does not show nothing is drawn: there it waits until it is shown.
   */
  whenIdle(): Promise<void> {
    return this.session.activity.whenIdle(this);
  }

  /** Every table that has a row (docs/tables.md) as an Arrow IPC file, once everything opened has been read. */
  async tables(): ReturnType<typeof arrowTables> {
    await this.session.analysis;
    return await arrowTables(await this.session.api());
  }

  async openFiles(files: readonly File[]): Promise<void> {
    await this.openChosen({ files: checkedFiles(files), folders: [] });
  }

  async openFolders(folders: Chosen['folders']): Promise<void> {
    await this.openChosen({ files: [], folders });
  }

  private async openChosen({ files, folders }: Chosen): Promise<void> {
    this.measures.begin();
    const [first] = await this.session.open(files, folders);
    if (first !== undefined) this.choose(tabsOf([first])[0].id);
  }

  private get session(): Session {
    this.openSession ??= new Session(
      async (how) => {
        const api = this.engine;
        return api === null
          ? await startEngine({ gpu: gpuMode(), ...how })
          : { api, dispose: () => undefined };
      },
      gpuMode(),
      () => this.sessionChanged(),
      (analysis) =>
        this.dispatchEvent(
          new CustomEvent<Analysis>('analysis-ready', { detail: analysis, bubbles: true, composed: true }),
        ),
    );
    return this.openSession;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.stop = new AbortController();
    const { signal } = this.stop;
    window.addEventListener('keydown', (event) => this.keydown(event), { signal });
    window.addEventListener('paste', (event) => void this.paste(event), { signal });
    matchMedia(DARK).addEventListener('change', (event) => (this.systemDark = event.matches), { signal });
    this.linked = this.ownPage ? addressOf(location.hash) : null;
    if (this.linked !== null) this.session.say(linkNotice(this.linked));
    if (this.ownPage)
      void this.session.activity.during(this.caseDesk.openOwn((at) => (this.linked ??= addressOf(at))));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop.abort();
    // Moving the element in the page disconnects it too: the engine ends only if it stays away.
    setTimeout(() => {
      if (this.isConnected || this.openSession === null) return;
      void this.openSession.dispose().catch(() => undefined);
      this.openSession = null;
    });
  }

  private sessionChanged(): void {
    // What is shown stays shown; the first file to arrive on an empty page is shown at once.
    if (!this.has(this.chosen)) this.choose(tabsOf(this.session.sources)[0]?.id ?? '', false);
    this.followLink();
    this.requestUpdate();
  }

  /** The file that the page's address names has come: what the link shows is shown. */
  private followLink(): void {
    const { linked } = this;
    if (linked === null) return;
    const tab = deviceTab(this.session.sources, linked);
    if (tab === undefined) return;
    this.linked = null;
    this.session.say('');
    this.choose(tab.id);
    void this.session.activity.during(this.restore(tab.id, linked));
  }

  private async restore(tab: string, address: ViewAddress): Promise<void> {
    await this.updateComplete;
    if (address.unit !== null && address.unit !== this.settings.unit) this.change({ unit: address.unit });
    await this.pageOf(tab)?.restore(address);
  }

  private pageOf(tab: string): VsDevice | null {
    const pages = this.renderRoot.querySelectorAll<VsDevice>('vs-device');
    return [...pages].find(({ device }) => device.key === tab) ?? null;
  }

  /** What a device's page shows has another address. */
  private moved(event: CustomEvent<{ isStep: boolean }>): void {
    const page = event.target as VsDevice;
    const { unit } = this.settings;
    const known = {
      file: page.source.file,
      device: page.device.device,
      unit: unit === 'binary' ? null : unit,
    };
    const address = addressText({ ...page.address, ...known, unknown: [] });
    const tab = page.device.key;
    if (this.links.get(tab) === address) return;
    this.links = new Map(this.links).set(tab, address);
    if (tab === this.chosen) this.leaving.moved(tab, address, event.detail.isStep);
  }

  private has(tab: string): boolean {
    return tabsOf(this.session.sources).some(({ id }) => id === tab);
  }

  /** @param asked Whether somebody asked for it. */
  private choose(tab: string, asked = true): void {
    this.chosen = tab;
    this.visited = new Set([...this.visited, tab]);
    if (tab !== '') this.leaving.shown(tab, asked);
  }

  /** The same as opening a file that holds this text. */
  async openText(text: string): Promise<void> {
    await this.openFiles([textFile(text, ++this.texts)]);
  }

  private async paste(event: ClipboardEvent): Promise<void> {
    const { clipboardData } = event;
    if (event.defaultPrevented || clipboardData === null || pasteGoesElsewhere(event, this)) return;
    if (this.pasteBox.open || this.keys.open || this.caseDesk.isOpen) return;
    event.preventDefault();
    const { files, text } = pastedFrom(clipboardData);
    if (files.length > 0) await this.openFiles(files);
    else if (text !== null) await this.openText(text);
    else this.session.say('The clipboard holds neither text nor files.');
  }

  private async picked(): Promise<void> {
    const files = [...(this.picker.files ?? [])];
    this.picker.value = '';
    await this.openFiles(files);
  }

  private async pickedFolder(): Promise<void> {
    const files = [...(this.folderPicker.files ?? [])];
    this.folderPicker.value = '';
    await this.openFolders(pickedFolders(files));
  }

  private keydown(event: KeyboardEvent): void {
    const action = actionOf(event);
    if (action === null || keyGoesElsewhere(event, this)) return;
    // A sheet is modal, and Escape closes it by itself.
    if ((this.keys.open && action !== 'help') || this.pasteBox.open || this.caseDesk.isOpen) return;
    if (this.palette.open) return;
    if (action !== 'clear') event.preventDefault();
    this.act(action);
  }

  private act(action: KeyAction): void {
    if (action === 'open') this.picker.click();
    else if (action === 'help') this.keys.toggle();
    else if (action === 'palette') this.palette.toggle();
    else
      this.renderRoot
        .querySelector<VsDevice | VsLog>('vs-device:not([hidden]), vs-log:not([hidden])')
        ?.act(action);
  }

  private change(settings: Partial<Settings>): void {
    this.settings = { ...this.settings, ...settings };
    saveSettings(this.settings);
  }

  private get dark(): boolean {
    return this.settings.theme === 'auto' ? this.systemDark : this.settings.theme === 'dark';
  }

  private get header(): HeaderModel {
    return {
      tabs: tabsOf(this.session.sources),
      current: this.chosen,
      settings: this.settings,
      change: (settings) => this.change(settings),
      openFiles: () => this.picker.click(),
      openFolder: () => this.folderPicker.click(),
      openText: () => this.pasteBox.show(),
      showKeys: () => this.keys.toggle(),
      share: this.ownPage && this.caseDesk.canSave ? () => this.caseDesk.show() : null,
    };
  }

  override render(): unknown {
    const { session } = this;
    this.measures.look(session);
    this.toggleAttribute('dark', this.dark);
    if (this.settings.theme === 'auto') this.removeAttribute('theme');
    else this.setAttribute('theme', this.settings.theme);
    this.setAttribute('wheel', this.settings.wheel);
    const tabs = tabsOf(session.sources);
    return html`
      <div
        class="shell"
        @choose-files=${() => this.picker.click()}
        @choose-folder=${() => this.folderPicker.click()}
        @choose-text=${() => this.pasteBox.show()}
        @open-text=${(event: CustomEvent<{ text: string }>) => void this.openText(event.detail.text)}
        @open-sample=${() => void session.activity.during(sampleFile().then((file) => this.openFiles([file])))}
        @choose-tab=${(event: CustomEvent<{ tab: string }>) => this.choose(event.detail.tab)}
        @cancel-job=${(event: CustomEvent<{ job: number }>) => session.cancel(event.detail.job)}
        @set-clock-offset=${(event: CustomEvent<ClockOffsetChange>) => void session.diagnosis.setClockOffset(event.detail)}
        @reopen-source=${(event: CustomEvent<{ source: number }>) => void session.reopen(event.detail.source)}
        @close-source=${(event: CustomEvent<{ source: number }>) => session.close(event.detail.source)}
        @change-settings=${({ detail }: CustomEvent<Partial<Settings>>) => this.change(detail)}
        @chart-scrolled-past=${(event: Event) => {
          if (this.hinted) event.preventDefault();
          this.hinted = true;
        }}
        @view-changed=${(event: CustomEvent<{ isStep: boolean }>) => this.moved(event)}
        @ran-on=${(event: CustomEvent<RanOn>) => (this.ranOn = event.detail)}
      >
        ${renderHeader(this.header)} ${this.caseDesk.renderNote()}
        ${
          session.jobs.length === 0
            ? nothing
            : html`<section aria-label="Reading">
                <vs-jobs .jobs=${session.jobs} .unit=${this.settings.unit}></vs-jobs>
              </section>`
        }
        <main>
          ${tabs.length === 0 ? renderFirstPicture(session.jobs, this.settings.unit, this.dark) : nothing}
          ${repeat(
            tabs.filter(({ id }) => this.visited.has(id)),
            ({ id }) => id,
            (tab) =>
              tabPage(tab, {
                ...{ session, api: this.api, unit: this.settings.unit, dark: this.dark },
                hidden: tab.id !== this.chosen,
                link:
                  this.ownPage && this.links.has(tab.id)
                    ? location.href.split('#')[0] + (this.links.get(tab.id) ?? '')
                    : '',
                shownRow: this.shownRows.get(tab.id) ?? null,
                showRow: (row) => (this.shownRows = new Map(this.shownRows).set(tab.id, row)),
              }),
          )}
        </main>
        <footer>
          <vs-status .status=${session.status} .ranOn=${this.ranOn} .notice=${session.notice}></vs-status>
        </footer>
        <vs-keys .wheel=${this.settings.wheel}></vs-keys>
        <vs-palette
          .commands=${() =>
            pageCommands(
              this.header,
              (action) => this.act(action),
              (tab) => this.choose(tab),
            )}
        ></vs-palette>
        <vs-paste></vs-paste>
        ${this.caseDesk.renderSheet(this.settings.unit)}
        <input
          class="files"
          type="file"
          multiple
          hidden
          aria-label="Files to open"
          @change=${() => void this.picked()}
        />
        <input
          class="folder"
          type="file"
          webkitdirectory
          hidden
          aria-label="Folder to open"
          @change=${() => void this.pickedFolder()}
        />
        ${this.dropTarget.over ? html`<div class="drop"><p>Drop to open. Nothing is uploaded.</p></div>` : nothing}
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'vram-scope': VramScope;
  }
}
