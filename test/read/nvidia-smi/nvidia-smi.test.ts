/** nvidia-smi in every form it prints, against fixtures in exactly those forms. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/file/text-lines.ts';
import { nvidiaSmiScanner } from '../../../src/read/nvidia-smi/nvidia-smi.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import type { Gauge } from '../../../src/trace/readings.ts';
import { expectLinear } from '../../work.ts';

const MIB = 1048576;
const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/nvidia-smi/${name}`, import.meta.url), 'utf8');

interface Scanned {
  readonly data: SourceData | null;
  readonly untaken: string[];
}

function scanned(text: string | Uint8Array, cut = false): Scanned {
  const scan = nvidiaSmiScanner.start('unknown');
  const untaken: string[] = [];
  const splitter = new LineSplitter((line) => {
    if (!scan.take(line)) untaken.push(line.text);
  });
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  splitter.push(bytes);
  splitter.end();
  return { data: scan.end(bytes.length, cut), untaken };
}

function read(text: string, cut = false): SourceData {
  const { data } = scanned(text, cut);
  if (data === null) throw new Error('nothing was recognised');
  return data;
}

function gaugesOf(data: SourceData): readonly Gauge[] {
  return data.readings?.gauges ?? [];
}

function gauge(
  data: SourceData,
  id: string,
  device: number | null,
  labels: Record<string, string> = {},
): Gauge {
  const found = gaugesOf(data).filter(
    (one) =>
      one.id === id &&
      one.device === device &&
      Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  );
  expect(found, `${id} of ${device}`).toHaveLength(1);
  return found[0];
}

const mebibytes = ({ value }: Gauge): number[] => Array.from(value, (bytes) => bytes / MIB);
const times = ({ time_ns }: Gauge): string[] =>
  Array.from(time_ns, (ns) => new Date(Number(ns / 1_000_000n)).toISOString());
const seconds = ({ time_ns }: Gauge): number[] =>
  Array.from(time_ns, (ns) => Number((ns - time_ns[0]) / 1_000_000n) / 1e3);

describe('--query-gpu as CSV', () => {
  it('gives a series per figure and GPU, across repeated headers', () => {
    const data = read(fixture('query.csv'));
    expect(data.rows).toBe(4);
    expect(data.skipped).toBe(0);
    expect(data.readings?.clock).toBe('local');
    const used = gauge(data, 'memory.used', 0);
    expect(mebibytes(used)).toEqual([4199, 9000]);
    expect(times(used)).toEqual(['2026-11-21T09:12:29.980Z', '2026-11-21T09:12:30.980Z']);
    expect(used).toMatchObject({ unit: 'bytes', granularity: MIB });
    expect(mebibytes(gauge(data, 'memory.total', 1))).toEqual([24560, 24560]);
    expect(Array.from(gauge(data, 'power.draw', 0).value)).toEqual([71.15, 299.9]);
    expect(gauge(data, 'power.draw', 0).granularity).toBeCloseTo(0.01);
    expect(Array.from(gauge(data, 'utilization.gpu', 0).value)).toEqual([0.07, 1]);
  });

  it('says that utilization.memory is not how full the memory is', () => {
    expect(gauge(read(fixture('query.csv')), 'utilization.memory', 0).note).toContain('not how full');
  });

  it('counts what reads [N/A] and does not draw it', () => {
    const data = read(fixture('query.csv'));
    expect(gaugesOf(data).some(({ id, device }) => id === 'power.draw' && device === 1)).toBe(false);
    expect(data.settings).toContainEqual(['Figures that read [N/A]', '4']);
    expect(data.settings).toContainEqual(['Figures that read [Unknown Error]', '2']);
    expect(data.warnings.map(({ message }) => message).join()).toContain(
      'power.draw has no figure in any of 2',
    );
  });

  it('keeps a gap as NaN', () => {
    const text = fixture('query.csv').replace('9000 MiB', '[Unknown Error]');
    expect(mebibytes(gauge(read(text), 'memory.used', 0))).toEqual([4199, NaN]);
  });

  it('reads nounits by the units of the header', () => {
    const text =
      'index, memory.used [MiB], utilization.memory [%]\n0, 4199, 7\n1, 12, 0\n0, 4200, 8\n1, 12, 0\n';
    const data = read(text);
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([4199, 4200]);
    expect(Array.from(gauge(data, 'utilization.memory', 0).value)).toEqual([0.07, 0.08]);
    expect(data.readings?.clock).toBe('none');
    expect(Array.from(gauge(data, 'memory.used', 1).time_ns)).toEqual([0n, 1n]);
    expect(data.notRecorded.join()).toContain('carry no times');
  });

  it('leaves out a row that is cut, and says where', () => {
    const whole = fixture('query.csv');
    const data = read(whole.slice(0, -30));
    expect(data.rows).toBe(3);
    expect(data.skipped).toBe(1);
    expect(data.warnings).toContainEqual({
      message: 'A row of nvidia-smi that cannot be read was left out.',
      offset: whole.lastIndexOf('2026/'),
    });
  });

  it('does not take a figure that lost its unit for a smaller one', () => {
    const text =
      'timestamp, memory.used [MiB]\n2026/11/21 09:12:29.980, 4199 MiB\n2026/11/21 09:12:30.980, 41';
    const data = read(text, true);
    expect(mebibytes(gauge(data, 'memory.used', null))).toEqual([4199]);
    expect(data.skipped).toBe(1);
  });

  it('sorts samples whose times run backwards, and says so', () => {
    const row = (second: number, used: number): string => `2026/11/21 09:12:${second}.000, 0, ${used} MiB\n`;
    const data = read(`timestamp, index, memory.used [MiB]\n${row(30, 3)}${row(10, 1)}${row(20, 2)}`);
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([1, 2, 3]);
    expect(data.warnings.map(({ message }) => message).join()).toContain('run backwards');
  });

  it('takes no line of another program', () => {
    const { data, untaken } = scanned(
      `${fixture('query.csv')}2026/11/21 09:12:31 listening on :8000, 3 workers\nloss 0.5, step 3\n1, 2, 3\n`,
    );
    expect(untaken).toEqual([
      '2026/11/21 09:12:31 listening on :8000, 3 workers',
      'loss 0.5, step 3',
      '1, 2, 3',
    ]);
    expect(data?.skipped).toBe(0);
  });
});

describe('CSV without a header', () => {
  it('is judged by units and magnitude: the log of the serving run', () => {
    const data = read(fixture('serve.nvidia-smi.log'));
    expect(data.rows).toBe(11);
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([
      4199, 4487, 4501, 4549, 5375, 5375, 5375, 5375, 5375, 5377, 4287,
    ]);
    expect(new Set(mebibytes(gauge(data, 'memory.total', 0)))).toEqual(new Set([81559]));
    expect(Array.from(gauge(data, 'utilization.memory', 0).value).slice(0, 2)).toEqual([0.02, 0.03]);
    expect(data.warnings).toHaveLength(1);
    expect(data.warnings[0].message).toContain(
      'timestamp, index, utilization.gpu, utilization.memory, memory.used, memory.total',
    );
    expect(gauge(data, 'memory.used', 0).note).toContain('taken for memory.used');
  });

  it('takes its times from separators where rows have none', () => {
    const block = (second: number, ...used: number[]): string =>
      `=== 2026-11-21 09:12:${second} ===\n${used.map((size, i) => `${i}, 7 %, 2 %, ${size} MiB, 81559 MiB\n`).join('')}`;
    const data = read(block(10, 100, 7000) + block(12, 200, 7000) + block(12, 300, 7000));
    const used = gauge(data, 'memory.used', 0);
    expect(mebibytes(used)).toEqual([100, 200, 300]);
    expect(seconds(used)).toEqual([0, 2, 2]);
    expect(mebibytes(gauge(data, 'memory.used', 1))).toEqual([7000, 7000, 7000]);
    expect(used.note).not.toContain('carry no time');
  });

  it('numbers and places samples that carry no time after the last one printed', () => {
    const data = read('=== 2026-11-21 09:12:10 ===\n5 MiB, 8000 MiB\n6 MiB, 8000 MiB\n7 MiB, 8000 MiB\n');
    // Rows of one block that name no GPU are GPUs of their own until there are too many.
    expect(gaugesOf(data).filter(({ id }) => id === 'memory.used')).toHaveLength(3);
    expect(data.notRecorded.join()).toContain('which GPU');
  });

  it('reads bare numbers where a file has nothing else, largest and constant as the total', () => {
    const data = read('0, 4199, 24560\n1, 12, 24560\n0, 9000, 24560\n1, 12, 24560\n');
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([4199, 9000]);
    expect(mebibytes(gauge(data, 'memory.used', 1))).toEqual([12, 12]);
    expect(mebibytes(gauge(data, 'memory.total', 1))).toEqual([24560, 24560]);
    expect(data.warnings[0].message).toContain('index, memory.used, memory.total');
  });

  it('leaves bare numbers alone that cannot be GPU memory', () => {
    const data = read('1, 2\n3, 4\n');
    expect(gaugesOf(data)).toEqual([]);
    expect(data.skipped).toBe(2);
  });

  it.each([
    [
      'total, reserved, used, free',
      '81559 MiB, 479 MiB, 59 MiB, 81022 MiB\n81559 MiB, 479 MiB, 99 MiB, 80982 MiB\n',
      [59, 99],
    ],
    ['used, free, total', '59 MiB, 81022 MiB, 81559 MiB\n99 MiB, 80982 MiB, 81559 MiB\n', [59, 99]],
    ['used alone', '59 MiB\n99 MiB\n', [59, 99]],
  ])('finds used among %s', (_columns, text, used) => {
    expect(mebibytes(gauge(read(text), 'memory.used', null))).toEqual(used);
  });
});

describe('processes', () => {
  it('of --query-compute-apps have names with commas, a series each, and the GPU of their UUID', () => {
    const data = read(fixture('compute-apps.csv'));
    const python = gauge(data, 'process.memory.used', 0, { pid: '4711' });
    expect(mebibytes(python)).toEqual([4100, 8900]);
    expect(python.labels['process']).toBe('python, -m serve, --port=1');
    const [table] = data.readings?.tables ?? [];
    expect(table.rows).toEqual([
      [
        '0',
        '4711',
        null,
        'python, -m serve, --port=1',
        2,
        4100 * MIB,
        8900 * MIB,
        8900 * MIB,
        'query-compute-apps',
      ],
      ['0', '4712', null, '~/bin/train', 1, null, null, null, 'query-compute-apps'],
    ]);
  });

  it('without a header are told by their shape', () => {
    const data = read('4711, python, 4100 MiB\n4712, /usr/bin/x, 12 MiB\n4711, python, 4200 MiB\n');
    expect(mebibytes(gauge(data, 'process.memory.used', null, { pid: '4711' }))).toEqual([4100, 4200]);
  });

  it('of pmon -s m', () => {
    const data = read(fixture('pmon.log'));
    const python = gauge(data, 'process.memory.used', 0, { pid: '4711', process: 'python train' });
    expect(mebibytes(python)).toEqual([4100, 8900]);
    expect(data.rows).toBe(3);
    expect(data.readings?.tables[0].rows).toHaveLength(1);
  });
});

describe('dmon', () => {
  it('is read by its header, MB as MiB', () => {
    const { data, untaken } = scanned(fixture('serve.dmon.log'));
    expect(untaken).toEqual([]);
    const used = gauge(data!, 'memory.used', 0);
    expect(mebibytes(used)).toEqual([4199, 4277, 4485, 4501, 4549, 4549, 5373, 5375, 5375, 5375, 5375, 5377]);
    expect(times(used).slice(0, 4)).toEqual(
      ['29', '30', '31', '33'].map((second) => `2026-11-21T09:12:${second}.000Z`),
    );
    expect(Array.from(gauge(data!, 'utilization.memory', 0).value).slice(0, 3)).toEqual([0.02, 0, 0.02]);
  });

  const dmon = (columns: string, ...rows: string[]): string =>
    `# gpu ${columns}\n# Idx ${columns.replace(/\S+/g, 'MB')}\n${rows.join('\n')}\n`;

  it('follows another order of columns after another header', () => {
    const data = read(dmon('fb bar1', '0 10 20', '0 11 21') + dmon('bar1 fb', '0 22 12'));
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([10, 11, 12]);
  });

  it('has missing figures, and samples a second apart after the last time', () => {
    const data = read(`Sat Nov 21 09:12:29 2026\n${dmon('pwr fb', '0 70 -', '0 - 11', '0 72 12')}`);
    expect(mebibytes(gauge(data, 'memory.used', 0))).toEqual([NaN, 11, 12]);
    expect(seconds(gauge(data, 'power.draw', 0))).toEqual([0, 1, 2]);
    expect(gauge(data, 'power.draw', 0).note).toContain('1 s apart');
  });

  it('takes the interval from the command line where a log has it', () => {
    const data = read(
      `=== 2026-11-21 09:12:29 ===\n# $ nvidia-smi dmon -s mu -d 5\n${dmon('fb', '0 1', '0 2')}`,
    );
    expect(seconds(gauge(data, 'memory.used', 0))).toEqual([0, 5]);
  });

  it('has ordinals where nothing has a time', () => {
    const data = read(dmon('fb', '0 1', '1 5', '0 2', '1 6'));
    expect(data.readings?.clock).toBe('none');
    expect(Array.from(gauge(data, 'memory.used', 1).time_ns)).toEqual([0n, 1n]);
  });

  it('counts a row of another width', () => {
    const data = read(dmon('fb bar1', '0 1 2', '0 1'));
    expect(data.rows).toBe(1);
    expect(data.skipped).toBe(1);
  });
});

describe('the plain table', () => {
  it('has memory, load and processes, and MIG devices by themselves', () => {
    const { data, untaken } = scanned(fixture('table.txt'));
    // The first border comes before anything tells whose table it is.
    expect(untaken.filter((line) => line.trim() !== '')).toHaveLength(1);
    const whole = gaugesOf(data!).filter(({ id, labels }) => id === 'memory.used' && !('mig.gi' in labels));
    expect(whole.map((one) => [one.device, ...mebibytes(one)])).toEqual([
      [0, 11125],
      [1, 4],
    ]);
    expect(
      mebibytes(gauge(data!, 'memory.used', 0, { 'mig.gi': '2', 'mig.ci': '0', 'mig.device': '0' })),
    ).toEqual([11091]);
    expect(mebibytes(gauge(data!, 'memory.total', 0, { 'mig.gi': '9' }))).toEqual([9984]);
    expect(mebibytes(gauge(data!, 'bar1.used', 0, { 'mig.gi': '2' }))).toEqual([1]);
    expect(Array.from(gauge(data!, 'utilization.gpu', 1).value)).toEqual([0.13]);
    expect(Array.from(gauge(data!, 'power.draw', 0).value)).toEqual([98]);
    expect(times(gauge(data!, 'temperature.gpu', 0))).toEqual(['2026-11-21T09:12:29.000Z']);
    expect(data!.settings).toContainEqual(['GPU 1', 'Example GPU 80GB']);
    expect(data!.readings?.tables[0].rows).toEqual([
      ['0 (MIG 2/0)', '4711', 'C', 'python -m serve', 1, 11052 * MIB, 11052 * MIB, 11052 * MIB, 'table'],
      ['1', '4712', 'C+G', '~/bin/view', 1, null, null, null, 'table'],
    ]);
  });

  it('-q gives the same figures and skips the rest', () => {
    const data = read(fixture('detail.txt'));
    const whole = gaugesOf(data).filter(({ id, labels }) => id === 'memory.used' && !('mig.gi' in labels));
    expect(whole.map(mebibytes)).toEqual([[59]]);
    expect(mebibytes(gauge(data, 'memory.used', null, { 'mig.gi': '2' }))).toEqual([26]);
    expect(Array.from(gauge(data, 'utilization.memory', null).value)).toEqual([0.03]);
    expect(mebibytes(gauge(data, 'process.memory.used', null, { pid: '4711', 'mig.gi': '2' }))).toEqual([26]);
  });
});

describe('sniffing', () => {
  const files = readdirSync(new URL('../../fixtures/nvidia-smi', import.meta.url));
  it.each(files)('%s is nvidia-smi', (name) => {
    expect(nvidiaSmiScanner.sniff(fixture(name).split('\n')).score).toBeGreaterThan(0.9);
  });

  it('claims no other format', () => {
    const others = ['memory-summary/train.memory_summary.txt', 'memory-summary/train.memory_stats.json'];
    for (const other of others) {
      const text = readFileSync(new URL(`../../fixtures/${other}`, import.meta.url), 'utf8');
      expect(nvidiaSmiScanner.sniff(text.split('\n')), other).toMatchObject({ score: 0 });
    }
    for (const text of [
      'a,b\n1,2\n',
      '1, 2, 3\n4, 5, 6\n',
      '',
      'Total (MB),Count\n1.0,2\n',
      '# HELP a b\n',
    ]) {
      expect(nvidiaSmiScanner.sniff(text.split('\n')).score, text).toBeLessThan(0.5);
    }
  });
});

describe('damage', () => {
  const all = readdirSync(new URL('../../fixtures/nvidia-smi', import.meta.url))
    .map(fixture)
    .join('\n');
  const bytes = new TextEncoder().encode(all);

  it('never throws, and figures stay numbers in time order', () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 4294967296) * below);
    };
    for (let round = 0; round < 60; round++) {
      const damaged = bytes.slice(0, random(bytes.length) + 1);
      for (let flips = 0; flips < 40; flips++) damaged[random(damaged.length)] = random(256);
      const { data } = scanned(damaged, true);
      for (const { time_ns, value } of data?.readings?.gauges ?? []) {
        expect(time_ns).toHaveLength(value.length);
        expect(time_ns.every((ns, i) => i === 0 || ns >= time_ns[i - 1])).toBe(true);
      }
    }
  });

  it.each(['| ', '1, ', '# gpu ', 'memory.used [MiB], ', '0 ', ' MiB, ', '2026/11/21 09:12:29.980, '])(
    'goes through a long line of %j no more often than through a short one',
    (unit) => expectLinear((times) => scanned(`${fixture('query.csv')}${unit.repeat(times)}\n`), 10_000),
  );
});

const bundle = join('../shared/public/nvidia_smi', 'capture_linux-x86_64__nvidia-h100-mig__590.48.01.txt');
describe.skipIf(!existsSync(bundle))('the capture of every form in ../shared/public', () => {
  const { data } = existsSync(bundle) ? scanned(readFileSync(bundle)) : { data: null };

  it('agrees with itself: the table, -q and CSV tell the same', () => {
    for (const tool of ['table', '-q']) {
      const whole = gaugesOf(data!).filter(
        ({ id, labels }) => id === 'memory.used' && labels['tool'] === tool && !('mig.gi' in labels),
      );
      expect(whole.map(mebibytes), tool).toEqual([[59, 11125]]);
    }
    const csv = gaugesOf(data!).filter(({ id, labels }) => id === 'memory.used' && !('tool' in labels));
    expect(csv.map(mebibytes)).toEqual([[59, 11125]]);
    expect(gaugesOf(data!).every(({ device }) => device === 0)).toBe(true);
  });

  it('has four MIG devices, three processes in four forms, and no row it could not read', () => {
    const mig = gaugesOf(data!).filter(
      ({ id, labels }) => id === 'memory.used' && labels['tool'] === 'table' && 'mig.gi' in labels,
    );
    expect(mig.map((one) => mebibytes(one)[1])).toEqual([11091, 17, 9, 9]);
    const [processes] = data!.readings!.tables;
    expect(processes.rows).toHaveLength(12);
    expect(data!.skipped).toBe(0);
    expect(data!.readings!.tables.map(({ id }) => id)).toEqual([
      'nvidia-smi.processes',
      'nvidia-smi.retired-pages',
    ]);
  });
});
