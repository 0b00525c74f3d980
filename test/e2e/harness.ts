/**
 * Drives the built application in Chromium as a person would: opens the file, drops files on it, reads what is
 * on screen. Every page is watched: a request that leaves it, an error on its console, an exception in it are
 * collected, and `Scope.close()` fails if there were any that the test did not expect.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import type { Browser, Frame, Page } from 'playwright';
import { expect } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const SINGLE_FILE = pathToFileURL(join(ROOT, 'dist/vramscope.html')).href;

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  // No name resolves: whatever got past the page's policy would still reach nobody.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

export interface GivenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The bytes so many times over: a big file that need not cross to the browser. */
  readonly times?: number;
}

export function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: FLAGS });
}

export const sample = (name: string): GivenFile => ({
  name,
  bytes: readFileSync(join(ROOT, 'samples', name)),
});

/** By its path below test/fixtures. */
export const fixture = (path: string): GivenFile => ({
  name: basename(path),
  bytes: readFileSync(join(ROOT, 'test/fixtures', path)),
});

export function unpackedSample(name: string): GivenFile {
  const packed = readFileSync(join(ROOT, 'samples', `${name}.gz`));
  return { name, bytes: new Uint8Array(gunzipSync(packed)) };
}

/** What torch.cuda.memory_stats() said when the sample was recorded. */
export function recordedStats(name: string): Record<string, number> {
  const path = join(ROOT, 'test/fixtures/samples', `${name}.memory_stats.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
}

export interface ScopeOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Requests to this origin are the test's own. */
  readonly origin?: string;
}

/** Hands the files to the element in a `drop`, as the browser would. Runs in the page. */
function dropInPage(files: readonly { name: string; base64: string; times: number }[]): void {
  const transfer = new DataTransfer();
  for (const { name, base64, times } of files) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    transfer.items.add(new File(new Array<Uint8Array<ArrayBuffer>>(times).fill(bytes), name));
  }
  const target = document.querySelector('vram-scope');
  if (target === null) throw new Error('There is no <vram-scope> here.');
  for (const type of ['dragenter', 'dragover', 'drop']) {
    const init = { bubbles: true, cancelable: true, composed: true, dataTransfer: transfer };
    target.dispatchEvent(new DragEvent(type, init));
  }
}

/** One watched page with the application in it. */
export class Scope {
  readonly requests: string[] = [];
  readonly errors: string[] = [];

  private constructor(readonly page: Page) {}

  static async open(browser: Browser, url: string, options: ScopeOptions = {}): Promise<Scope> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
      colorScheme: options.colorScheme ?? 'light',
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    const scope = new Scope(page);
    const stays = (address: string): boolean =>
      /^(file|blob|data|about):/.test(address) ||
      (options.origin !== undefined && address.startsWith(`${options.origin}/`));
    await context.route(
      (address) => !stays(address.href),
      (route) => route.abort('blockedbyclient'),
    );
    context.on('request', (request) => {
      if (!stays(request.url())) scope.requests.push(request.url());
    });
    page.on('websocket', (socket) => scope.requests.push(socket.url()));
    page.on('pageerror', (error) => scope.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') scope.errors.push(message.text());
    });
    await page.goto(url);
    return scope;
  }

  /** Fails if anything left the page or went wrong in it. */
  async close(): Promise<void> {
    await this.page.context().close();
    expect(this.requests).toEqual([]);
    expect(this.errors).toEqual([]);
  }

  async drop(files: readonly GivenFile[], frame: Page | Frame = this.page): Promise<void> {
    await frame.locator('vram-scope').waitFor({ state: 'attached' });
    const given = files.map(({ name, bytes, times }) => ({
      name,
      base64: Buffer.from(bytes).toString('base64'),
      times: times ?? 1,
    }));
    await frame.evaluate(dropInPage, given);
  }

  /** Drops and waits for the event that says that everything was read. */
  async analyse(files: readonly GivenFile[], frame: Page | Frame = this.page): Promise<Analysis> {
    await frame.locator('vram-scope').waitFor({ state: 'attached' });
    const ready = await frame.evaluateHandle(() => {
      const element = document.querySelector('vram-scope');
      return {
        done: new Promise((resolve) => element?.addEventListener('analysis-ready', resolve, { once: true })),
      };
    });
    await this.drop(files, frame);
    await ready.evaluate(({ done }) => done.then(() => undefined));
    return readAnalysis(frame);
  }

  /** Waits until the application has nothing under way and nothing left to draw. */
  async idle(frame: Page | Frame = this.page): Promise<void> {
    await frame.evaluate(async () => {
      const element: (Element & { whenIdle?(): Promise<void> }) | null = document.querySelector('vram-scope');
      if (element?.whenIdle === undefined) throw new Error('There is no <vram-scope> here.');
      await element.whenIdle();
    });
  }

  /** Everything on screen, as text, shadow trees included. */
  text(frame: Page | Frame = this.page): Promise<string> {
    return frame.evaluate(() => {
      const read = (node: Node): string => {
        if (node instanceof Text) return node.data;
        if (node instanceof HTMLSlotElement) return node.assignedNodes({ flatten: true }).map(read).join(' ');
        if (node instanceof Element) {
          if (/^(SCRIPT|STYLE|TEMPLATE)$/i.test(node.tagName) || !node.checkVisibility()) return '';
        }
        const from = node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node;
        return [...from.childNodes].map(read).join(' ');
      };
      return read(document.body).replace(/\s+/g, ' ');
    });
  }

  /** Waits until the text on screen matches. */
  async sees(pattern: RegExp, frame: Page | Frame = this.page): Promise<void> {
    await expect.poll(() => this.text(frame), { timeout: 60_000 }).toMatch(pattern);
  }
}

/** The element's own answer, as any page that holds it would ask for it. */
export function readAnalysis(frame: Page | Frame): Promise<Analysis> {
  return frame.evaluate(async () => {
    const element: (Element & { analysis?: Promise<Analysis> }) | null = document.querySelector('vram-scope');
    const analysis = await element?.analysis;
    if (analysis === undefined) throw new Error('There is no <vram-scope> here.');
    return analysis;
  });
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** A web server for `pages` (path -> HTML) and, below them, dist/. */
export async function serve(
  pages: Readonly<Record<string, string>>,
): Promise<{ origin: string; hits: string[]; close(): void }> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? '');
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = path.endsWith('/') ? `${path}index.html` : path;
    try {
      const body = Object.hasOwn(pages, path) ? pages[path] : readFileSync(join(ROOT, 'dist', file));
      const type = Object.hasOwn(pages, path) ? TYPES['.html'] : TYPES[extname(file)];
      response.writeHead(200, { 'Content-Type': type ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, hits, close: () => void server.close() };
}

/** Waits until the diagnosis of the open page is there. */
export async function diagnosed(page: Page): Promise<void> {
  await page.getByRole('region', { name: 'Diagnosis' }).waitFor({ timeout: 60_000 });
  await expect.poll(() => page.getByLabel('Diagnosing').count(), { timeout: 60_000 }).toBe(0);
}
