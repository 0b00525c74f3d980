/** zip and tar: archives made here by fflate, by hand and cut, flipped, overlapping, encrypted, too many. */
import { deflateSync, zipSync } from 'fflate';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../src/base/trace-error.ts';
import { openArchive } from '../../src/file/archive.ts';
import type { Archive } from '../../src/file/archive-entry.ts';
import { crc32 } from '../../src/file/crc32.ts';
import { foreignArchive } from '../../src/file/foreign-archives.ts';
import { type Limits, LIMITS } from '../../src/file/limits.ts';
import { openInput } from '../../src/file/open-input.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { seeded } from '../read/snapshot/fixtures.ts';
import { drain, isPrefix, join, sampleText, told, utf8 } from './pieces.ts';
import { paxHeader, tarEnd, tarFile, zip64 } from './make-archives.ts';

const LOG = utf8(sampleText(8000));
const NOTE = utf8('a few words');
const ignore = (): void => undefined;

async function open(bytes: Uint8Array, limits: Limits = LIMITS): Promise<Archive> {
  const archive = await openArchive(
    await openInput(new BytesSource('unknown', bytes), ignore, limits),
    limits,
  );
  if (archive === null) throw new Error('not taken for an archive');
  return archive;
}

const failure = async (work: Promise<unknown>): Promise<TraceError> => {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof TraceError)) throw new Error(`no TraceError but ${String(thrown)}`);
  return thrown;
};

/** Path, stated size and decompressed content of every entry. */
async function contents(archive: Archive): Promise<[string, number | null, Uint8Array][]> {
  const all: [string, number | null, Uint8Array][] = [];
  for (const entry of archive.entries) {
    const { bytes, error } = await drain((await entry.open(ignore)).chunks());
    if (error !== null) throw error;
    all.push([entry.path, entry.size, bytes]);
  }
  return all;
}

const ZIP = new Uint8Array(
  zipSync({
    'run/rank0.log': [LOG, { level: 6 }],
    'run/note.txt': [NOTE, { level: 0 }],
    'run/zipped.log.gz': [new Uint8Array(gzipSync(LOG)), { level: 0 }],
    'run/': new Uint8Array(0),
    '__MACOSX/run/._rank0.log': NOTE,
  }),
);
const WANTED: [string, number, Uint8Array][] = [
  ['run/rank0.log', LOG.length, LOG],
  ['run/note.txt', NOTE.length, NOTE],
  ['run/zipped.log.gz', gzipSync(LOG).length, LOG],
];
const TAR = join(
  tarFile('run/', new Uint8Array(0), '5'),
  tarFile('run/rank0.log', LOG),
  tarFile('run/note.txt', NOTE),
  tarFile('run/zipped.log.gz', new Uint8Array(gzipSync(LOG))),
  tarFile('run/latest', new Uint8Array(0), '2'),
  tarEnd(),
);

async function expectWanted(archive: Archive): Promise<void> {
  const found = await contents(archive);
  expect(found.map(([path, size]) => [path, size])).toEqual(WANTED.map(([path, size]) => [path, size]));
  for (const [i, [, , bytes]] of found.entries())
    expect(told({ bytes, error: null }, WANTED[i][2])).toBe('same');
}

