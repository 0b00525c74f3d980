/** The one place that fetches: `?src=`, a path of the page's own origin. */
import { formatInteger } from '../../base/units.ts';

/** Bytes so far, and in all as the server tells; 0: it does not. */
export type Fetched = (done: number, total: number) => void;

/** Where `?src=` points to, and the name of the file there. Throws for another origin. */
export function sourceUrl(src: string): { readonly url: URL; readonly name: string } {
  const url = new URL(src, location.href);
  if (url.origin !== location.origin || location.origin === 'null') {
    throw new Error(`?src= opens files of this page's own origin only, and ${url.href} is not.`);
  }
  return { url, name: decodeURIComponent(url.pathname.split('/').pop() ?? '') || 'file' };
}

/** Rejects with where the connection ended, and as fetch() does where it is aborted. */
export async function fetchSource(src: string, onBytes: Fetched, signal: AbortSignal): Promise<File> {
  const { url, name } = sourceUrl(src);
  const response = await fetch(url, { credentials: 'same-origin', signal });
  if (!response.ok)
    throw new Error(`${url.pathname} could not be fetched: ${response.status} ${response.statusText}`);
  const length = Number(response.headers.get('Content-Length') ?? 0);
  // Of what is packed on the way the length is that of the packed bytes.
  const total = response.headers.has('Content-Encoding') || !Number.isSafeInteger(length) ? 0 : length;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  onBytes(done, total);
  const reader = response.body?.getReader();
  try {
    for (let piece = await reader?.read(); piece?.value !== undefined; piece = await reader?.read()) {
      pieces.push(piece.value);
      done += piece.value.length;
      onBytes(done, total);
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    throw new Error(
      `${url.pathname}: the connection ended after ${formatInteger(done)} bytes${total > 0 ? ` of ${formatInteger(total)}` : ''}. Load the page again.`,
      { cause: thrown },
    );
  }
  return new File(pieces, name);
}

type Job = [name: string, load: (onBytes: Fetched, signal: AbortSignal) => Promise<File>];

/** The name of what `?src=` points to, and how it is loaded. */
export const sourceJob = (src: string): Job => [
  sourceUrl(src).name,
  (onBytes, signal) => fetchSource(src, onBytes, signal),
];

/** The files of every `?src=` of an address, in their order; one that cannot be had is said. An empty one names the page itself. */
export async function sourcesAsked(
  search: string,
  session: { obtain(...job: Job): Promise<File | null>; say(text: string): void },
): Promise<readonly File[]> {
  const files: File[] = [];
  for (const src of new URLSearchParams(search).getAll('src').filter((one) => one.trim() !== '')) {
    try {
      const file = await session.obtain(...sourceJob(src));
      if (file !== null) files.push(file);
    } catch (thrown) {
      session.say(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  return files;
}
