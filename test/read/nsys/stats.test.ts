/** Reports of `nsys stats` as CSV, alone and one after another. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nsysStatsReader } from '../../../src/read/nsys/stats.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import type { DataTable } from '../../../src/trace/readings.ts';
import { inputFromBytes, readBytes, readPath } from '../open-for-test.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/nsys-stats/${name}`, import.meta.url), 'utf8');
const read = async (text: string | Uint8Array, name = 'unknown'): Promise<SourceData> =>
  (await readBytes(nsysStatsReader, name, text)).data;
const table = (data: SourceData, id: string): DataTable => {
  const found = (data.readings?.tables ?? []).filter((one) => one.id === id);
  expect(found, id).toHaveLength(1);
  return found[0];
};

describe('several reports in one text', () => {
  it('are tables by the name of the script, in bytes and nanoseconds', async () => {
    const data = await read(fixture('stdout.csv'));
    expect((data.readings?.tables ?? []).map(({ id }) => id)).toEqual([
      'cuda_gpu_mem_size_sum',
      'cuda_gpu_mem_time_sum',
      'cuda_api_sum',
    ]);
    const sizes = table(data, 'cuda_gpu_mem_size_sum');
    expect(sizes.columns.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
      'Total bytes',
      'Count count',
      'Avg bytes',
      'Med bytes',
      'Min bytes',
      'Max bytes',
      'StdDev bytes',
      'Operation text',
    ]);
    expect(sizes.rows).toEqual([
      [4_000_000_000, 1, 4_000_000_000, 4_000_000_000, 4_000_000_000, 4_000_000_000, 0, '[CUDA memset]'],
      [4_194_000, 3, 1_398_000, 0, 0, 4_194_000, 2_421_000, '[CUDA memcpy Host-to-Device]'],
    ]);
    expect(table(data, 'cuda_gpu_mem_time_sum').rows[0].slice(0, 4)).toEqual([99.9, 758039, 3, 252679.7]);
    expect(data.rows).toBe(5);
    expect(data.skipped).toBe(0);
    expect(data.notRecorded.join()).toContain('OpenMP event data');
  });

  it('say that they are transfers, and how to record memory in use', async () => {
    const data = await read(fixture('stdout.csv'));
    expect(table(data, 'cuda_gpu_mem_size_sum').note).toMatch(/^Not memory in use.*500 bytes/);
    expect(data.notRecorded[0]).toContain('--cuda-memory-usage=true');
    expect(data.readings?.gauges).toEqual([]);
  });
});

describe('cuda_gpu_trace', () => {
  it('keeps its rows, and sums them by operation', async () => {
    const data = await read(fixture('base_cuda_gpu_trace.csv'));
    const rows = table(data, 'cuda_gpu_trace');
    expect(rows.rows).toHaveLength(4);
    expect(rows.rows[1].at(-1)).toBe('void kernel<float, int>(T1 *, "x")');
    // 4 GB in 1120 ns: no hardware does that, and it is what was printed.
    expect(rows.rows[0][rows.columns.findIndex(({ name }) => name === 'Throughput (MB/s)')]).toBe(
      3571428571.429,
    );
    expect(table(data, 'cuda_gpu_trace.sums').rows).toEqual([
      ['void kernel<float, int>(T1 *, "x")', 1, 2500, null, 1502892232, 1502894732],
      ['[CUDA memset]', 1, 1120, 4_000_000_000, 1502133193, 1502134313],
      ['[CUDA memcpy Host-to-Device]', 2, 300, 4_706_000, 1502895000, 1502896200],
    ]);
  });

  it('is read by its header: GreenCtx, other units, another order', async () => {
    const text =
      'Name,Strm,GreenCtx,CorrId,Duration (us),Start (ms),Bytes (KiB)\n[CUDA memset],7,,1,1.120,1502.133193,4.000\n';
    const data = await read(text);
    expect(table(data, 'cuda_gpu_trace.sums').rows).toEqual([
      ['[CUDA memset]', 1, 1120, 4096, 1502133193, 1502134313],
    ]);
  });

  it('is cut at 100,000 rows while its sums are of all', async () => {
    const row = '1502133193,10,103,1.000,7,[CUDA memset]\n';
    const data = await read(`Start (ns),Duration (ns),CorrId,Bytes (MB),Strm,Name\n${row.repeat(100_005)}`);
    expect(table(data, 'cuda_gpu_trace').rows).toHaveLength(100_000);
    expect(table(data, 'cuda_gpu_trace').note).toContain('The first 100,000 of 100,005 rows');
    expect(table(data, 'cuda_gpu_trace.sums').rows[0].slice(1, 4)).toEqual([
      100_005, 1_000_050, 100_005_000_000,
    ]);
    expect(data.warnings[0].message).toContain('(5 times');
    expect(data.rows).toBe(100_005);
  });
});

it('reads old names and units of one column only', async () => {
  const data = await read(fixture('old_gpumemsizesum.csv'), 'old_gpumemsizesum.csv');
  expect(table(data, 'cuda_gpu_mem_size_sum').rows).toEqual([
    [4_096_000, 2, 2_048_000, 500, 4_095_500, '[CUDA memcpy HtoD]'],
  ]);
});

describe('bad input', () => {
  it('keeps what can be read and says where it went wrong', async () => {
    const text = fixture('base_cuda_gpu_trace.csv');
    const cut = text.slice(0, text.lastIndexOf('Example'));
    const data = await read(cut);
    expect(data.rows).toBe(3);
    expect(data.skipped).toBe(1);
    expect(data.warnings[0].offset).toBe(text.lastIndexOf('1502896000'));
    const quote = await read(text.replace('""x"")"', '""x""'));
    expect(quote.warnings[0].message).toContain('a quote that is never closed');
    expect(quote.warnings[0].offset).toBe(text.indexOf('"void'));
  });

  it('is an error where there is no report', async () => {
    const { error } = await readBytes(nsysStatsReader, 'x.csv', 'a,b,c\n1,2,3\n');
    expect(error).toMatchObject({ code: 'unrecognised', file: 'x.csv', format: 'nsys-stats', offset: 0 });
    expect(error?.advice).toContain('nsys stats');
  });

  it('never throws', async () => {
    const whole = new TextEncoder().encode(
      readdirSync(new URL('../../fixtures/nsys-stats', import.meta.url))
        .map(fixture)
        .join('\n'),
    );
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 4294967296) * below);
    };
    for (let round = 0; round < 60; round++) {
      const damaged = whole.slice(0, random(whole.length) + 1);
      for (let flips = 0; flips < 30; flips++) damaged[random(damaged.length)] = random(256);
      const data = await read(damaged);
      for (const { columns, rows } of data.readings?.tables ?? []) {
        expect(rows.every((row) => row.length === columns.length)).toBe(true);
      }
    }
  });
});

describe('sniffing', () => {
  const sniff = (text: string) => nsysStatsReader.sniff(inputFromBytes('unknown', text).head);

  it.each(readdirSync(new URL('../../fixtures/nsys-stats', import.meta.url)))('%s is nsys stats', (name) => {
    expect(sniff(fixture(name)).score).toBeGreaterThanOrEqual(0.8);
  });

  it.each([
    '',
    'a,b\n1,2\n',
    'timestamp, index, memory.used [MiB]\n',
    '# HELP a b\na 1\n',
    '{"a":1,"b":2}',
    'Name,Total,Count\nx,1,2\n',
  ])('%j is something else', (text) => {
    expect(sniff(text).score).toBe(0);
  });
});

const pipit = '../shared/public/nsys/nsys_stats_cuda_gpu_trace_cloverleaf.csv';
describe.skipIf(!existsSync(pipit))('the GPU trace in ../shared/public, which Pipit wrote', () => {
  it('has a row for each pair of begin and end', async () => {
    const { data, error } = await readPath(nsysStatsReader, pipit);
    expect(error).toBeNull();
    expect(data.skipped).toBe(0);
    const lines = readFileSync(pipit, 'utf8').trimEnd().split('\n');
    expect(data.rows).toBe((lines.length - 1) / 2);
    const sums = table(data, 'pipit_gpu_trace.sums');
    const bytes = lines
      .filter((line) => line.includes(',Enter,'))
      .reduce((sum, line) => sum + Number(line.split(',')[3]), 0);
    expect(sums.rows.reduce((sum, row) => sum + Number(row[3]), 0)).toBe(bytes);
  });
});
