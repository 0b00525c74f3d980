/** Needles only spare work: a pass with them must give what a pass gives that hands every line to every scanner. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ByteLineSplitter, type ByteLine } from '../../../src/read/lines/byte-lines.ts';
import { LineNeedles } from '../../../src/read/lines/line-needles.ts';
import { LOG_SCANNERS } from '../../../src/read/log.ts';
import { readLines } from '../../../src/read/lines/log-pass.ts';
import type { LineScanner } from '../../../src/read/lines/log-scanner.ts';
import { inputFromBytes, testContext } from '../open-for-test.ts';
import { seeded } from '../snapshot/fixtures.ts';

const FOLDERS = ['log', 'memory-summary', 'nvidia-smi', 'nsys-stats', 'prometheus-text'];
const fixture = (path: string): URL => new URL(`../../fixtures/${path}`, import.meta.url);
const FILES = FOLDERS.flatMap((folder) =>
  readdirSync(fixture(folder)).map((name) => `${folder}/${name}`),
).filter((path) => statSync(fixture(path)).isFile());
const textOf = (path: string): string => readFileSync(fixture(path), 'latin1');

/** The same scanner, shown every line. */
const greedy = (scanner: LineScanner): LineScanner => ({
  ...scanner,
  start(fileName, times) {
    const scan = scanner.start(fileName, times);
    return {
      wants: () => true,
      take: (line, isTaken) => scan.take(line, isTaken),
      end: (offset, cut) => scan.end(offset, cut),
    };
  },
});
const GREEDY = LOG_SCANNERS.map(greedy);

const passed = async (
  text: string,
  scanners: readonly LineScanner[],
  chunkBytes = 1 << 16,
): Promise<unknown> => {
  const input = inputFromBytes('unknown', Buffer.from(text, 'latin1'), { chunkBytes });
  const { found, ...rest } = await readLines(input, testContext(), scanners);
  return {
    ...rest,
    found: found.map(({ scanner, data, taken }) => ({ format: scanner.format, data, taken })),
  };
};

/** Lines between theirs: of other programs, nearly theirs, blank in unusual ways, coloured, in other letters. */
const OTHERS = [
  '',
  ' \t',
  '","',
  '\u00c2\u00a0',
  '\u00ef\u00bb\u00bf',
  '2026-11-21 09:12:33',
  '   2026-11-21 09:12:34   ===',
  `2026-11-21 09:12:34 ${'='.repeat(58)}`,
  `2026-11-21 09:12:35 ${'\u00c2\u00a0'.repeat(60)}`,
  '--- 2026-11-21T09:12:36Z ---',
  '1795252349',
  'Tue Nov 24 09:00:26 2026',
  ' Tue Nov 24 09:00:26 2026',
  'Traceback (most recent call last):',
  'see 1999-01-02 and 2031-02-03',
  'a date far into the line, behind nothing that matters '.repeat(2) + '2032-01-01',
  '\u00e2\u0096\u0088'.repeat(60) + ' 2033-01-01 done',
  'step 3 loss 2.5',
  '0, 4199, 81559',
  '1, 12 MiB, 24560 MiB',
  '100% 3.2GB/s',
  'took 3 GB of memory',
  'KV cache of 12 blocks and 4 bytes',
  '\u001b[1;36mTen\u001b[0msor: torch.Size([3]) torch.float32 cuda:0',
  '[1;36mAlloc[0;0mated: 3.0 MB | Reserved: 4.0 MB',
  '| not a table |',
  "{'active.all.current': 1, 'active.all.peak': 2,",
  "'active.all.freed': 3}",
  'GPU 0: Example GPU (UUID: GPU-0a)',
  'Failed to initialize NVML: Driver/library version mismatch',
  'INFO 02-29 10:00:00 [x.py:1] throughput',
  'INFO 11-30 10:00:00 [x.py:1] nothing',
];

