/** Pickles written by hand, opcode by opcode, for tests of what no honest writer writes. */

type Part = string | number | Uint8Array;

/** Bytes of parts: numbers are single bytes, strings are latin-1. */
export function bytesOf(...parts: Part[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    Buffer.concat(
      parts.map((part) =>
        typeof part === 'number'
          ? Buffer.from([part])
          : typeof part === 'string'
            ? Buffer.from(part, 'latin1')
            : Buffer.from(part),
      ),
    ),
  );
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** SHORT_BINUNICODE */
export const text = (value: string): Uint8Array =>
  bytesOf(0x8c, Buffer.byteLength(value), Buffer.from(value));

/** LONG1 of eight bytes. */
export const long = (value: bigint): Uint8Array => bytesOf(0x8a, 8, u64(BigInt.asUintN(64, value)));

/** A dict of items that are already opcodes. */
export const dict = (items: Readonly<Record<string, Uint8Array>>): Uint8Array =>
  bytesOf('}(', ...Object.entries(items).flatMap(([key, value]) => [text(key), value]), 'u');

export const list = (...items: Uint8Array[]): Uint8Array => bytesOf('](', ...items, 'e');

export const pickle = (value: Uint8Array): Uint8Array<ArrayBuffer> => bytesOf(0x80, 4, value, '.');

/** An alloc of `size` bytes at `addr`, without a stack. */
export const alloc = (
  addr: bigint,
  size: bigint,
  more: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array =>
  dict({ action: text('alloc'), addr: long(addr), size: long(size), stream: bytesOf(0x4b, 0), ...more });

/** A snapshot of these events, one list a device, and no segments. */
export const snapshot = (...traces: Uint8Array[]): Uint8Array<ArrayBuffer> =>
  pickle(dict({ segments: list(), device_traces: list(...traces) }));
