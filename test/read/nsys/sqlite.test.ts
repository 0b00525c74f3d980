import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { poolSeries } from '../../../src/aggregate/nsys-pools.ts';
import { exactKindFigures } from '../../../src/analyze/nsys-kinds.ts';
import { asBigInt64, asBigUint64, u64At } from '../../../src/base/u64.ts';
import { nsysSqliteReader } from '../../../src/read/nsys/sqlite.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION, MEM_KINDS, NONE } from '../../../src/trace/schema.ts';
import { askSqlite, changeSqlite, kindsBySql, makeSqlite, type Row } from './make-sqlite.ts';
import { inputFromBytes, readBytes, testContext } from '../open-for-test.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/nsys-sqlite/${name}.sqlite`, import.meta.url)));
const small = fixture('small_first_400');
const torch = fixture('torch');
const EVENTS = 'CUDA_GPU_MEMORY_USAGE_EVENTS';

async function dataOf(bytes: Uint8Array): Promise<SourceData> {
  const { data, error } = await readBytes(nsysSqliteReader, 'x.sqlite', bytes);
  expect(error).toBeNull();
  return data;
}

const figuresOf = (device: DeviceTrace) =>
  Object.fromEntries(exactKindFigures(device).map(({ kind, ...figures }) => [kind, figures]));

/** Reader and SQL agree on every kind of a file with one device. */
async function expectLikeSql(bytes: Uint8Array): Promise<void> {
  const { devices } = await dataOf(bytes);
  const figures = figuresOf(devices[0]);
  const expected = kindsBySql(bytes);
  expect(expected.size).toBeGreaterThan(0);
  for (const [kind, truth] of expected)
    expect(figures[MEM_KINDS[kind]], MEM_KINDS[kind]).toMatchObject(truth);
  expect(Object.keys(figures).filter((kind) => !kind.startsWith('pool'))).toHaveLength(expected.size);
}

/** A table of memory events with the columns of schema 2.9.1 and these rows. */
const COLUMNS = 'start, globalPid, deviceId, contextId, address, bytes, memKind, memoryOperationType';
const PROCESS = 0x1000000;
const made = (rows: readonly Row[], more = ''): Uint8Array =>
  makeSqlite(`CREATE TABLE StringIds (id, value); CREATE TABLE ${EVENTS} (${COLUMNS}); ${more}`, [
    [EVENTS, rows],
  ]);
const alloc = (start: number, pid: number, device: number, address: bigint, bytes: number, kind = 2): Row => [
  start,
  pid * PROCESS,
  device,
  1,
  address,
  bytes,
  kind,
  0,
];
const free = (
  start: number,
  pid: number,
  device: number,
  address: bigint,
  bytes: number | null,
  kind = 2,
): Row => alloc(start, pid, device, address, 0, kind).with(7, 1).with(5, bytes);