describe('a pass that skips lines without needles', () => {
  it.each(FILES)('gives the same for %s', async (path) => {
    const text = textOf(path);
    expect(await passed(text, LOG_SCANNERS)).toEqual(await passed(text, GREEDY));
    expect(await passed(text, LOG_SCANNERS, 7)).toEqual(await passed(text, GREEDY));
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'gives the same for a mixture, seed %i',
    async (seed) => {
      const random = seeded(seed + 1);
      const below = (count: number): number => Math.floor(random() * count);
      const parts: string[] = [];
      for (let i = 0; i < 12; i++) {
        const lines = textOf(FILES[below(FILES.length)]).split('\n');
        const from = below(lines.length);
        // Pieces of files, so that headers are missing and tables are cut; now and then a line that is cut itself.
        const piece = lines.slice(from, from + 1 + below(25));
        parts.push(...piece.map((line) => (random() < 0.05 ? line.slice(0, below(line.length + 1)) : line)));
        for (let more = below(4); more > 0; more--) parts.push(OTHERS[below(OTHERS.length)]);
      }
      const text = parts.join(['\n', '\r\n', '\r'][below(3)]);
      expect(await passed(text, LOG_SCANNERS)).toEqual(await passed(text, GREEDY));
    },
  );

  it('is compared by something that sees a needle that is missing', async () => {
    const [broken] = LOG_SCANNERS.filter(({ format }) => format === 'request-log');
    const text = textOf('log/serve.requests.log');
    const without = [{ ...broken, needles: ['no line has this'] }];
    expect(await passed(text, without)).not.toEqual(await passed(text, [greedy(broken)]));
  });
});

describe('lines as bytes', () => {
  const split = (text: string, chunkBytes: number, maxBytes?: number): ByteLine[] => {
    const lines: ByteLine[] = [];
    const needles = new LineNeedles([
      ['he', 1],
      ['she', 2],
      ['his 0', 4],
    ]);
    const splitter = new ByteLineSplitter(needles, (line) => lines.push(line), maxBytes);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const chunk = bytes.slice(at, at + chunkBytes);
      splitter.push(chunk);
      // A reader may reuse its buffer: nothing of a chunk may be needed after push.
      chunk.fill(0x2a);
    }
    splitter.end();
    return lines;
  };

  it.each([1, 2, 3, 5, 7, 1000])('end at \\n, \\r\\n and \\r in chunks of %i bytes', (chunkBytes) => {
    const text = 'one\ntwo\r\nthree\rfour\n\n\r\r\nfünf €\n  last';
    expect(split(text, chunkBytes).map((line) => [line.text, line.offset])).toEqual([
      ['one', 0],
      ['two', 4],
      ['three', 9],
      ['four', 15],
      ['', 20],
      ['', 21],
      ['', 22],
      ['fünf €', 24],
      ['  last', 34],
    ]);
    expect(split('', chunkBytes)).toEqual([]);
    expect(split('a\r\n', chunkBytes)).toHaveLength(1);
  });

  it.each([1, 3, 64])('tell their needles, across chunks of %i, never across lines', (chunkBytes) => {
    const lines = split('ushers\nhis 7\nHIS 12\nshh\nis\nh\ne\ns\nhe\n', chunkBytes);
    expect(lines.map(({ mask }) => mask)).toEqual([3, 4, 4, 0, 0, 0, 0, 0, 1]);
  });

  it.each([1, 3, 64])('are cut at the bound, chunks of %i', (chunkBytes) => {
    const lines = split('12345678\n1234567\n123456789', chunkBytes, 7);
    expect(lines.map(({ text, offset, cut }) => [text, offset, cut])).toEqual([
      ['1234567', 0, true],
      ['1234567', 9, false],
      ['1234567', 17, true],
    ]);
  });
});

describe('scanners', () => {
  it('have needles that the automaton can hold', () => {
    const needles = LOG_SCANNERS.flatMap(({ needles }) => needles);
    // eslint-disable-next-line no-control-regex
    expect(needles.filter((needle) => needle === '' || !/^[\x00-\x7f]+$/.test(needle))).toEqual([]);
    expect(() => new LineNeedles(needles.map((needle) => [needle, 1]))).not.toThrow();
  });
});
