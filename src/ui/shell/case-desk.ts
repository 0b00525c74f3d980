/** Saves what is open as a case file, and opens the case that the page itself is. */
import { type ReactiveController, type ReactiveControllerHost, html, nothing } from 'lit';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SourceView } from '../../engine/protocol.ts';
import { saveFile } from '../parts/save-file.ts';
import { type CaseAbout, caseFiles, caseHtml, caseIn, type CaseInput, canSaveCase } from './case-file.ts';
import type { Chosen } from './dropped-files.ts';
import type { Input } from './input.ts';
import type { CaseAsked, CaseItem, VsCase } from './vs-case.ts';
import './vs-case.ts';

export interface CaseHost {
  /** What was opened, in its order, with the sources that were read from it. */
  opened(): readonly { readonly input: Input; readonly sources: readonly SourceView[] }[];
  api(): Promise<EngineApi>;
  /** Address of what is shown; "": nothing is. */
  address(): string;
  openChosen(chosen: Chosen): Promise<void>;
  say(notice: string): void;
}

/** The reader of a snapshot is the one whose files can be written anew. */
const SNAPSHOT = 'torch-snapshot';

const canRedact = (sources: readonly SourceView[]): boolean =>
  sources.length === 1 && sources[0].format === SNAPSHOT && sources[0].devices.length > 0;

export class CaseDesk implements ReactiveController {
  private about: CaseAbout | null = null;
  private told = '';
  private saving = false;

  constructor(
    private readonly host: ReactiveControllerHost & { readonly renderRoot: HTMLElement | DocumentFragment },
    private readonly page: CaseHost,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    // Nothing: the case is opened by whoever knows that the page is its own.
  }

  /** What the page was showing when it was saved; null: it is no case. Its files are opened. */
  async openOwn(found: (address: string) => unknown): Promise<void> {
    try {
      this.about = caseIn(document);
      if (this.about === null) return;
      found(this.about.address);
      this.host.requestUpdate();
      await this.page.openChosen(await caseFiles(document, this.about));
    } catch (thrown) {
      this.page.say(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  get canSave(): boolean {
    return canSaveCase(document);
  }

  show(): void {
    this.told = '';
    this.host.requestUpdate();
    this.sheet?.show();
  }

  get isOpen(): boolean {
    return this.sheet?.open === true;
  }

  private get sheet(): VsCase | null {
    return this.host.renderRoot.querySelector('vs-case');
  }

  private tell(told: string, saving: boolean): void {
    this.told = told;
    this.saving = saving;
    this.host.requestUpdate();
  }

  /** The files as they go in. Throws with the reason where one cannot be read or redacted any more. */
  private async inputs({ redact }: CaseAsked): Promise<readonly CaseInput[]> {
    const all: CaseInput[] = [];
    for (const { input, sources } of this.page.opened()) {
      if (redact === null) {
        for (const { path, file } of input.files)
          all.push({ name: path, folder: input.folder, bytes: file.size, file });
        continue;
      }
      if (!canRedact(sources)) continue;
      const answer = await (await this.page.api()).redacted(sources[0].id, redact);
      if (!answer.ok) throw new Error(answer.error.message);
      const name = `snapshot ${all.length + 1}.pickle`;
      const file = new Blob([...answer.value]);
      all.push({ name, folder: null, bytes: file.size, file });
    }
    return all;
  }

  async save(asked: CaseAsked): Promise<void> {
    this.tell('Writing', true);
    try {
      const inputs = await this.inputs(asked);
      const redacted = asked.redact !== null;
      const file = await caseHtml(
        document,
        {
          made: new Date().toISOString(),
          note: asked.note,
          address: redacted ? '' : this.page.address(),
          redacted,
        },
        inputs,
      );
      const [first] = inputs;
      saveFile(
        `${redacted ? 'case' : (first?.name.split('/').at(-1) ?? 'case')}.case.html`,
        [new Uint8Array(await file.arrayBuffer())],
        'text/html',
      );
      this.tell('', false);
      this.sheet?.close();
    } catch (thrown) {
      this.tell(`Not saved: ${thrown instanceof Error ? thrown.message : String(thrown)}`, false);
    }
  }

  /** Who saved this, and what they say; nothing where the page is no case. */
  renderNote(): unknown {
    const { about } = this;
    if (about === null) return nothing;
    const when = about.made === '' ? '' : ` on ${about.made.slice(0, 16).replace('T', ' ')} UTC`;
    return html`<aside class="case" aria-label="Case file">
      <strong>Case file, saved${when}${about.redacted ? ', names taken out' : ''}.</strong>
      ${about.note === '' ? nothing : html`<span class="note">${about.note}</span>`}
    </aside>`;
  }

  renderSheet(unit: VsCase['unit']): unknown {
    const items = this.page.opened().map(({ input, sources }): CaseItem => ({
      name: input.name,
      bytes: input.bytes,
      canRedact: canRedact(sources),
    }));
    return html`<vs-case
      .items=${items}
      .unit=${unit}
      .told=${this.told}
      .saving=${this.saving}
      @save-case=${({ detail }: CustomEvent<CaseAsked>) => void this.save(detail)}
    ></vs-case>`;
  }
}
