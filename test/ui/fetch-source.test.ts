/** `?src=`: bytes as they come, and where a connection ended. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkedFiles } from '../../src/ui/shell/dropped-files.ts';
import { fetchSource, sourceUrl } from '../../src/ui/shell/fetch-source.ts';

const HERE = { href: 'http://here.example/page/', origin: 'http://here.example' };

/** A server that sends so many pieces of four bytes and then ends, or breaks off. */
function serves(pieces: number, how: 'ends' | 'breaks', headers: Record<string, string> = {}): void {
  vi.stubGlobal('location', HERE);
  vi.stubGlobal('fetch', () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(to) {
        if (sent++ < pieces) to.enqueue(new Uint8Array([1, 2, 3, 4]));
        else if (how === 'ends') to.close();
        else to.error(new TypeError('network error'));
      },
    });
    return Promise.resolve(new Response(body, { headers }));
  });
}

const never = new AbortController().signal;

afterEach(() => vi.unstubAllGlobals());

describe('?src=', () => {
  it('is another origin: refused by name', () => {
    vi.stubGlobal('location', HERE);
    expect(() => sourceUrl('https://elsewhere.example/a.pickle')).toThrow(/own origin only.*elsewhere/);
    expect(sourceUrl('runs/a%20b.pickle').name).toBe('a b.pickle');
  });

  it('tells bytes as they come, and how many there will be', async () => {
    serves(3, 'ends', { 'Content-Length': '12' });
    const told: string[] = [];
    const file = await fetchSource('a.pickle', (done, total) => told.push(`${done} of ${total}`), never);
    expect(told).toEqual(['0 of 12', '4 of 12', '8 of 12', '12 of 12']);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(
      new Uint8Array([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]),
    );
  });

  it('does not take the length of packed bytes for that of the file', async () => {
    serves(2, 'ends', { 'Content-Length': '3', 'Content-Encoding': 'gzip' });
    const told: string[] = [];
    await fetchSource('a.pickle', (done, total) => told.push(`${done} of ${total}`), never);
    expect(told.at(-1)).toBe('8 of 0');
  });

  it('a connection that ends early is said, with how far it came', async () => {
    serves(2, 'breaks', { 'Content-Length': '1200' });
    await expect(fetchSource('a.pickle', () => undefined, never)).rejects.toThrow(
      '/page/a.pickle: the connection ended after 8 bytes of 1,200.',
    );
  });
});

it('what is no list of files is refused before any of them is opened', () => {
  const file = new File(['x'], 'a.log');
  expect(checkedFiles([file])).toEqual([file]);
  expect(() => checkedFiles(null as unknown as File[])).toThrow('takes a list of File objects');
  expect(() => checkedFiles([file, {} as File])).toThrow('number 2 of the list is none');
  expect(() => checkedFiles([{ slice: () => undefined, size: NaN } as unknown as File])).toThrow('number 1');
});
