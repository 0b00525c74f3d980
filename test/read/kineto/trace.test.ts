/** Kineto traces: exact figures of a real recording, old and damaged forms, and the whole files beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { kinetoTraceReader as reader } from '../../../src/read/kineto/trace.ts';
import type { ReadOutcome } from '../../../src/read/reader.ts';
import type { Gauge } from '../../../src/trace/readings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { inputFromBytes, readBytes, testContext } from '../open-for-test.ts';

const fixture = (name: string): string => readFileSync(`test/fixtures/kineto-trace/${name}`, 'utf8');
const readings = (outcome: ReadOutcome) => outcome.data.readings!;
const gauge = (outcome: ReadOutcome, id: string, device: number | null): Gauge =>
  readings(outcome).gauges.find((one) => one.id === id && one.device === device)!;
const messages = (outcome: ReadOutcome): string =>
  outcome.data.warnings.map(({ message }) => message).join('\n');

interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  readonly ts: number;
  readonly args?: Readonly<Record<string, number>>;
}

/** The same figures by JSON.parse and plain sorting. Times as text, since a double rounds them. */
function oracle(
  text: string,
  type: number,
  device: number,
): { times: bigint[]; allocated: number[]; reserved: number[] } {
  const base = BigInt(/"baseTimeNanoseconds": (\d+)/.exec(text)?.[1] ?? '0');
  const exact = text.replace(/"ts": ([\d.]+)/g, '"ts": "$1"');
  const { traceEvents } = JSON.parse(exact) as { traceEvents: (Omit<TraceEvent, 'ts'> & { ts: string })[] };
  const ns = (ts: string): bigint => {
    const [whole, fraction = ''] = ts.split('.');
    return base + BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, '0'));
  };
  const rows = traceEvents
    .filter(
      ({ name, args }) =>
        name === '[memory]' && args!['Device Type'] === type && args!['Device Id'] === device,
    )
    .map(({ ts, args }) => ({ t: ns(ts), a: args!['Total Allocated'], r: args!['Total Reserved'] }))
    .sort((x, y) => (x.t < y.t ? -1 : x.t > y.t ? 1 : 0));
  return {
    times: rows.map(({ t }) => t),
    allocated: rows.map(({ a }) => a),
    reserved: rows.map(({ r }) => r),
  };
}

describe('a trace of PyTorch 2.11 on an H100', () => {
  test.each([1, 13, 997, 1 << 20])('is exact, in chunks of %i bytes', async (chunkBytes) => {
    const text = fixture('h100.json');
    const outcome = await readBytes(reader, 'h100.json', text, { chunkBytes });
    const told = oracle(text, 1, 0);
    const allocated = gauge(outcome, 'Total Allocated', 0);
    expect([...allocated.time_ns]).toEqual(told.times);
    expect([...allocated.value]).toEqual(told.allocated);
    expect([...gauge(outcome, 'Total Reserved', 0).value]).toEqual(told.reserved);
    expect(told.times).toHaveLength(24);
    expect(allocated.time_ns[0]).toBe(1795252321849025931n);
    expect(allocated.labels).toEqual({
      device_type: 'CUDA',
      gpu_name: 'NVIDIA H100 80GB HBM3',
      total_bytes: '85017493504',
    });
    expect(readings(outcome).clock).toBe('wall');
    expect(outcome.error).toBeNull();
    expect(outcome.data.warnings.filter(({ message }) => !message.startsWith('Host:'))).toEqual([]);
  });

  test('keeps the host apart from the GPU', async () => {
    const outcome = await readBytes(reader, 'h100.json', fixture('h100.json'));
    const host = gauge(outcome, 'Total Allocated', null);
    expect(host.value).toHaveLength(4);
    expect(host.label).toBe('Total Allocated (host)');
    expect(readings(outcome).gauges).toHaveLength(3);
  });

  test('lists what is live at the end, and adds transfers up', async () => {
    const { tables } = readings(await readBytes(reader, 'x', fixture('h100.json')));
    const live = tables.find(({ id }) => id === 'kineto-live-CUDA-0')!;
    const sum = live.rows.reduce((total, [, size]) => total + (size as number), 0);
    expect(sum).toBe(
      gauge(await readBytes(reader, 'x', fixture('h100.json')), 'Total Allocated', 0).value.at(-1),
    );
    expect(live.rows[0]).toEqual(['0x7f3fdc800000', 16777216, 0]);
    const transfers = tables.find(({ id }) => id === 'kineto-transfers')!;
    expect(transfers.note).toContain('not memory in use');
    expect(transfers.rows.map(([kind, device, count, bytes]) => [kind, device, count, bytes])).toEqual([
      ['Memcpy HtoD (Pageable -> Device)', 0, 3, 18876416],
      ['Memset (Device)', 0, 2, 768],
    ]);
  });

  test('is recognised by its content, and other JSON is not', () => {
    const sniff = (text: string): number => reader.sniff(inputFromBytes('unknown', text).head).score;
    expect(sniff(fixture('h100.json'))).toBeGreaterThan(0.9);
    expect(sniff(fixture('torch19.json'))).toBeGreaterThan(0.9);
    expect(sniff('[{"ph":"X","ts":1,"name":"a"},')).toBeGreaterThan(0.5);
    expect(sniff('{"schemaVersion": 1, "deviceProperties": [')).toBeGreaterThan(0.5);
    const others = [
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      '[[1795252321849025931, 2, 16777216, 0]]',
      '{"data":["a"]}\n{"Type":80}',
      '{"allocated_bytes.all.current": 1}',
      '{"log": "traceEvents"}',
      'INFO "traceEvents": [',
      '',
    ];
    for (const other of others) expect(sniff(other), other).toBe(0);
  });
});