describe('zip', () => {
  it('lists files and opens each, gzip within included; folders and litter are no files', async () => {
    const archive = await open(ZIP);
    expect(archive).toMatchObject({ kind: 'zip', error: null, advice: null });
    await expectWanted(archive);
    expect(archive.notes.map(({ message }) => message)).toEqual([
      '1 files that macOS adds to archives were left out',
    ]);
  });

  it('reads a stored entry by position, and a compressed one from memory', async () => {
    const [log, note] = (await open(ZIP)).entries;
    const stored = await note.open(ignore);
    expect(stored.source?.readSync(2, 3)).toEqual(NOTE.subarray(2, 5));
    const packed = await log.open(ignore);
    expect(packed.source).toBeNull();
    const held = await packed.randomAccess();
    expect(held.size).toBe(LOG.length);
    expect(held.readSync(100_000, 50)).toEqual(LOG.subarray(100_000, 100_050));
    expect(held.readSync(LOG.length - 3, 50)).toEqual(LOG.subarray(LOG.length - 3));
    expect(held.readSync(LOG.length + 3, 50).length).toBe(0);
    expect(await failure(packed.randomAccess(1000))).toMatchObject({
      code: 'refused',
      file: 'run/rank0.log',
    });
  });

  it('does not read a large archive whole', async () => {
    const big = seededBytes(3 << 20);
    const source = new BytesSource('big.zip', zipSync({ a: [big, { level: 0 }], b: NOTE }));
    let asked = 0;
    const read = source.readSync.bind(source);
    source.readSync = (start, length) => {
      asked += length;
      return read(start, length);
    };
    const archive = await openArchive(await openInput(source, ignore));
    expect(archive?.entries.map(({ path }) => path)).toEqual(['a', 'b']);
    expect(asked).toBeLessThan(300_000);
  });

  it('reads zip64 sizes, offsets and its end record', async () => {
    const found = await contents(await open(zip64('wide.log', LOG)));
    expect(found.map(([path, size]) => [path, size])).toEqual([['wide.log', LOG.length]]);
    expect(told({ bytes: found[0][2], error: null }, LOG)).toBe('same');
  });

  it('refuses a zip64 mark without its record', async () => {
    const bytes = ZIP.slice();
    new DataView(bytes.buffer).setUint32(bytes.length - 6, 0xffffffff, true);
    // The local headers are still there: the entries are listed, with the reason.
    const archive = await open(bytes);
    expect(archive.error).toMatchObject({ code: 'corrupt', format: 'zip' });
    await expectWanted(archive);
  });

  it('finds the entries where something stands before the archive or a comment behind it', async () => {
    const comment = utf8('PK\u0005\u0006 is no end');
    const withComment = join(ZIP, comment);
    new DataView(withComment.buffer).setUint16(ZIP.length - 2, comment.length, true);
    await expectWanted(await open(withComment));
  });

  it('lists what is left of an archive that is cut off, and reads it as far as it goes', async () => {
    const cut = ZIP.subarray(0, (await open(ZIP)).entries[0].storedBytes - 500);
    const archive = await open(cut);
    expect(archive.error).toMatchObject({ code: 'truncated', file: 'unknown', format: 'zip' });
    expect(archive.entries.map(({ path }) => path)).toEqual(['run/rank0.log']);
    const { bytes, error } = await drain((await archive.entries[0].open(ignore)).chunks());
    expect(bytes.length).toBeGreaterThan(LOG.length / 2);
    expect(isPrefix(bytes, LOG)).toBe(true);
    expect(error).toMatchObject({ code: 'truncated', offset: bytes.length });
  });

  it('reads a cut archive whose sizes stand behind the data', async () => {
    const packed = deflateSync(LOG);
    const header = join(
      Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 8, 0, 8, 0, 0, 0, 0, 0),
      new Uint8Array(12),
      Uint8Array.of(1, 0, 0, 0),
      utf8('s'),
    );
    const archive = await open(join(header, packed, new Uint8Array(16).fill(7)));
    expect(archive.error?.code).toBe('truncated');
    expect(archive.entries[0]).toMatchObject({ path: 's', size: null });
    expect(told(await drain((await archive.entries[0].open(ignore)).chunks()), LOG)).toBe('same');
  });

  it('notices content that does not fit its check sum', async () => {
    const damaged = ZIP.slice();
    const at = Buffer.from(ZIP).indexOf('a few words');
    damaged[at] ^= 1;
    const entry = (await open(damaged)).entries[1];
    const { bytes, error } = await drain((await entry.open(ignore)).chunks());
    expect(bytes.length).toBe(NOTE.length);
    expect(error).toMatchObject({ code: 'corrupt', offset: NOTE.length });
  });

  it('refuses an encrypted entry and an unknown method, each by itself', async () => {
    const bytes = ZIP.slice();
    const directory = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bytes[directory + 8] |= 1;
    const second = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]), directory + 4);
    bytes[second + 10] = 14;
    const { entries } = await open(bytes);
    expect(await failure(entries[0].open(ignore))).toMatchObject({
      code: 'refused',
      file: 'run/rank0.log',
      format: 'zip',
      offset: 0,
    });
    const lzma = await failure(entries[1].open(ignore));
    expect(lzma.code).toBe('unsupported');
    expect(lzma.message).toContain('LZMA');
    expect(told(await drain((await entries[2].open(ignore)).chunks()), LOG)).toBe('same');
  });

  it('refuses entries on top of each other', async () => {
    const bytes = ZIP.slice();
    const view = new DataView(bytes.buffer);
    const directory = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const second = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]), directory + 4);
    view.setUint32(second + 42, view.getUint32(directory + 42, true), true);
    expect(await failure(open(bytes))).toMatchObject({ code: 'refused', format: 'zip' });
  });

  it('refuses a bomb after 64 MiB, and more files than anyone records', async () => {
    const zeros = zipSync({ zeros: [new Uint8Array(80 << 20), { level: 9 }] });
    const entry = (await open(zeros)).entries[0];
    let out = 0;
    const error = await failure(
      (async () => {
        for await (const chunk of (await entry.open(ignore)).chunks()) out += chunk.length;
      })(),
    );
    expect(error).toMatchObject({ code: 'refused', file: 'zeros' });
    expect(out).toBeLessThanOrEqual(64 << 20);
    expect(error.offset).toBe(out);
    expect(await failure(open(ZIP, { ...LIMITS, entries: 2 }))).toMatchObject({ code: 'refused' });
    expect(await failure(open(ZIP, { ...LIMITS, listBytes: 100 }))).toMatchObject({ code: 'refused' });
  });

  it('lists nothing of an empty archive, and says so', async () => {
    const archive = await open(zipSync({}));
    expect(archive.entries).toEqual([]);
    expect(archive.notes[0].message).toBe('the archive holds no files');
  });

  it('shows names that lead out of a folder as names only', async () => {
    const { entries } = await open(zipSync({ '../../etc/passwd': NOTE, 'C:\\x': NOTE }));
    expect(entries.map(({ path }) => path)).toEqual(['../../etc/passwd', 'C:\\x']);
  });

  it('refuses an archive inside an archive', async () => {
    for (const inner of [ZIP, TAR, new Uint8Array(gzipSync(TAR))]) {
      const { entries } = await open(zipSync({ inner: [inner, { level: 0 }] }));
      expect(await failure(entries[0].open(ignore))).toMatchObject({ code: 'refused', file: 'inner' });
    }
  });

  it('lists only the pickle of a torch.save file, and what such a file is', async () => {
    const archive = await open(
      zipSync({ 'x/data.pkl': NOTE, 'x/version': NOTE, 'x/data/0': LOG, 'x/data/1': LOG }),
    );
    expect(archive.entries.map(({ path }) => path)).toEqual(['x/data.pkl']);
    expect(archive.advice).toContain('A checkpoint holds weights');
    expect(archive.notes[0].message).toContain('3 files');
  });

  it('never hangs or throws anything but facts on flipped bytes', async () => {
    const random = seeded(5);
    for (let round = 0; round < 150; round++) {
      const damaged = ZIP.slice(0, random() < 0.3 ? Math.floor(random() * ZIP.length) : ZIP.length);
      for (let i = 0; i < 4; i++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      expect(await outcome(damaged)).toMatch(/^(read|corrupt|truncated|refused|unsupported|none)$/);
    }
  });
});