describe('recordings', () => {
  it.each([
    ['small', small],
    ['torch', torch],
  ])('%s: sums and peaks by kind are those of SQL', async (_name, bytes) => {
    await expectLikeSql(bytes);
  });

  it('SQL truth that is changed is not met: the comparison can fail', async () => {
    const other = changeSqlite(small, `UPDATE ${EVENTS} SET bytes = bytes + 1 WHERE rowid = 7`);
    const { devices } = await dataOf(small);
    const figures = figuresOf(devices[0]);
    const wrong = [...kindsBySql(other)].filter(
      ([kind, truth]) => figures[MEM_KINDS[kind]].allocated !== truth.allocated,
    );
    expect(wrong).toHaveLength(1);
  });

  it('every row arrives as it is in the table', async () => {
    const { devices, rows, skipped, warnings, stacks } = await dataOf(small);
    const truth = askSqlite(
      small,
      `SELECT start, address, bytes, memKind, memoryOperationType FROM ${EVENTS} ORDER BY start, rowid`,
    ) as bigint[][];
    const { events } = devices[0];
    const times = asBigInt64(events.time_ns);
    const addresses = asBigUint64(events.address);
    const sizes = asBigUint64(events.size);
    const got = truth.map((_row, i) => [
      times[i],
      addresses[i],
      sizes[i],
      BigInt(events.group[i]),
      events.action[i] === ACTION.alloc ? 0n : 1n,
    ]);
    expect(events.length).toBe(truth.length);
    expect(got).toEqual(truth);
    expect(rows).toBe(truth.length + 1);
    expect(skipped).toBe(0);
    expect(warnings).toEqual([]);
    const names = askSqlite(
      small,
      `SELECT s.value FROM ${EVENTS} m LEFT JOIN CUPTI_ACTIVITY_KIND_RUNTIME r
         ON r.correlationId = m.correlationId AND r.globalTid / 0x1000000 = m.globalPid / 0x1000000
       LEFT JOIN StringIds s ON s.id = r.nameId ORDER BY m.start, m.rowid`,
    ).map(([name]) => (name as string).replace(/_v\d+$/, ''));
    expect(new Set(names).size).toBeGreaterThan(3);
    expect([...events.stack_index].map((node) => stacks.stack(node)[0].name)).toEqual(names);
  });

  it('say what they are', async () => {
    const data = await dataOf(small);
    expect(data.producer).toBe('Nsight Systems 2023.4.4, schema 3.7.2');
    expect(data.settings).toEqual([['Session start, Unix ns', '1795252443222295593']]);
    expect(data.devices[0]).toMatchObject({
      device: 0,
      producer: 'nsys',
      name: 'NVIDIA H100 80GB HBM3',
      total_bytes: 85017493504,
      clock: 'session',
      cut: false,
    });
    expect(data.notRecorded.join(' ')).toContain('Streams were not recorded');
  });

  it('keep static symbols, which belong to no call, by their names', async () => {
    const { devices } = await dataOf(torch);
    const [{ symbols, events }] = devices;
    expect(symbols).toHaveLength(235);
    expect(symbols[0][1]).toBe('__unnamed_1');
    expect(new Set(symbols.map(([row]) => events.group[row]))).toEqual(
      new Set([MEM_KINDS.indexOf('device_static')]),
    );
  });
});

describe('pools', () => {
  it('are utilized as printed after allocations, and as printed less the bytes after frees', async () => {
    const { pools, events } = (await dataOf(small)).devices[0];
    const truth = askSqlite(
      small,
      `SELECT start, localMemoryPoolUtilizedSize - CASE memoryOperationType WHEN 1 THEN bytes ELSE 0 END, localMemoryPoolSize
       FROM ${EVENTS} WHERE localMemoryPoolAddress IS NOT NULL ORDER BY start, rowid`,
    ) as bigint[][];
    const fromEvents = [...pools!.event_row!.keys()].filter((row) => pools!.event_row![row] !== NONE);
    expect(fromEvents.map((row) => [pools!.utilized[row], pools!.size[row]])).toEqual(
      truth.map((row) => [Number(row[1]), Number(row[2])]),
    );
    // The pool was created before its first allocation.
    expect(pools!.event_row![0]).toBe(NONE);
    expect([pools!.utilized[0], pools!.size[0]]).toEqual([0, 33554432]);
    // One row's value and the bytes of the next event give the next value.
    for (const row of fromEvents.slice(1)) {
      const event = pools!.event_row![row];
      const change = (events.action[event] === ACTION.alloc ? 1 : -1) * u64At(events.size, event);
      expect(pools!.utilized[row]).toBe(pools!.utilized[row - 1] + change);
    }
  });

  it('have figures of their own and curves that end with them', async () => {
    const [device] = (await dataOf(small)).devices;
    const figures = figuresOf(device)['pool 0x302000000'];
    const [truth] = askSqlite(
      small,
      `SELECT sum(CASE memoryOperationType WHEN 0 THEN bytes ELSE 0 END), sum(CASE memoryOperationType WHEN 1 THEN bytes ELSE 0 END),
              max(localMemoryPoolUtilizedSize), max(localMemoryPoolSize) FROM ${EVENTS} WHERE localMemoryPoolAddress IS NOT NULL`,
    ) as bigint[][];
    expect(figures).toMatchObject({ allocated: truth[0], freed: truth[1], peak: truth[2] });
    expect(figures.current).toBe(figures.allocated - figures.freed);
    const [inUse, held] = poolSeries(device);
    const valuesOf = (series: typeof inUse): bigint[] => [...asBigInt64(series.values!())];
    expect(valuesOf(inUse)).toHaveLength(device.events.length);
    expect(valuesOf(inUse).at(-1)).toBe(figures.current);
    expect(valuesOf(inUse).reduce((a, b) => (b > a ? b : a))).toBe(truth[2]);
    expect(valuesOf(held).reduce((a, b) => (b > a ? b : a))).toBe(truth[3]);
  });

  it('of several processes are kept apart where their addresses are equal; a threshold may be 2^64 - 1', async () => {
    const row = (start: number, pid: number, op: number, bytes: number, utilized: number): Row => [
      ...[start, pid * PROCESS, 0, 1, BigInt(start) * 512n, bytes, 2, op],
      ...[0x302000000n, -1n, 1 << 25, utilized],
    ];
    const bytes = makeSqlite(
      `CREATE TABLE ${EVENTS} (${COLUMNS}, localMemoryPoolAddress, localMemoryPoolReleaseThreshold, localMemoryPoolSize, localMemoryPoolUtilizedSize)`,
      [[EVENTS, [row(1, 7, 0, 100, 100), row(2, 8, 0, 30, 30), row(3, 7, 0, 50, 150)]]],
    );
    const [device] = (await dataOf(bytes)).devices;
    const figures = figuresOf(device);
    expect(figures['pool 0x302000000 (process 0)'].peak).toBe(150n);
    expect(figures['pool 0x302000000 (process 1)'].peak).toBe(30n);
    expect(device.pools!.release_threshold[0]).toBe(2 ** 64);
  });
});

