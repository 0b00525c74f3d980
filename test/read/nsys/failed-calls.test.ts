/** Calls for memory that the driver refused, and why an export has no memory events: real shapes and made ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nsysSqliteReader } from '../../../src/read/nsys/sqlite.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { readBytes } from '../open-for-test.ts';
import { changeSqlite } from './make-sqlite.ts';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/field/${name}.sqlite`, import.meta.url)));
const FAILED = fixture('U14-cudaMalloc-failed');
const ON = fixture('U16-option-on-no-allocation');
const NOT_TRACED = fixture('U17-cuda-not-traced');

async function dataOf(bytes: Uint8Array, statements = ''): Promise<SourceData> {
  const input = statements === '' ? bytes : changeSqlite(bytes, statements);
  const { data, error } = await readBytes(nsysSqliteReader, 'report.sqlite', input);
  expect(error).toBeNull();
  return data;
}
const eventsOf = async (bytes: Uint8Array, statements = '') =>
  (await dataOf(bytes, statements)).readings?.events ?? [];
const RUNTIME = 'CUPTI_ACTIVITY_KIND_RUNTIME';
const call = (start: number, end: number, nameId: number, code: number, tid = 281474976710656): string =>
  `INSERT INTO ${RUNTIME} (start, "end", eventClass, globalTid, correlationId, nameId, returnValue) VALUES (${start}, ${end}, 0, ${tid}, ${start}, ${nameId}, ${code});`;

describe('a call for memory that was refused', () => {
  it('is an event at its time, with what the process held', async () => {
    expect(await eventsOf(FAILED)).toEqual([
      {
        kind: 'oom',
        time_ns: 353_120_000n,
        device: 0,
        allocator: 'driver',
        text: 'cudaMalloc failed at 353.12 ms: out of memory. The size requested is not in the export; the 13 calls before requested 3,100,000,000 bytes each.',
        figures: {
          process: 40_300_000_000,
          allocated_after: 0,
          total: 42_411_098_112,
          left_at_most: 2_111_098_112,
        },
        offset: 0,
      },
    ]);
  });

  it('is none where the call succeeded, or returned what is no matter of memory', async () => {
    expect(await eventsOf(FAILED, `UPDATE ${RUNTIME} SET returnValue = 0 WHERE returnValue = 2`)).toEqual([]);
    expect(await eventsOf(FAILED, `UPDATE ${RUNTIME} SET returnValue = 700 WHERE returnValue = 2`)).toEqual(
      [],
    );
    const query = `INSERT INTO StringIds VALUES (77, 'cudaStreamQuery_v3020'); ${call(360_000_000, 360_000_100, 77, 600)} ${call(361_000_000, 361_000_100, 77, 2)}`;
    expect(await eventsOf(FAILED, query)).toHaveLength(1);
  });

  it('counts once where the driver was asked by the runtime, and twice on two threads', async () => {
    const driver = `INSERT INTO StringIds VALUES (78, 'cuMemAlloc_v2');`;
    expect(await eventsOf(FAILED, driver + call(353_120_100, 353_120_900, 78, 2))).toHaveLength(1);
    expect(
      await eventsOf(FAILED, driver + call(353_120_100, 353_120_900, 78, 2, 281474976710657)),
    ).toHaveLength(2);
    expect(await eventsOf(FAILED, driver + call(400_000_000, 400_000_900, 78, 2))).toHaveLength(2);
  });

  it('tells memory of the host apart', async () => {
    const host = `INSERT INTO StringIds VALUES (79, 'cudaHostAlloc_v3020');`;
    const events = await eventsOf(FAILED, host + call(400_000_000, 400_000_900, 79, 2));
    expect(events[1]).toMatchObject({
      device: null,
      allocator: 'host',
      figures: { process: 0, allocated_after: 0 },
    });
    expect(events[1].text).toMatch(/^cudaHostAlloc failed at 400\.00 ms: out of memory of the host\./);
  });

  it('knows that the program went on', async () => {
    const later = `INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS (start, globalPid, deviceId, contextId, address, pc, bytes, memKind, memoryOperationType, correlationId) SELECT 500000000, globalPid, deviceId, contextId, 4096, 0, 512, memKind, 0, 9999 FROM CUDA_GPU_MEMORY_USAGE_EVENTS LIMIT 1;`;
    expect((await eventsOf(FAILED, later))[0].figures).toMatchObject({ allocated_after: 512 });
  });

  it('is told a thousand times at most, and how often more', async () => {
    const many = Array.from({ length: 1004 }, (_, i) =>
      call(600_000_000 + 1000 * i, 600_000_500 + 1000 * i, 2, 2),
    );
    const data = await dataOf(FAILED, many.join(''));
    expect(data.readings?.events).toHaveLength(1000);
    expect(data.warnings.map(({ message }) => message)).toContain(
      '5 more calls returned 2 (out of memory): only the first 1,000 are told.',
    );
  });

  it('names no figures where several devices were used', async () => {
    const other = `INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS (start, globalPid, deviceId, contextId, address, pc, bytes, memKind, memoryOperationType, correlationId) SELECT 340000000, globalPid, 1, 2, 4096, 0, 512, memKind, 0, 9998 FROM CUDA_GPU_MEMORY_USAGE_EVENTS LIMIT 1;`;
    expect(await eventsOf(FAILED, other)).toMatchObject([{ device: null, figures: {} }]);
  });

  it('is told without any memory event', async () => {
    const data = await dataOf(FAILED, 'DROP TABLE CUDA_GPU_MEMORY_USAGE_EVENTS');
    expect(data.readings?.events).toMatchObject([{ kind: 'oom', device: null, figures: {} }]);
    expect(data.notRecorded[0]).toContain('although the option was on');
  });
});

describe('an export without memory events', () => {
  const first = async (bytes: Uint8Array, statements = ''): Promise<string> =>
    (await dataOf(bytes, statements)).notRecorded[0];

  it('says that nothing was allocated where the option was on', async () => {
    const said = await first(ON);
    expect(said).toContain('the option was on');
    expect(said).toContain('the program allocated nothing (it made 1 CUDA call)');
    expect(said).not.toMatch(/recorded without|Record again/);
  });

  it('says that the option was off where it was', async () => {
    const said = await first(
      ON,
      `UPDATE META_DATA_CAPTURE SET value = 'false' WHERE name LIKE '%GPU_MEMORY%'`,
    );
    expect(said).toContain('recorded without --cuda-memory-usage=true.');
    expect(said).toContain('--trace=cuda,nvtx --cuda-memory-usage=true');
  });

  it('takes one process with the option for the option', async () => {
    const said = await first(
      ON,
      `INSERT INTO META_DATA_CAPTURE VALUES ('COLLECT_GPU_MEMORY_USAGE', 'false'), ('PROCESS_1:COLLECT_GPU_MEMORY_USAGE', 'false')`,
    );
    expect(said).toContain('the option was on');
  });

  it('says that CUDA was not traced, in the words of Nsight Systems as well', async () => {
    const said = await first(NOT_TRACED);
    expect(said).toContain('CUDA was not traced (--trace=cuda was missing)');
    expect(said).toContain('"No CUDA events collected. Does the process use CUDA?"');
    expect(said).toContain('--trace=cuda,nvtx --cuda-memory-usage=true');
  });

  it('leaves both open where the export does not say', async () => {
    expect(await first(ON, 'DROP TABLE META_DATA_CAPTURE')).toContain('or they were cut out of this file');
  });
});