/** Code of the first error, or that everything was read. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const archive = await openArchive(await openInput(new BytesSource('x', bytes), ignore));
    if (archive === null) return 'none';
    for (const entry of archive.entries) {
      const { error } = await drain((await entry.open(ignore)).chunks());
      if (error !== null) return error.code;
    }
    return archive.error?.code ?? 'read';
  } catch (thrown) {
    return thrown instanceof TraceError ? thrown.code : `threw ${String(thrown)}`;
  }
}

function seededBytes(length: number): Uint8Array {
  const random = seeded(9);
  return Uint8Array.from({ length }, () => random() * 256);
}

describe('tar', () => {
  it.each([
    ['plain', TAR],
    ['gzipped', new Uint8Array(gzipSync(TAR))],
    ['gzipped in two members', join(gzipSync(TAR.subarray(0, 5000)), gzipSync(TAR.subarray(5000)))],
  ])('%s: lists files and opens each', async (_name, bytes) => {
    const archive = await open(bytes);
    expect(archive).toMatchObject({ kind: 'tar', error: null });
    await expectWanted(archive);
    expect(archive.notes.map(({ message }) => message)).toEqual(['1 links in the archive were left out']);
    const note = await archive.entries[1].open(ignore);
    expect(note.source?.readSync(2, 3)).toEqual(NOTE.subarray(2, 5));
  });

  it('reaches entries by reading again where the archive does not fit into memory', async () => {
    const archive = await open(new Uint8Array(gzipSync(TAR)), { ...LIMITS, heldBytes: 1000 });
    await expectWanted(archive);
    expect((await archive.entries[1].open(ignore)).source).toBeNull();
  });

  it('reads long names of pax and of GNU tar, and wide sizes', async () => {
    const long = `${'deep/'.repeat(60)}trace.log`;
    const archive = await open(
      join(
        paxHeader({ path: `pax/${long}`, size: String(NOTE.length) }),
        tarFile('short', NOTE),
        tarFile('././@LongLink', utf8(`gnu/${long}\0`), 'L'),
        tarFile('short', NOTE, '0', { binarySize: true }),
        tarFile('plain', NOTE),
        tarEnd(),
      ),
    );
    expect((await contents(archive)).map(([path]) => path)).toEqual([`pax/${long}`, `gnu/${long}`, 'plain']);
  });

  it('joins prefix and name of ustar, and not of GNU tar', async () => {
    const { entries } = await open(
      join(
        tarFile('b.log', NOTE, '0', { prefix: 'a' }),
        tarFile('c.log', NOTE, '0', { prefix: 'a', gnu: true }),
      ),
    );
    expect(entries.map(({ path }) => path)).toEqual(['a/b.log', 'c.log']);
  });

  it('leaves out sparse files and says so', async () => {
    const archive = await open(join(tarFile('sparse', NOTE, 'S'), tarFile('whole', NOTE), tarEnd()));
    expect(archive.entries.map(({ path }) => path)).toEqual(['whole']);
    expect(archive.notes[0].message).toBe('1 sparse files in the archive were left out');
  });

  it('reads what is there of a cut archive', async () => {
    for (const bytes of [TAR.subarray(0, 20_000), new Uint8Array(gzipSync(TAR)).subarray(0, 8000)]) {
      const archive = await open(bytes);
      expect(archive.entries[0].path).toBe('run/rank0.log');
      const drained = await drain((await archive.entries[0].open(ignore)).chunks());
      expect(drained.error).toMatchObject({ code: 'truncated', offset: drained.bytes.length });
      expect(drained.bytes.length).toBeGreaterThan(10_000);
      expect(isPrefix(drained.bytes, LOG)).toBe(true);
    }
  });

  it('says where an archive just stops: at the border of a file, and in its padding', async () => {
    const whole = join(tarFile('a.log', NOTE), tarFile('b.log', NOTE), tarEnd());
    const border = 512 * (1 + Math.ceil(NOTE.length / 512));
    expect((await open(whole)).notes).toEqual([]);
    for (const length of [border, border - 1, 2 * border]) {
      const { entries, notes } = await open(whole.subarray(0, length));
      expect(entries).toHaveLength(length > border ? 2 : 1);
      expect(notes.map(({ message }) => message)).toEqual([
        'the archive just stops, without the blocks of zeros that end one: files after the last one may be missing',
      ]);
    }
  });

  it('lists what is before a damaged header, and says where that is', async () => {
    const damaged = TAR.slice();
    const at = 512 + 512 + Math.ceil(LOG.length / 512) * 512;
    damaged[at + 20] ^= 0x55;
    const archive = await open(damaged);
    expect(archive.entries.map(({ path }) => path)).toEqual(['run/rank0.log']);
    expect(archive.error).toMatchObject({ code: 'corrupt', format: 'tar', offset: at });
  });

  it('stops a bomb while it lists', async () => {
    const bomb = new Uint8Array(
      gzipSync(join(tarFile('zeros', new Uint8Array(80 << 20)), tarEnd()), { level: 9 }),
    );
    expect(await failure(open(bomb))).toMatchObject({ code: 'refused', format: 'compressed' });
  });

  it('lets itself be cancelled while it lists and while it passes over entries', async () => {
    const stop = (): never => {
      throw new TraceError('cancelled', 'Reading was cancelled.');
    };
    const packed = new BytesSource('x', new Uint8Array(gzipSync(TAR)));
    const input = await openInput(packed, stop);
    expect(await failure(openArchive(input))).toMatchObject({ code: 'cancelled' });
    const limits = { ...LIMITS, heldBytes: 1000 };
    const archive = await openArchive(await openInput(packed, ignore, limits), limits);
    const entry = await archive!.entries[2].open(stop);
    expect((await drain(entry.chunks())).error?.code).toBe('cancelled');
  });

  it('never hangs or throws anything but facts on flipped bytes', async () => {
    const random = seeded(6);
    const packed = new Uint8Array(gzipSync(TAR));
    for (let round = 0; round < 100; round++) {
      const damaged = (round % 2 === 0 ? TAR : packed).slice();
      for (let i = 0; i < 3; i++)
        damaged[Math.floor(random() * Math.min(4000, damaged.length))] ^= 1 << Math.floor(random() * 8);
      expect(await outcome(damaged)).toMatch(/^(read|corrupt|truncated|refused|unsupported|none)$/);
    }
  });
});

describe('openArchive', () => {
  it.each([
    ['text', LOG],
    ['nothing', new Uint8Array(0)],
    ['a block of zeros', new Uint8Array(10_240)],
    ['gzipped text', new Uint8Array(gzipSync(LOG))],
    ['a pickle', Uint8Array.of(0x80, 4, 0x95)],
  ])('takes %s for no archive', async (_name, bytes) => {
    expect(await openArchive(await openInput(new BytesSource('x.zip', bytes), ignore))).toBeNull();
  });

  it('opens gzip of gzip', async () => {
    const input = await openInput(new BytesSource('x', new Uint8Array(gzipSync(gzipSync(LOG)))), ignore);
    expect(told(await drain(input.chunks()), LOG)).toBe('same');
  });

  it('names containers that are not opened, with the command', () => {
    expect(foreignArchive(Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))?.format).toBe('xz');
    expect(foreignArchive(utf8('BZh91AY&SY'))?.format).toBe('bzip2');
    expect(foreignArchive(utf8('BZh is a word'))).toBeNull();
    expect(foreignArchive(LOG)).toBeNull();
  });

  it('holds the check sums of this test itself', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
  });
});