describe('schemas', () => {
  it('a file without meta, enum and GPU tables, with columns in another order, gives the same figures', async () => {
    const bytes = changeSqlite(
      small,
      `DROP TABLE META_DATA_EXPORT; DROP TABLE CUDA_GPU_MEMORY_POOL_EVENTS; DROP TABLE ENUM_CUDA_MEM_KIND; DROP TABLE TARGET_INFO_GPU; DROP TABLE StringIds;
       CREATE TABLE t AS SELECT bytes, name, memoryOperationType, start, address, memKind, deviceId FROM ${EVENTS};
       DROP TABLE ${EVENTS}; ALTER TABLE t RENAME TO ${EVENTS}; ALTER TABLE ${EVENTS} ADD COLUMN kernel_name TEXT`,
    );
    await expectLikeSql(bytes);
    const data = await dataOf(bytes);
    expect(data.producer).toBe('Nsight Systems, export without a version');
    expect(data.devices[0]).toMatchObject({ name: null, total_bytes: null, pools: null });
  });

  it('the older meta table and a newer streamId are used', async () => {
    const bytes = makeSqlite(
      `CREATE TABLE EXPORT_META_DATA (name TEXT, value TEXT);
       INSERT INTO EXPORT_META_DATA VALUES ('EXPORT_PRODUCT_VERSION', '2022.2.1.31'), ('EXPORT_SCHEMA_VERSION', '2.9.1'), ('EXPORT_USER', 'someone');
       CREATE TABLE ${EVENTS} (${COLUMNS}, streamId)`,
      [
        [
          EVENTS,
          [
            [...alloc(1, 1, 0, 512n, 8), 13],
            [...alloc(2, 1, 0, 1024n, 8), null],
            [...alloc(3, 1, 0, 2048n, 8), 13],
          ],
        ],
      ],
    );
    const data = await dataOf(bytes);
    expect(data.producer).toBe('Nsight Systems 2022.2.1, schema 2.9.1');
    expect(data.devices[0].streams).toEqual(['13', 'unknown']);
    expect([...data.devices[0].events.stream_index]).toEqual([0, 1, 0]);
    expect(JSON.stringify(data)).not.toContain('someone');
    expect(data.notRecorded.join(' ')).not.toContain('Streams were not');
  });

  it('trimmed columns: no kinds, no devices, no addresses, no times', async () => {
    const bytes = makeSqlite(`CREATE TABLE ${EVENTS} (bytes, memoryOperationType)`, [
      [
        EVENTS,
        [
          [8, 0],
          [5, 0],
          [8, 1],
        ],
      ],
    ]);
    const data = await dataOf(bytes);
    expect(data.devices[0]).toMatchObject({ device: 0, clock: 'none' });
    expect(figuresOf(data.devices[0])['unknown']).toMatchObject({
      current: 5n,
      peak: 13n,
      allocated: 13n,
      freed: 8n,
    });
    expect(data.notRecorded.filter((sentence) => sentence.includes('has no'))).toHaveLength(4);
  });

  it('a table without sizes is an error that names the column', async () => {
    const bytes = makeSqlite(`CREATE TABLE ${EVENTS} (start, memoryOperationType)`);
    const { error } = await readBytes(nsysSqliteReader, 'x.sqlite', bytes);
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(error?.message).toContain('no bytes');
  });

  it("the file's own enum counts where it differs", async () => {
    const bytes = made(
      [alloc(1, 1, 0, 512n, 8, 3)],
      `CREATE TABLE ENUM_CUDA_MEM_KIND (id, name, label); INSERT INTO ENUM_CUDA_MEM_KIND VALUES (3, 'X', 'Device'), (9, 'Y', 'New Kind')`,
    );
    expect(Object.keys(figuresOf((await dataOf(bytes)).devices[0]))).toEqual(['device']);
  });

  it('64 bits arrive whole: negative times, high addresses, the largest size that can be', async () => {
    const bytes = made([
      [-5n, 1, 0, 1, -512n, 2n ** 50n, 2, 0],
      [2n ** 62n + 1n, 1, 0, 1, 512, 3, 2, 0],
    ]);
    const { events } = (await dataOf(bytes)).devices[0];
    expect([...asBigInt64(events.time_ns)]).toEqual([-5n, 2n ** 62n + 1n]);
    expect([...asBigUint64(events.address)]).toEqual([2n ** 64n - 512n, 512n]);
    expect([...asBigUint64(events.size)]).toEqual([2n ** 50n, 3n]);
  });
});

