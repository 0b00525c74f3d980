/**
 * A case file: this very page with the files that are open inside of it, as one HTML file that opens from disk anywhere.
 *
 *   <script type="application/vnd.vramscope.case+json" id="vramscope-case">{ "version": 1, "note": ..., "files": [...] }</script>
 *   <script type="application/octet-stream" id="vramscope-file-0">H4sIAAAA...</script>
 *
 * A script of a type that no browser runs is data: the page's policy has nothing to say to it, and it is never parsed as
 * markup. Bytes are gzipped and written in base64.
 */
import type { Chosen } from './dropped-files.ts';

/** What a reader of another version must know before it reads on. */
const VERSION = 1;
const ABOUT = 'application/vnd.vramscope.case+json';
const DATA = 'application/octet-stream';
const ID = 'vramscope-case';

export interface CaseEntry {
  /** Name of the file; in a folder, its path inside. */
  readonly name: string;
  /** Name of the folder that was opened; null: a file by itself. */
  readonly folder: string | null;
  readonly bytes: number;
}

export interface CaseAbout {
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly made: string;
  /** Of its author, plain text; "": none. */
  readonly note: string;
  /** What was shown ("#1;..."); "": the first file. */
  readonly address: string;
  /** true: names were taken out (docs/views.md). */
  readonly redacted: boolean;
  readonly files: readonly CaseEntry[];
}

export interface CaseInput extends CaseEntry {
  readonly file: Blob;
}

const dataId = (at: number): string => `vramscope-file-${at}`;

/** The script of the built page; null where the application is not in the page itself (an element in another one, the dev server). */
const application = (page: Document): HTMLScriptElement | null =>
  [...page.querySelectorAll<HTMLScriptElement>('body > script[type="module"]:not([src])')].at(-1) ?? null;

/** What the built page has in its head. Extensions of a browser put elements there that say whose browser it is. */
const OWN_HEAD =
  'meta[charset], meta[http-equiv="Content-Security-Policy"], meta[name="viewport"], meta[name="color-scheme"], title, link[rel="icon"][href="data:,"]';

export const canSaveCase = (page: Document): boolean => application(page) !== null;

/** Bytes turned into text at once, a multiple of 3: a call takes no more arguments than the stack has room for. */
const CHUNK = 3 << 12;

async function gzipBase64(blob: Blob): Promise<string> {
  const packed = new Uint8Array(
    await new Response(blob.stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  );
  const parts: string[] = [];
  for (let at = 0; at < packed.length; at += CHUNK)
    parts.push(btoa(String.fromCharCode(...packed.subarray(at, at + CHUNK))));
  return parts.join('');
}

/** Text that ends no script and opens no comment, whatever is in it. */
const inert = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** The page as it was loaded, with these files inside. Throws where the application is not in the page. */
export async function caseHtml(
  page: Document,
  about: Omit<CaseAbout, 'version' | 'files'>,
  inputs: readonly CaseInput[],
): Promise<Blob> {
  const script = application(page);
  if (script === null) throw new Error('The application is not inside of this page.');
  const files = inputs.map(({ name, folder, bytes }) => ({ name, folder, bytes }));
  const told: CaseAbout = { version: VERSION, ...about, files };
  const parts: BlobPart[] = [
    '<!doctype html>\n<html lang="en">\n',
    '<head>\n',
    ...[...page.head.querySelectorAll(OWN_HEAD)].map((element) => `${element.outerHTML}\n`),
    '</head>\n<body>\n<vram-scope own-page></vram-scope>\n',
    `<script type="${ABOUT}" id="${ID}">${inert(told)}</script>\n`,
  ];
  for (const [at, { file }] of inputs.entries())
    parts.push(`<script type="${DATA}" id="${dataId(at)}">`, await gzipBase64(file), '</script>\n');
  parts.push(script.outerHTML, '\n</body>\n</html>\n');
  return new Blob(parts, { type: 'text/html' });
}

const isEntry = (value: unknown): value is CaseEntry =>
  typeof value === 'object' &&
  value !== null &&
  'name' in value &&
  typeof value.name === 'string' &&
  'folder' in value &&
  (value.folder === null || typeof value.folder === 'string');

/** What the page holds as a case; null: it is none. Throws where it is of a later version, or is damaged. */
export function caseIn(page: Document): CaseAbout | null {
  const text = page.querySelector(`script#${ID}`)?.textContent;
  if (text == null) return null;
  let about: Partial<CaseAbout>;
  try {
    about = JSON.parse(text) as Partial<CaseAbout>;
  } catch {
    throw new Error('What this case file says of itself is damaged: ask for it again.');
  }
  if (about.version !== VERSION)
    throw new Error(
      `This case file is of version ${String(about.version)}; this page reads version ${VERSION}.`,
    );
  if (!Array.isArray(about.files) || !about.files.every(isEntry))
    throw new Error('What this case file says of itself is damaged: ask for it again.');
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    version: VERSION,
    made: textOf(about.made),
    note: textOf(about.note),
    address: textOf(about.address),
    redacted: about.redacted === true,
    files: about.files,
  };
}

/** Its bytes again. Throws where they are not there, or are damaged. */
async function bytesOf(page: Document, at: number, name: string): Promise<Blob> {
  const script = page.querySelector(`script#${dataId(at)}`);
  const text = script?.textContent;
  // It is held once: as bytes.
  script?.remove();
  try {
    if (text == null) throw new Error('it is not there');
    const parts: BlobPart[] = [];
    for (let from = 0; from < text.length; from += 4 * (CHUNK / 3)) {
      const piece = atob(text.slice(from, from + 4 * (CHUNK / 3)));
      parts.push(Uint8Array.from(piece, (character) => character.charCodeAt(0)));
    }
    return await new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream('gzip'))).blob();
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`${name} in this case file is damaged (${why}): ask for it again.`, { cause: thrown });
  }
}

/** The files of a case as they were opened. Throws where one is damaged. */
export async function caseFiles(page: Document, about: CaseAbout): Promise<Chosen> {
  const files: File[] = [];
  const folders = new Map<string, { path: string; file: File }[]>();
  for (const [at, { name, folder }] of about.files.entries()) {
    const file = new File([await bytesOf(page, at, name)], name.split('/').at(-1)!);
    if (folder === null) files.push(file);
    else folders.set(folder, [...(folders.get(folder) ?? []), { path: name, file }]);
  }
  return { files, folders: [...folders].map(([name, all]) => ({ name, files: all })) };
}
