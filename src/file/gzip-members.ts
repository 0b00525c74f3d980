/**
 * gzip member by member (RFC 1952), for what the platform's DecompressionStream refuses or hides: further
 * members, what was good before damage, and where it is. Every member's CRC and length are checked.
 */
import { joined } from '../base/joined.ts';
import { TraceError } from '../base/trace-error.ts';
import { crc32 } from './crc32.ts';
import { RawInflate } from './inflate.ts';

const MAGIC = [0x1f, 0x8b, 8] as const;
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
/** A name and a comment are a line each; more is no header. */
const MAX_HEADER = 1 << 20;

/** Bytes of a member's header at the start of `bytes`; null: more bytes are needed; -1: this is no header. */
function headerLength(bytes: Uint8Array): number | null {
  for (let i = 0; i < MAGIC.length; i++) if (i < bytes.length && bytes[i] !== MAGIC[i]) return -1;
  if (bytes.length < 10) return null;
  const flags = bytes[3];
  if ((flags & 0xe0) !== 0) return -1;
  let at = 10;
  if (flags & FEXTRA) {
    if (bytes.length < at + 2) return null;
    at += 2 + bytes[at] + 256 * bytes[at + 1];
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if (!(flags & flag)) continue;
    const end = at > bytes.length ? -1 : bytes.indexOf(0, at);
    if (end < 0) return bytes.length > MAX_HEADER ? -1 : null;
    at = end + 1;
  }
  if (flags & FHCRC) at += 2;
  return at <= bytes.length ? at : bytes.length > MAX_HEADER ? -1 : null;
}

const join = (a: Uint8Array, b: Uint8Array): Uint8Array => (a.length === 0 ? b : joined([a, b]));

/** State between chunks: looking for a header, inside a member, or at its eight bytes of trailer. */
export async function* gunzipMembers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let passed = 0;
  let stored = 0;
  let members = 0;
  let state: 'header' | 'body' | 'trailer' | 'padding' = 'header';
  let pending: Uint8Array = new Uint8Array(0);
  let inflate = new RawInflate();
  let crc = 0;
  let length = 0;
  const damaged = (what: string, at = stored - pending.length): TraceError =>
    new TraceError(
      'corrupt',
      `the gzip stream is damaged at byte ${at} of the file as it is stored: ${what}`,
      {
        offset: passed,
        advice: 'Copy the file again; what came before this byte was read.',
      },
    );
  for await (const chunk of chunks) {
    stored += chunk.length;
    pending = join(pending, chunk);
    for (let more = pending.length > 0; more;) {
      if (state === 'body') {
        const input = pending;
        pending = new Uint8Array(0);
        try {
          for (const part of inflate.push(input)) {
            crc = crc32(part, crc);
            length = (length + part.length) >>> 0;
            passed += part.length;
            yield part;
          }
        } catch (thrown) {
          if (thrown instanceof TraceError) throw thrown;
          throw damaged('its data cannot be decompressed', stored - input.length);
        }
        if (inflate.rest === null) break;
        pending = inflate.rest;
        state = 'trailer';
      }
      if (state === 'trailer') {
        if (pending.length < 8) break;
        const view = new DataView(pending.buffer, pending.byteOffset, 8);
        if (view.getUint32(0, true) !== crc) throw damaged('its check sum (CRC-32) does not fit its content');
        if (view.getUint32(4, true) !== length) throw damaged('its length does not fit its content');
        pending = pending.subarray(8);
        state = 'header';
        members++;
      }
      if (state === 'header' && members > 0 && pending.length > 0 && pending[0] === 0) state = 'padding';
      if (state === 'padding') {
        // Tapes and block devices fill the last block with zeros.
        const junk = pending.findIndex((byte) => byte !== 0);
        if (junk >= 0) throw damaged('what follows its end is no gzip', stored - pending.length + junk);
        pending = new Uint8Array(0);
        break;
      }
      const header = headerLength(pending);
      if (header === null) break;
      if (header < 0)
        throw damaged(members > 0 ? 'what follows its end is no gzip' : 'its header is not gzip’s');
      pending = pending.subarray(header);
      inflate = new RawInflate();
      crc = 0;
      length = 0;
      state = 'body';
      more = pending.length > 0;
    }
  }
  const whole = members > 0 && ((state === 'header' && pending.length === 0) || state === 'padding');
  if (!whole)
    throw new TraceError('truncated', 'the gzip stream ends early', {
      offset: passed,
      advice: 'Copy the file again; what came before this byte was read.',
    });
}