describe('order, devices and processes', () => {
  it('rows out of order are put in order, rows of one time keep theirs', async () => {
    const rows = [
      alloc(30, 1, 0, 512n, 3),
      alloc(10, 1, 0, 1024n, 1),
      alloc(20, 1, 0, 2048n, 2),
      free(30, 1, 0, 512n, 3),
    ];
    const bytes = made(rows);
    const { events } = (await dataOf(bytes)).devices[0];
    expect([...asBigInt64(events.time_ns)]).toEqual([10n, 20n, 30n, 30n]);
    expect([...events.action]).toEqual([ACTION.alloc, ACTION.alloc, ACTION.alloc, ACTION.free]);
    await expectLikeSql(bytes);
    await expectLikeSql(changeSqlite(small, `UPDATE ${EVENTS} SET rowid = -rowid`));
  });

  it('every device has its rows; names and sizes come through the map of processes to GPUs', async () => {
    const bytes = made(
      [
        alloc(1, 5, 0, 512n, 10),
        alloc(2, 5, 1, 1024n, 20),
        free(3, 5, 0, 512n, 10),
        alloc(4, 5, 1, 4096n, 5),
      ],
      `CREATE TABLE TARGET_INFO_GPU (id, name, totalMemory); INSERT INTO TARGET_INFO_GPU VALUES (0, 'A', 100), (1, 'B', 200);
       CREATE TABLE TARGET_INFO_CUDA_DEVICE (gpuId, cudaId, pid); INSERT INTO TARGET_INFO_CUDA_DEVICE VALUES (1, 0, 5), (0, 1, 5)`,
    );
    const { devices } = await dataOf(bytes);
    expect(devices.map(({ device, name, total_bytes }) => [device, name, total_bytes])).toEqual([
      [0, 'B', 200],
      [1, 'A', 100],
    ]);
    expect(devices.map((device) => figuresOf(device)['device'])).toMatchObject([
      { current: 0n, peak: 10n },
      { current: 25n, peak: 25n },
    ]);
  });

  it('processes that number devices differently are told apart by GPU', async () => {
    const bytes = made(
      [alloc(1, 5, 0, 512n, 10), alloc(2, 6, 0, 512n, 20)],
      `CREATE TABLE TARGET_INFO_CUDA_DEVICE (gpuId, cudaId, pid); INSERT INTO TARGET_INFO_CUDA_DEVICE VALUES (3, 0, 5), (1, 0, 6)`,
    );
    const data = await dataOf(bytes);
    expect(data.devices.map((device) => [device.device, figuresOf(device)['device'].current])).toEqual([
      [1, 20n],
      [3, 10n],
    ]);
    expect(data.notRecorded.join(' ')).toContain('CUDA_VISIBLE_DEVICES');
  });

  it('one address live in two processes is two allocations; frees find their own', async () => {
    const rows = [
      alloc(1, 5, 0, 512n, 10),
      alloc(2, 6, 0, 512n, 20),
      free(3, 5, 0, 512n, 0),
      free(4, 6, 0, 512n, null),
    ];
    const data = await dataOf(made(rows));
    expect([...asBigUint64(data.devices[0].events.size)]).toEqual([10n, 20n, 10n, 20n]);
    expect(figuresOf(data.devices[0])['device']).toMatchObject({ current: 0n, peak: 30n });
    expect(data.warnings.map((warning) => warning.message).join(' ')).toMatch(/^2 frees came without bytes/);
    expect(data.notRecorded.join(' ')).toContain('2 processes share device 0');
  });

  it('host memory makes no device of its own and is no device memory', async () => {
    const rows = [alloc(1, 5, 2, 512n, 10), alloc(2, 5, 4294967295, 1024n, 7, 1), alloc(3, 5, 3, 4096n, 1)];
    const data = await dataOf(made(rows));
    expect(data.devices.map((device) => device.device)).toEqual([2, 3]);
    expect(figuresOf(data.devices[0])).toMatchObject({ device: { current: 10n }, pinned: { current: 7n } });
    expect(data.notRecorded.join(' ')).toContain('Host memory');
  });
});

