/**
 * What a page that holds the element says to it: attributes, and files handed over by messages.
 *
 *   <vram-scope src="/runs/7/rank0.pickle" view="stacks" theme="dark" unit="decimal"
 *               message-origins="https://wiki.example https://grafana.example"></vram-scope>
 *
 *   frame.postMessage('PING', origin)                                        -> 'PONG', once it listens
 *   frame.postMessage({ vramscope: { buffer, title, fileName } }, origin)    -> the file is open
 *
 * The shape is Perfetto's (https://perfetto.dev/docs/visualization/deep-linking-to-perfetto-ui), whose own key is taken,
 * too. Messages of an origin that is not listed are not answered: without a list nobody is heard.
 */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { NO_ADDRESS, type ViewAddress } from '../../view/workspace/address.ts';
import { type ViewId, VIEWS } from '../../view/workspace/context.ts';
import { sourcesAsked } from './fetch-source.ts';
import type { Session } from './session.ts';
import type { Settings } from './settings.ts';

const ATTRIBUTES = ['src', 'view', 'theme', 'unit'] as const;

export interface HostedPage {
  session(): Session;
  openFiles(files: readonly File[]): Promise<void>;
  /** For as long as the page is: what a host sets is not what its visitor chose. */
  override(settings: Partial<Settings>): void;
  /** The page of a device; null: none is shown. */
  shown(): { restore(address: ViewAddress): Promise<void> } | null;
}

/** Origins of a list, as browsers write them; what is no origin is left out. */
export function originsOf(list: string | null): ReadonlySet<string> {
  const origins = (list ?? '').split(/[\s,]+/).flatMap((text) => {
    try {
      const { origin } = new URL(text);
      return origin === 'null' ? [] : origin;
    } catch {
      return [];
    }
  });
  return new Set(origins);
}

interface Handed {
  readonly buffer: ArrayBuffer;
  readonly name: string;
}

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value : null;

/** The file in a message; null: it is none; a text says what is wrong with it. */
export function handedOver(data: unknown): Handed | string | null {
  if (typeof data !== 'object' || data === null) return null;
  const { vramscope, perfetto } = data as { vramscope?: unknown; perfetto?: unknown };
  const told = vramscope ?? perfetto;
  if (typeof told !== 'object' || told === null) return null;
  const { buffer, title, fileName } = told as { buffer?: unknown; title?: unknown; fileName?: unknown };
  const bytes = ArrayBuffer.isView(buffer)
    ? (buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength) as ArrayBuffer)
    : buffer;
  if (!(bytes instanceof ArrayBuffer)) return 'the message holds no "buffer" of bytes';
  return { buffer: bytes, name: textOf(fileName) ?? textOf(title) ?? 'handed over' };
}

export class HostPage implements ReactiveController {
  private stop = new AbortController();
  /** Asked for before there was a device to show. */
  private wanted: ViewId | null = null;
  /** The element writes its theme itself, at each drawing: what is written anew has not changed. */
  private readonly watch = new MutationObserver((changes) => {
    for (const { attributeName: name, oldValue } of changes)
      if (name !== null && oldValue !== this.host.getAttribute(name)) this.follow(name);
  });

  constructor(
    private readonly host: ReactiveControllerHost & HTMLElement,
    private readonly page: HostedPage,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    this.stop = new AbortController();
    const { signal } = this.stop;
    window.addEventListener('message', (event) => this.hear(event), { signal });
    this.host.addEventListener('analysis-ready', () => this.show(this.wanted), { signal });
    if (this.page.session().sources.length === 0) this.openSources(location.search);
    this.watch.observe(this.host, { attributeFilter: [...ATTRIBUTES], attributeOldValue: true });
    for (const name of ATTRIBUTES) if (this.host.hasAttribute(name)) this.follow(name);
  }

  hostDisconnected(): void {
    this.stop.abort();
    this.watch.disconnect();
  }

  /** Every `src` of a query, in its order, together. */
  private openSources(search: string): void {
    const session = this.page.session();
    const open = async (): Promise<void> => {
      const files = await sourcesAsked(search, session);
      if (files.length > 0) await this.page.openFiles(files);
    };
    void session.activity.during(open());
  }

  private show(view: ViewId | null): void {
    const shown = this.page.shown();
    this.wanted = shown === null ? view : null;
    if (shown !== null && view !== null) void shown.restore({ ...NO_ADDRESS, view });
  }

  private say(notice: string): void {
    this.page.session().say(notice);
  }

  private follow(name: string): void {
    const value = this.host.getAttribute(name);
    if (value === null) return;
    if (name === 'src') {
      this.openSources(`?${new URLSearchParams([['src', value]])}`);
    } else if (name === 'view') {
      const view = VIEWS.find(({ id }) => id === value);
      if (view === undefined)
        this.say(`There is no view "${value}"; there are ${VIEWS.map(({ id }) => id).join(', ')}.`);
      else this.show(view.id);
    } else if (name === 'theme') {
      if (value === 'light' || value === 'dark' || value === 'auto') this.page.override({ theme: value });
    } else if (value === 'binary' || value === 'decimal') this.page.override({ unit: value });
  }

  /** Read at each message: a host may set the list when it likes. */
  private get origins(): ReadonlySet<string> {
    const asked = new URLSearchParams(location.search).get('origins');
    return new Set([...originsOf(this.host.getAttribute('message-origins')), ...originsOf(asked)]);
  }

  private hear({ data, origin, source }: MessageEvent<unknown>): void {
    if (!this.origins.has(origin)) return;
    if (data === 'PING') {
      source?.postMessage('PONG', { targetOrigin: origin });
      return;
    }
    const handed = handedOver(data);
    if (handed === null) return;
    if (typeof handed === 'string') {
      this.say(`${origin} handed over nothing that can be opened: ${handed}.`);
      return;
    }
    void this.page
      .openFiles([new File([handed.buffer], handed.name)])
      .then(() => this.say(`${handed.name} was handed over by ${origin}.`));
  }
}
