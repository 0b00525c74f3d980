/** Archives that no tool at hand writes on request: tar of every flavour, a small zip in zip64 form. */
import { deflateSync } from 'fflate';
import { crc32 } from 'node:zlib';
import { join, utf8 } from './pieces.ts';

interface TarOptions {
  readonly prefix?: string;
  readonly gnu?: boolean;
  /** Size in base-256, as GNU tar writes sizes over 8 GiB. */
  readonly binarySize?: boolean;
}

/** Header and padded content of one tar entry. */
export function tarFile(
  name: string,
  content: Uint8Array,
  type = '0',
  { prefix = '', gnu = false, binarySize = false }: TarOptions = {},
): Uint8Array {
  const header = new Uint8Array(512);
  const put = (at: number, text: string): void => header.set(utf8(text), at);
  put(0, name.slice(0, 100));
  put(100, '0000644\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  if (binarySize) {
    header[124] = 0x80;
    new DataView(header.buffer).setUint32(132, content.length);
  } else put(124, `${content.length.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, type);
  put(257, gnu ? 'ustar  \0' : 'ustar\x0000');
  put(345, prefix);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return join(header, content, new Uint8Array((512 - (content.length % 512)) % 512));
}

export const tarEnd = (): Uint8Array => new Uint8Array(1024);

/** A pax header for the entry behind it. */
export function paxHeader(records: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = rest.length + 1;
    while (String(length).length + rest.length !== length) length++;
    return `${length}${rest}`;
  });
  return tarFile('PaxHeaders/x', utf8(lines.join('')), 'x');
}

const number = (bytes: number, value: number): Uint8Array => {
  const written = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) written[i] = Math.floor(value / 2 ** (8 * i));
  return written;
};
const n2 = (value: number): Uint8Array => number(2, value);
const n4 = (value: number): Uint8Array => number(4, value);
const n8 = (value: number): Uint8Array => number(8, value);
const FULL = 0xffffffff;

/** One deflated entry with every size and place in zip64 fields, as for a file over 4 GiB. */
export function zip64(name: string, content: Uint8Array): Uint8Array {
  const packed = deflateSync(content);
  const shared = join(n2(8), n4(0), n4(crc32(content)), n4(FULL), n4(FULL));
  const sizes = join(n8(content.length), n8(packed.length));
  const localExtra = join(n2(1), n2(16), sizes);
  const local = join(
    n4(0x04034b50),
    n2(45),
    n2(0),
    shared,
    n2(name.length),
    n2(localExtra.length),
    utf8(name),
    localExtra,
  );
  const directoryExtra = join(n2(0x9999), n2(2), n2(0), n2(1), n2(24), sizes, n8(0));
  const record = join(
    n4(0x02014b50),
    n2(45),
    n2(45),
    n2(0),
    shared,
    n2(name.length),
    n2(directoryExtra.length),
    n2(0),
    n2(0),
    n2(0),
    n4(0),
    n4(FULL),
    utf8(name),
    directoryExtra,
  );
  const start = local.length + packed.length;
  const end64 = join(
    n4(0x06064b50),
    n8(44),
    n2(45),
    n2(45),
    n4(0),
    n4(0),
    n8(1),
    n8(1),
    n8(record.length),
    n8(start),
  );
  const locator = join(n4(0x07064b50), n4(0), n8(start + record.length), n4(1));
  const end = join(n4(0x06054b50), n2(0), n2(0), n2(0xffff), n2(0xffff), n4(FULL), n4(FULL), n2(0));
  return join(local, packed, record, end64, locator, end);
}