describe('what contradicts itself is kept, and said', () => {
  const warningsOf = async (rows: readonly Row[]): Promise<string> =>
    (await dataOf(made(rows))).warnings.map((warning) => warning.message).join('\n');

  it('frees of what was allocated before recording began count it from the start', async () => {
    const rows = [alloc(1, 5, 0, 512n, 10), free(2, 5, 0, 1024n, 100), alloc(3, 5, 0, 1024n, 1)];
    const { devices, warnings } = await dataOf(made(rows));
    expect(figuresOf(devices[0])['device']).toMatchObject({
      current: 11n,
      peak: 110n,
      allocated: 11n,
      freed: 100n,
    });
    expect([...devices[0].unmatched_frees!]).toEqual([1]);
    expect(warnings[0].message).toContain('1 frees (100 bytes)');
  });

  it('an allocation over a live one', async () => {
    const rows = [alloc(1, 5, 0, 512n, 10), alloc(2, 5, 0, 512n, 20)];
    expect(await warningsOf(rows)).toContain('1 allocations lie where another one was still in use');
  });

  it('a free of another size', async () => {
    expect(await warningsOf([alloc(1, 5, 0, 512n, 10), free(2, 5, 0, 512n, 4)])).toContain('of another size');
  });

  it('rows that say nothing are left out and counted', async () => {
    const rows = [
      alloc(1, 5, 0, 512n, 10),
      alloc(2, 5, 0, 1024n, 20).with(7, 5),
      alloc(2, 5, 0, 1024n, 20).with(0, null),
      alloc(3, 5, 0, 512n, -4),
    ];
    const data = await dataOf(made(rows));
    expect(data.skipped).toBe(3);
    expect(data.warnings).toHaveLength(3);
    expect(data.devices[0].events.length).toBe(1);
  });

  it('a kind that is not known', async () => {
    const { devices, warnings } = await dataOf(made([alloc(1, 5, 0, 512n, 10, 42)]));
    expect(Object.keys(figuresOf(devices[0]))).toEqual(['unknown']);
    expect(warnings[0].message).toContain('(42)');
  });
});

