/** Damage to databases and archives: by page, by header field, and to what is packed inside with the packing whole. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { BYTES, type Mutation } from './mutate-bytes.ts';

const PAGE = 4096;

/** Pages swapped, zeroed, or pointing elsewhere; the fields of the file's and the pages' headers. */
const pageSwap: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const pages = Math.floor(out.length / PAGE);
  if (pages < 2) return out;
  out.copyWithin(random.below(pages) * PAGE, random.below(pages) * PAGE, random.below(pages) * PAGE + PAGE);
  return out;
};
const pageHeader: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const page = random.below(Math.max(1, Math.floor(out.length / PAGE)));
  const at = page * PAGE + (page === 0 ? 100 : 0) + random.below(12 + 2 * random.below(20));
  if (at < out.length) out[at] = random.of([0, 1, 2, 5, 10, 13, 0x7f, 0xff, random.below(256)]);
  return out;
};
const fileHeader: Mutation = (bytes, random) => {
  const out = bytes.slice();
  out[16 + random.below(84)] = random.of([0, 1, 0xff, random.below(256)]);
  return out;
};
/** A cell's own bytes: record headers and varints lie at the end of a page. */
const cell: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const page = random.below(Math.max(1, Math.floor(out.length / PAGE)));
  const at = page * PAGE + PAGE - 1 - random.below(600);
  if (at >= 0 && at < out.length) out[at] = random.next();
  return out;
};

export const SQLITE: readonly Mutation[] = [pageSwap, pageHeader, pageHeader, fileHeader, cell, cell, cell];

/** What a gzip holds, damaged and packed again: the checksum is right, the content is not. */
export const insideGzip =
  (mutations: readonly Mutation[]): Mutation =>
  (bytes, random) => {
    let inside: Uint8Array;
    try {
      inside = gunzipSync(bytes);
    } catch {
      return random.of(BYTES)(bytes, random);
    }
    return new Uint8Array(gzipSync(random.of(mutations)(new Uint8Array(inside), random), { level: 1 }));
  };

/** Heads of frames and entries, where lengths and checksums lie. */
export const headBytes: Mutation = (bytes, random) => {
  const out = bytes.slice();
  const at = random.chance(0.5)
    ? random.below(Math.min(64, out.length))
    : out.length - 1 - random.below(Math.min(96, out.length));
  out[at] = random.of([0, 1, 0xff, 0x50, random.below(256)]);
  return out;
};
