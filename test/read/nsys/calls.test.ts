/** Who allocated: call chains, calls of several processes, ranges and kernels, in databases made for the purpose. */
import { describe, expect, it } from 'vitest';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { PairNumbers } from '../../../src/read/nsys/calls.ts';
import { nsysSqliteReader } from '../../../src/read/nsys/sqlite.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { NONE } from '../../../src/trace/schema.ts';
import { makeSqlite, type Row } from './make-sqlite.ts';
import { textOf } from './forms-for-test.ts';
import { readBytes } from '../open-for-test.ts';

const EVENTS = 'CUDA_GPU_MEMORY_USAGE_EVENTS';
const PID = 0x1000000;
const TABLES = `
  CREATE TABLE StringIds (id, value);
  CREATE TABLE ${EVENTS} (start, globalPid, deviceId, contextId, address, bytes, memKind, memoryOperationType, name, correlationId);
  CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start, "end", globalTid, correlationId, nameId, callchainId);
  CREATE TABLE CUDA_CALLCHAINS (id, symbol, module, unresolved, originalIP, stackDepth);
  CREATE TABLE NVTX_EVENTS (start, "end", eventType, text, textId, globalTid);
  CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start, "end", deviceId, streamId, globalPid, demangledName, shortName);
  CREATE TABLE TARGET_INFO_SYSTEM_ENV (name, value); CREATE TABLE META_DATA_CAPTURE (name, value);
  INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES ('Hostname', 'secret-host');
  INSERT INTO META_DATA_CAPTURE VALUES ('PROCESS_0:ENVIRONMENT_VARIABLE', 'TOKEN=secret-token');
  INSERT INTO StringIds VALUES (1, 'cudaMalloc_v3020'), (2, 'cudaFree_v3020'), (3, 'TOKEN=secret-string'),
    (10, 'malloc'), (11, 'forward'), (12, 'main'), (20, '/home/ada/env/libtorch.so'), (21, '/usr/bin/python3'),
    (30, 'step'), (40, 'gemm<float>'), (41, 'gemm')`;

/** [time, process, device, address, bytes, 0 alloc | 1 free, call] */
const event = (
  start: number,
  pid: number,
  device: number,
  address: number,
  bytes: number,
  op: number,
  call: number | null,
): Row => [start, pid * PID, device, 1, address, bytes, 2, op, null, call];

async function dataOf(rows: Readonly<Record<string, readonly Row[]>>, more = ''): Promise<SourceData> {
  const { data, error } = await readBytes(
    nsysSqliteReader,
    'x',
    makeSqlite(`${TABLES}; ${more}`, Object.entries(rows)),
  );
  expect(error).toBeNull();
  expect(textOf(data)).not.toContain('secret');
  return data;
}

const RUNTIME = 'CUPTI_ACTIVITY_KIND_RUNTIME';
const stacksOf = ({ devices, stacks }: SourceData, device = 0): string[] =>
  [...devices[device].events.stack_index].map((node) =>
    stacks
      .stack(node)
      .map(({ name, filename }) => `${name} @ ${filename}`)
      .join(' < '),
  );

describe('call chains', () => {
  it('stand behind the call, innermost first, without whose home a module lies in', async () => {
    const data = await dataOf({
      [EVENTS]: [
        event(10, 7, 0, 512, 8, 0, 1),
        event(20, 7, 0, 512, 8, 1, 2),
        event(30, 7, 0, 1024, 8, 0, 3),
      ],
      [RUNTIME]: [
        [9, 11, 7 * PID + 5, 1, 1, 100],
        [19, 21, 7 * PID + 5, 2, 2, null],
        [29, 31, 7 * PID + 9, 3, 1, 100],
      ],
      CUDA_CALLCHAINS: [
        [100, 12, 21, 0, 1, 2],
        [100, 10, 20, 0, 1, 0],
        [99, 3, 3, 0, 1, 0],
        [100, 11, 20, 0, 1, 1],
      ],
    });
    const chain =
      'cudaMalloc @ CUDA API < malloc @ ~/env/libtorch.so < forward @ ~/env/libtorch.so < main @ /usr/bin/python3';
    expect(stacksOf(data)).toEqual([chain, 'cudaFree @ CUDA API', chain]);
    expect(data.notRecorded.join(' ')).not.toContain('Call chains were not recorded');
  });

  it('that were not recorded are missed with the option that records them', async () => {
    const data = await dataOf({
      [EVENTS]: [event(10, 7, 0, 512, 8, 0, 1)],
      [RUNTIME]: [[9, 11, 7 * PID + 5, 1, 1, null]],
    });
    expect(data.notRecorded.join(' ')).toContain('--cudabacktrace=memory');
    const none = await dataOf({ [EVENTS]: [event(10, 7, 0, 512, 8, 0, 1)] });
    expect(none.devices[0].events.stack_index[0]).toBe(NONE);
    expect(none.notRecorded.join(' ')).toContain('API calls behind the memory events were not recorded');
  });
});