describe('files without memory events', () => {
  const runtime = `CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start, nameId); CREATE TABLE StringIds (id, value);
    INSERT INTO StringIds VALUES (1, 'cudaMalloc_v3020'), (2, 'cudaFree_v3020'), (3, 'cudaLaunchKernel_v7000');
    INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (1, 1), (2, 1), (3, 2), (4, 3)`;

  it.each([
    ['no table', ''],
    ['an empty table', `; CREATE TABLE ${EVENTS} (${COLUMNS})`],
  ])('%s: what to record, and how many calls there were', async (_name, more) => {
    const data = await dataOf(makeSqlite(runtime + more));
    expect(data.devices).toEqual([]);
    expect(data.notRecorded[0]).toContain('nsys profile --trace=cuda,nvtx --cuda-memory-usage=true');
    expect(data.notRecorded[1]).toContain('3 calls');
    expect(data.notRecorded[1]).toContain('cudaMalloc (2), cudaFree (1)');
  });

  it('another SQLite database is refused with the tables it has', async () => {
    const bytes = makeSqlite([...'abcdefghij'].map((name) => `CREATE TABLE table_${name} (x)`).join(';'));
    const { error } = await readBytes(nsysSqliteReader, 'x.db', bytes);
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(error?.message).toContain('table_a, table_b');
    expect(error?.message).toContain('table_h and 2 more');
    const none = await readBytes(nsysSqliteReader, 'x.db', makeSqlite('PRAGMA user_version = 1'));
    expect(none.error?.message).toContain('no tables');
  });

  it('a compressed one must be unpacked first', async () => {
    const { error } = await readBytes(nsysSqliteReader, 'x.sqlite.gz', small, { randomAccess: false });
    expect(error).toMatchObject({ code: 'unsupported', advice: 'Unpack it first: gunzip x.sqlite.gz' });
  });
});

describe('damage', () => {
  it('a file cut short gives the rows before the cut, wherever it is cut', async () => {
    const whole = (await dataOf(small)).devices[0].events;
    let partial = 0;
    for (let bytes = 100; bytes < small.length; bytes += 4096) {
      const { data, error } = await readBytes(nsysSqliteReader, 'x.sqlite', small.slice(0, bytes));
      const events = data.devices[0]?.events;
      if (error === null) {
        // The cut lies behind the events: still said, though nothing is missing.
        expect(events.length).toBe(whole.length);
        expect(data.warnings[0].offset).toBe(bytes);
        continue;
      }
      expect(error).toMatchObject({ code: 'truncated', offset: bytes });
      if (events === undefined) continue;
      partial = Math.max(partial, events.length);
      expect(data.devices[0].cut).toBe(true);
      expect(events.size).toEqual(whole.size.subarray(0, 2 * events.length));
    }
    expect(partial).toBeGreaterThan(100);
    expect(partial).toBeLessThan(400);
  });

  it('a page of nonsense is an error, not a crash', async () => {
    const bytes = small.slice();
    bytes.fill(0xa5, 4096);
    const { error } = await readBytes(nsysSqliteReader, 'x.sqlite', bytes);
    expect(error).toMatchObject({ code: 'corrupt' });
  });

  it('what only begins like a database is an error', async () => {
    const bytes = new Uint8Array(8192).fill(7);
    bytes.set(small.subarray(0, 16));
    const { error } = await readBytes(nsysSqliteReader, 'x.sqlite', bytes);
    expect(error?.code).toBe('corrupt');
  });

  it('a database in WAL mode is read, with a warning about its log', async () => {
    const bytes = small.slice();
    bytes.set([2, 2], 18);
    const data = await dataOf(bytes);
    expect(data.devices[0].events.length).toBe(400);
    expect(data.warnings[0]).toMatchObject({ offset: 18 });
    expect(data.warnings[0].message).toContain('x.sqlite-wal');
  });

  it('can be cancelled', async () => {
    const bytes = made(
      [],
      `INSERT INTO ${EVENTS} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)
       SELECT i, 5, 0, 1, i * 512, 1, 2, 0 FROM n`,
    );
    const input = inputFromBytes('x.sqlite', bytes);
    await expect(nsysSqliteReader.read(input, testContext(0))).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('sniff', () => {
  it('goes by content', () => {
    const sniff = (bytes: Uint8Array) => nsysSqliteReader.sniff(inputFromBytes('x.txt', bytes).head);
    expect(sniff(small)).toEqual({ score: 0.9, reason: 'SQLite database' });
    expect(sniff(small.subarray(0, 15)).score).toBe(0);
    expect(sniff(new Uint8Array(100)).score).toBe(0);
  });
});