describe('a trace of PyTorch 1.9', () => {
  test('is summed from the start, and says so', async () => {
    const outcome = await readBytes(reader, 'old.json', fixture('torch19.json'));
    const summed = gauge(outcome, 'Bytes, summed', 0);
    expect([...summed.value]).toEqual([1024, -512]);
    expect(summed.note).toContain('at least 512 bytes were allocated before');
    expect(summed.labels).toMatchObject({ rank: '3', gpu_name: 'Tesla V100' });
    expect(summed.time_ns[0]).toBe(1623143093496600000n);
    expect(readings(outcome).gauges.map(({ id }) => id)).not.toContain('Total Reserved');
    expect(outcome.data.settings).toContainEqual(['world_size', '8']);
  });

  test('tells of running out of memory', async () => {
    const { events } = readings(await readBytes(reader, 'old.json', fixture('torch19.json')));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: 'oom',
      device: 0,
      time_ns: 1623143093496800000n,
      figures: {
        requested: 68719476736,
        allocated: 5368709120,
        reserved: 6442450944,
        reserved_unallocated: 1073741824,
      },
      offset: fixture('torch19.json').lastIndexOf('{\n    "ph": "i", "s": "t", "name": "[OutOfMemory]"'),
    });
  });
});

describe('traces that are not whole', () => {
  test('a cut trace gives what came before, at every length', async () => {
    const text = fixture('h100.json');
    let last = 0;
    for (let length = 200; length < text.length; length += 211) {
      const outcome = await readBytes(reader, 'cut.json', text.slice(0, length), { chunkBytes: 4096 });
      const count = readings(outcome).gauges.find(({ device }) => device === 0)?.value.length ?? 0;
      expect(count).toBeGreaterThanOrEqual(last);
      expect(messages(outcome) + (outcome.error?.message ?? '')).toMatch(/ends early|no readable event/);
      last = count;
    }
    expect(last).toBe(24);
  });

  test('a damaged event is left out with its offset; the others are read', async () => {
    const text = fixture('h100.json');
    const place = text.indexOf('"[memory]"');
    const start = text.lastIndexOf('{', place);
    const broken = `${text.slice(0, start)}{ "ph" } ${text.slice(start + 1)}`;
    const outcome = await readBytes(reader, 'broken.json', broken);
    expect(gauge(outcome, 'Total Allocated', 0).value.length).toBeGreaterThanOrEqual(23);
    expect(outcome.data.warnings).toContainEqual({
      message: 'An event that is damaged was left out; reading goes on at the next one.',
      offset: start,
    });
  });

  test('an event without its figures is counted', async () => {
    const text = fixture('h100.json').replace('"Bytes": 4194304', '"Bytes": null');
    const outcome = await readBytes(reader, 'x', text);
    expect(outcome.data.skipped).toBe(1);
    expect(messages(outcome)).toContain('without a time, its bytes');
    expect(messages(outcome)).toContain('changes of Total Allocated differ');
  });

  test('bytes turned over never hang or throw', async () => {
    const original = new TextEncoder().encode(fixture('h100.json'));
    let seed = 12345;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 60; round++) {
      const bytes = original.slice();
      for (let i = 0; i < 1 + (round % 12); i++) bytes[random(bytes.length)] = random(256);
      const outcome = await readBytes(reader, 'flipped', bytes, { chunkBytes: 1024 });
      for (const { time_ns, value } of readings(outcome).gauges) expect(time_ns.length).toBe(value.length);
      expect(outcome.data).toBeDefined();
    }
  });

  test.each([0, 8, 20])('an unclosed string after every %i events costs linear time', async (good) => {
    const event = '{"ph":"X","cat":"cpu_op","name":"a","ts":1,"args":{"x":1}},\n';
    const unclosed = '{"ph":"X","cat":"cpu_op","name":"a","ts":1,"args":{"x":"}},\n';
    const group = event.repeat(good) + unclosed;
    const groups = Math.ceil(4_000_000 / group.length);
    const text = `{"schemaVersion":1,"traceEvents":[${group.repeat(groups)}`;
    // 4 MB; looking 4 MiB ahead at each of them would be minutes (test/file/json-tokens.test.ts counts it).
    const outcome = await readBytes(reader, 'bad', text);
    // The last one is the end of a file that is cut.
    expect(outcome.data.skipped).toBe(groups - 1);
    expect(messages(outcome)).toContain('damaged events were left out in all');
  });

  test('a quote that is lost costs its own event only', async () => {
    const text = fixture('h100.json');
    const told = gauge(await readBytes(reader, 'x', text), 'Total Allocated', 0).value.length;
    const quotes = [...text.matchAll(/"/g)]
      .map(({ index }) => index)
      .filter((at) => at > text.indexOf('"ph"'));
    for (const at of quotes.filter((_, i) => i % 9 === 0)) {
      const outcome = await readBytes(reader, 'x', `${text.slice(0, at)} ${text.slice(at + 1)}`);
      const left = gauge(outcome, 'Total Allocated', 0).value.length;
      expect(left, `quote at ${at}`).toBeGreaterThanOrEqual(told - 1);
      if (left < told) expect(outcome.data.skipped).toBeGreaterThan(0);
    }
  });

  test('a trace without memory events says what to record', async () => {
    const outcome = await readBytes(
      reader,
      'x',
      '{"schemaVersion":1,"traceEvents":[{"ph":"X","name":"a","ts":1}]}',
    );
    expect(outcome.error).toBeNull();
    expect(outcome.data.notRecorded.join()).toContain('profile_memory=True');
  });

  test('can be cancelled', async () => {
    const text = `{"traceEvents":[${'{"ph":"X","name":"a","ts":1},'.repeat(400_000)}]}`;
    await expect(reader.read(inputFromBytes('x', text), testContext(0))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('the recording in ../shared/traces', () => {
  test('equals JSON.parse, to the nanosecond and byte', async () => {
    const text = readFileSync(join(traces!, 'kineto/kineto_train.json'), 'utf8');
    const outcome = await readBytes(reader, 'unknown', text);
    for (const [type, device] of [
      [1, 0],
      [0, -1],
    ]) {
      const told = oracle(text, type, device);
      const allocated = gauge(outcome, 'Total Allocated', type === 0 ? null : device);
      expect([...allocated.time_ns]).toEqual(told.times);
      expect([...allocated.value]).toEqual(told.allocated);
    }
    expect(gauge(outcome, 'Total Reserved', 0).value).toHaveLength(3887);
    expect(outcome.data.warnings).toEqual([]);
    const live = readings(outcome).tables.find(({ id }) => id === 'kineto-live-CUDA-0')!;
    expect(live.rows.reduce((sum, [, size]) => sum + (size as number), 0)).toBe(482033664);
  });
});

const PUBLIC = '../shared/public/kineto';
describe.skipIf(!existsSync(PUBLIC))('the public traces', () => {
  const open = (name: string): Promise<ReadOutcome> =>
    readBytes(reader, 'unknown', gunzipSync(readFileSync(join(PUBLIC, name))));

  test('2022, rank 1: both totals, and every change accounted for', async () => {
    const outcome = await open('kineto2022_rank1_profile_memory_full.json.gz');
    expect(gauge(outcome, 'Total Allocated', 1).value).toHaveLength(26770);
    expect(Math.max(...gauge(outcome, 'Total Reserved', 1).value)).toBe(12782141440);
    expect(outcome.data.warnings).toEqual([]);
    expect(gauge(outcome, 'Total Allocated', 1).labels['rank']).toBe('1');
  });

  test('2021: summed', async () => {
    const outcome = await open('kineto2021_resnet50_memory_noaddr.pt.trace.json.gz');
    expect(gauge(outcome, 'Bytes, summed', 0).value).toHaveLength(8220);
    expect(gauge(outcome, 'Bytes, summed', 0).value.at(-1)).toBe(0);
  });

  test('ROCm: no memory events, copies without bytes', async () => {
    const outcome = await open('kineto_rocm6.2_mi250_baseTimeNs.json.gz');
    expect(outcome.data.notRecorded.join()).toContain('no [memory] events');
    expect(readings(outcome).tables[0].rows).toEqual([['Memcpy HtoD (Host -> Device)', 2, 2, null, 38161]]);
  });
});

describe('what the program named', () => {
  test.each([1 << 20, 1, 100])(
    'is read as steps and ranges, not its copies on the GPU, in chunks of %i',
    async (chunkBytes) => {
      const outcome = await readBytes(reader, 'unknown', fixture('steps.json'), { chunkBytes });
      const { events, tables } = readings(outcome);
      expect(outcome.error).toBeNull();
      expect(outcome.data.rows).toBe(12);
      expect(events.map(({ kind, text, time_ns }) => [kind, text, time_ns])).toEqual([
        ['other', 'ProfilerStep#3', 1_795_252_349_001_000_500n],
        ['other', 'ProfilerStep#4', 1_795_252_349_001_101_500n],
        ['other', 'ProfilerStep#5', 1_795_252_349_001_202_500n],
      ]);
      expect(fixture('steps.json').slice(events[0].offset, events[0].offset + 60)).toContain(
        '"user_annotation"',
      );
      const rowsOf = (id: string): unknown => tables.find((table) => table.id === id)?.rows;
      expect(rowsOf('kineto-steps')).toEqual([
        ['ProfilerStep#3', 0, 100_750],
        ['ProfilerStep#4', 101_000, 100_750],
        ['ProfilerStep#5', 202_000, 100_750],
      ]);
      expect(rowsOf('kineto-ranges')).toEqual([['forward', 3, 120_375]]);
      expect(outcome.data.settings).toContainEqual(['Other events in the trace', '6']);
    },
  );

  test('is a step by its name where the category is that of operators, and where the category comes first', async () => {
    const event = (text: string): string => `{"ph":"X","ts":5,"dur":2,"pid":1,"tid":1,${text}}`;
    const text = `{"schemaVersion":1,"traceEvents":[${[
      event('"name":"ProfilerStep#1","cat":"Operator"'),
      event('"cat":"cpu_op","name":"ProfilerStep#2"'),
      event('"cat":"gpu_user_annotation","name":"ProfilerStep#2"'),
      event('"name":"ProfilerStep#2","cat":"gpu_user_annotation"'),
      event('"name":"DataLoader","cat":"cpu_op"'),
      event('"cat":"user_annotation","name":"a \\"quoted\\" name"'),
    ].join()}]}`;
    const { events, tables } = readings(await readBytes(reader, 'unknown', text));
    expect(events.map((each) => each.text)).toEqual(['ProfilerStep#1', 'ProfilerStep#2']);
    expect(tables.at(-1)?.rows).toEqual([['a "quoted" name', 1, 2000]]);
  });
});