describe('several processes on one device', () => {
  it('have calls of the same numbers, and addresses of their own', async () => {
    const data = await dataOf({
      [EVENTS]: [
        event(10, 7, 0, 512, 100, 0, 1),
        event(20, 8, 0, 512, 200, 0, 1),
        event(30, 7, 0, 512, 100, 1, 2),
        event(40, 7, 0, 512, 300, 0, 3),
        event(50, 8, 0, 512, 200, 1, 2),
      ],
      [RUNTIME]: [
        [9, 11, 7 * PID + 1, 1, 1, null],
        [29, 31, 7 * PID + 1, 2, 2, null],
        [19, 21, 8 * PID + 1, 1, 41, null],
        [49, 51, 8 * PID + 1, 2, 2, null],
      ],
    });
    const [device] = data.devices;
    expect([...device.partner!]).toEqual([2, 4, 0, NONE, 1]);
    expect(stacksOf(data)).toEqual([
      'cudaMalloc @ CUDA API',
      'gemm @ CUDA API',
      'cudaFree @ CUDA API',
      '',
      'cudaFree @ CUDA API',
    ]);
    // By the address alone strangers are paired: that is why the reader's partners count.
    expect([...lifetimesOf(device.events).partner]).not.toEqual([...device.partner!]);
    const lives = lifetimesOf(device.events, device.partner);
    expect([...lives.partner]).toEqual([2, 4, 0, NONE, 1]);
    expect(lives.unmatchedFrees).toBe(0);
  });

  it('partners are rows of their own device', async () => {
    const data = await dataOf({
      [EVENTS]: [
        event(10, 7, 1, 512, 100, 0, null),
        event(20, 7, 0, 1024, 200, 0, null),
        event(40, 7, 0, 1024, 200, 1, null),
        event(30, 7, 1, 512, 100, 1, null),
        event(50, 7, 1, 4096, 100, 1, null),
      ],
    });
    expect(data.devices.map(({ device, partner }) => [device, ...partner!])).toEqual([
      [0, 1, 0],
      [1, 1, 0, NONE],
    ]);
    expect(lifetimesOf(data.devices[1].events, data.devices[1].partner).unmatchedFrees).toBe(1);
  });
});

describe('NVTX ranges and kernels', () => {
  const rows = {
    [EVENTS]: [event(10, 7, 0, 512, 8, 0, null), event(20, 8, 1, 512, 8, 0, null)],
  };

  it('ranges are of the devices that their process uses; marks are points; open ones stay open', async () => {
    const { devices } = await dataOf({
      ...rows,
      NVTX_EVENTS: [
        [50, 60, 59, null, 30, 7 * PID + 3],
        [5, 9, 60, 'warm up', null, 8 * PID + 3],
        [40, null, 34, 'mark', null, 7 * PID + 3],
        [30, null, 59, 'open', null, 7 * PID + 3],
        [1, null, 75, 'domain', null, 7 * PID + 3],
        [1, 2, 59, 'of a process without memory', null, 9 * PID + 3],
      ],
    });
    expect(devices.map(({ annotations }) => annotations)).toEqual([
      [
        { name: 'open', device: 0, start_ns: 30n, end_ns: null },
        { name: 'mark', device: 0, start_ns: 40n, end_ns: 40n },
        { name: 'step', device: 0, start_ns: 50n, end_ns: 60n },
      ],
      [{ name: 'warm up', device: 1, start_ns: 5n, end_ns: 9n }],
    ]);
  });

  it('kernels are in order of time; those of devices without memory events are counted', async () => {
    const { devices, warnings } = await dataOf({
      ...rows,
      CUPTI_ACTIVITY_KIND_KERNEL: [
        [50, 60, 0, 7, 7 * PID, 40, 41],
        [30, 35, 0, 13, 7 * PID, null, 41],
        [30, 35, 3, 13, 7 * PID, 40, 41],
      ],
    });
    const { kernels } = devices[0];
    expect(devices[1].kernels).toBeUndefined();
    expect([kernels!.length, ...kernels!.start_ns]).toEqual([2, 30, 0, 50, 0]);
    expect([...kernels!.name_index].map((name) => kernels!.names[name])).toEqual(['gemm', 'gemm<float>']);
    expect([...kernels!.stream_index].map((stream) => kernels!.streams[stream])).toEqual(['13', '7']);
    expect(warnings.map(({ message }) => message).join()).toContain(
      '1 kernels ran on devices without memory',
    );
  });

  it('more ranges than are kept are counted', async () => {
    const { devices, warnings } = await dataOf(
      rows,
      `INSERT INTO NVTX_EVENTS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200003)
       SELECT i, i + 1, 59, 'r', null, ${7 * PID} FROM n`,
    );
    expect(devices[0].annotations).toHaveLength(200_000);
    expect(warnings.map(({ message }) => message).join()).toContain('3 NVTX ranges are not shown');
  });
});

describe('PairNumbers', () => {
  it.each([
    ['dense', 20_000],
    ['sparse', 4_000_000_000],
  ])('%s: numbers pairs in order of first sight, as a Map does', (_name, most) => {
    const pairs = new PairNumbers(most, 3, 20_000);
    const map = new Map<string, number>();
    let wrong = 0;
    let state = 1;
    for (let i = 0; i < 30_000; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const a = Math.floor((state / 2 ** 32) * 10_000) * Math.floor(most / 10_000);
      const b = state % 3;
      const key = `${a} ${b}`;
      if (pairs.get(a, b) !== (map.get(key) ?? NONE)) wrong++;
      if (!map.has(key)) map.set(key, map.size);
      if (pairs.of(a, b) !== map.get(key)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(pairs.count).toBe(map.size);
    expect(map.size).toBeGreaterThan(5000);
    expect(pairs.get(most, 2)).toBe(NONE);
  });
});
