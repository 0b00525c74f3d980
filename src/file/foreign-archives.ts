/** Containers that are known by their first bytes and not opened here: what they are, and the command that opens them. */

export interface ForeignArchive {
  readonly format: string;
  readonly message: string;
  /** FILE stands for the file's name. */
  readonly advice: string;
}

const KNOWN: readonly (ForeignArchive & { readonly magic: readonly number[] })[] = [
  {
    format: 'xz',
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0],
    message: 'an xz-compressed file, which is not opened here',
    advice: 'Unpack it first: xz -dk FILE (a .tar.xz: tar -xf FILE), then open what comes out.',
  },
  {
    format: 'bzip2',
    magic: [0x42, 0x5a, 0x68],
    message: 'a bzip2-compressed file, which is not opened here',
    advice: 'Unpack it first: bzip2 -dk FILE, then open what comes out.',
  },
  {
    format: 'lz4',
    magic: [4, 0x22, 0x4d, 0x18],
    message: 'an lz4-compressed file, which is not opened here',
    advice: 'Unpack it first: lz4 -d FILE, then open what comes out.',
  },
  {
    format: '7z',
    magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c],
    message: 'a 7z archive, which is not opened here',
    advice: 'Unpack it first: 7z x FILE, then open what comes out.',
  },
  {
    format: 'rar',
    magic: [0x52, 0x61, 0x72, 0x21, 0x1a, 7],
    message: 'a RAR archive, which is not opened here',
    advice: 'Unpack it first: unrar x FILE, then open what comes out.',
  },
];

/** bzip2's three letters are also text: its block size and block magic must follow. */
const isBzip2 = (head: Uint8Array): boolean =>
  head[3] >= 0x31 && head[3] <= 0x39 && (head[4] === 0x31 || head[4] === 0x17);

export function foreignArchive(head: Uint8Array): ForeignArchive | null {
  const known = KNOWN.find(({ magic }) => magic.every((byte, i) => head[i] === byte));
  if (known === undefined || (known.format === 'bzip2' && !isBzip2(head))) return null;
  return { format: known.format, message: known.message, advice: known.advice };
}
