/** The answer where nothing is recognised (kind 13), and other people's files of the trade (kind 27). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { say, valuesOf } from './field.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-unknown-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEX = /begins with [0-9a-f]{2} [0-9a-f]{2}/;

describe('a snapshot as JSON', () => {
  it('U09 is read, with its stacks and its state', async () => {
    const said = await say('U09-snapshot.json');
    expect(said.code).toBe(0);
    expect(said.json.sources[0]).toMatchObject({ format: 'torch-snapshot', rows: 32, skipped: 0 });
    const [device] = said.json.devices;
    expect(device.memory_stats).toMatchObject({
      'reserved_bytes.all.current': 402_653_184,
      'allocated_bytes.all.current': 251_658_240,
      'allocation.all.current': 10,
    });
  });

  it('gives the document that its pickle gives', async () => {
    const folderOf = join(import.meta.dirname, '../fixtures/snapshot');
    const [pickle, json] = [
      await say(join(folderOf, 'graphs.pickle.gz')),
      await say(join(folderOf, 'graphs.json.gz')),
    ];
    expect(pickle.json.devices[0].events['alloc']).toBeGreaterThan(100);
    const plain = ({ sources, clocks: _clocks, ...rest }: typeof json.json): unknown => ({
      ...rest,
      sources: sources.map(({ file: _file, bytes: _bytes, ...source }) => source),
    });
    expect(plain(json.json)).toEqual(plain(pickle.json));
  });
});

describe('a dump of msMemScope', () => {
  it('U12 is read to the byte: PyTorch on the NPU, its pool, and the driver', async () => {
    const said = await say('U12-msmemscope-dump.csv');
    expect(said.code).toBe(0);
    expect(said.json.sources[0]).toMatchObject({ producer: 'msMemScope (Ascend)', rows: 81, skipped: 0 });
    const last = (id: string): unknown => valuesOf(said, id).at(-1);
    expect(last('memory_allocated')).toBe(1_454_080);
    expect(last('memory_reserved')).toBe(20_971_520);
    expect(last('driver.live')).toBe(20_971_520);
    const { rows } = said.json.tables.find(({ id }) => id === 'msmemscope.live')!;
    expect(rows.map((row) => [row[1], row[3]])).toEqual([
      ['HAL', 20_971_520],
      ['PTA', 1_454_080],
    ]);
    expect(said.json.series[0].samples[0][0]).toBe('1746006014162253000');
  });
});

describe('a file that is named and refused', () => {
  it.each([
    ['U20-pipit-cuda-api-trace.csv', '8 of cudaMalloc and 6 of cudaFree', '--cuda-memory-usage=true'],
    [
      'U25-execution-trace.json',
      'PyTorch execution trace (Chakra): operators, shapes and dependencies, no allocations',
      'profile_memory=True',
    ],
    ['U27-trace-of-xla.json', 'nothing in it is from PyTorch', 'jax.profiler.save_device_memory_profile'],
    [
      'U28-xprof-memory-viewer.json',
      'peak heap 9,312.5 MiB, all buffers 14,210.25 MiB',
      'jax.profiler.save_device_memory_profile',
    ],
    [
      'T45b-profiler-table.txt',
      'sums of what each operator allocated less what it freed',
      'export_chrome_trace',
    ],
  ])('%s', async (name, message, advice) => {
    const said = await say(name);
    expect(said.code).toBe(3);
    expect(said.json.sources[0].error?.code).toBe('refused');
    expect(said.text).toContain(message);
    expect(said.text).toContain(advice);
    expect(said.text).not.toMatch(HEX);
  });
});

describe('text of no known kind', () => {
  it.each([
    [
      'epoch 1 loss 0.5 lr 1e-4 it/s 3.2\nepoch 2 loss 0.4',
      'the log of a training loop',
      'torch.cuda.memory_allocated()',
    ],
    ['name,score,comment\na,1,x\nb,2,y', 'a table (CSV)', 'memory_used_mb'],
    ['import torch\nx = 1', 'source code', '_dump_snapshot'],
    ['hello world', 'a text of 1 line', 'nvidia-smi'],
    ['{"a": 1, "b": [1, 2]}', 'JSON of no kind that is known', 'torch.cuda.memory_stats()'],
  ])('%j', async (text, message, advice) => {
    const path = join(folder, 'text.txt');
    writeFileSync(path, `${text}\n`);
    const said = await say(path);
    expect(said.code).toBe(3);
    expect(said.text).toContain(message);
    expect(said.text).toContain(advice);
    expect(said.text).not.toMatch(HEX);
    expect(said.text).not.toContain('Tried:');
    expect(said.json.sources[0].error?.code).toBe('unrecognised');
  });

  it('counts and shows the lines that look like figures of memory', async () => {
    const path = join(folder, 'figures.txt');
    writeFileSync(path, 'the model needs 24 GB of VRAM\nanother 3 GiB for the cache\nnothing here\n');
    const said = await say(path);
    expect(said.text).toContain('2 look like figures of memory');
    expect(said.text).toContain('"the model needs 24 GB of VRAM"');
  });
});
