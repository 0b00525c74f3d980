/** One run in five forms gives one answer; nothing private leaves any of them; damage is told, not thrown. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { holdersOf } from '../../../src/analyze/live.ts';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { asBigInt64 } from '../../../src/base/u64.ts';
import { nsysArrowDirReader, nsysArrowReader } from '../../../src/read/nsys/arrow.ts';
import { nsysJsonReader } from '../../../src/read/nsys/json.ts';
import { nsysParquetDirReader, nsysParquetReader } from '../../../src/read/nsys/parquet.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { askSqlite } from './make-sqlite.ts';
import { entriesOf, FILES, FORMS, readForms, textOf, withoutGpu } from './forms-for-test.ts';
import { BytesSource, inputFromBytes, inputFromPath, readBytes, testContext } from '../open-for-test.ts';

const EVENTS = 'CUDA_GPU_MEMORY_USAGE_EVENTS';
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FORMS, name)));

async function expectEqualForms(folder: string, name: string, options = {}): Promise<SourceData> {
  const forms = await readForms(folder, name, options);
  expect([...forms.keys()].sort()).toEqual(['arrow', 'arrowdir', 'json', 'parquetdir', 'sqlite']);
  const { data } = forms.get('sqlite')!;
  expect(data.devices.length).toBeGreaterThan(0);
  for (const [form, outcome] of forms) {
    expect(outcome.error, form).toBeNull();
    if (form === 'json') {
      expect(withoutGpu(outcome.data), form).toEqual(withoutGpu(data));
      expect(outcome.data.notRecorded.join(' ')).toContain('The JSON form');
    } else expect(outcome.data, form).toEqual(data);
  }
  return data;
}

describe('five forms of one run', () => {
  it.each(['pools', 'torch'])('%s: all of them give the same source, number for number', async (name) => {
    const data = await expectEqualForms(FORMS, name);
    // A difference is seen.
    const other = (await readForms(FORMS, name === 'torch' ? 'pools' : 'torch')).get('arrow')!.data;
    expect(other.devices).not.toEqual(data.devices);
    const changed = structuredClone(data.devices);
    changed[0].events.size[6] ^= 1;
    expect(changed).not.toEqual(data.devices);
  });

  it('compressed files, in chunks of any size, give the same', async () => {
    await expectEqualForms(FORMS, 'torch', { randomAccess: false, chunkBytes: 97 });
    await expectEqualForms(FORMS, 'pools', { randomAccess: false, chunkBytes: 1 });
  });

  it('every memory event of the fixture is there, with its pool figures', async () => {
    const { devices, rows } = (await readForms(FORMS, 'pools')).get('parquetdir')!.data;
    const [[count, pools]] = askSqlite(
      bytesOf('pools.sqlite'),
      `SELECT count(*), count(localMemoryPoolAddress) FROM ${EVENTS}`,
    ) as bigint[][];
    expect(devices[0].events.length).toBe(Number(count));
    expect(Number(pools)).toBeGreaterThan(10);
    expect(devices[0].pools!.event_row!.filter((row) => row !== 0xffffffff)).toHaveLength(Number(pools));
    expect(rows).toBe(Number(count) + 2);
  });

  it('say who allocated: the API call innermost, static symbols by their names', async () => {
    const { devices, stacks } = (await readForms(FORMS, 'torch')).get('json')!.data;
    const [device] = devices;
    const holders = holdersOf(device, lifetimesOf(device.events, device.partner), [], device.events.length);
    const truth = askSqlite(
      bytesOf('torch.sqlite'),
      `SELECT coalesce(s.value, m.name), count(*), sum(m.bytes) FROM ${EVENTS} m
       LEFT JOIN CUPTI_ACTIVITY_KIND_RUNTIME r ON r.correlationId = m.correlationId
       LEFT JOIN StringIds s ON s.id = r.nameId WHERE memKind NOT IN (0, 1) GROUP BY 1 ORDER BY 1`,
    );
    const named = holders.map(({ stack, allocations, bytes }) => {
      const [{ name, filename, line }] = stacks.stack(stack);
      expect([filename, line]).toEqual([name === 'cudaMalloc' ? 'CUDA API' : 'static symbol', 0]);
      return [name === 'cudaMalloc' ? 'cudaMalloc_v3020' : name, BigInt(allocations), BigInt(bytes)] as const;
    });
    expect(truth.length).toBeGreaterThan(2);
    expect(named.sort((a, b) => (a[0] < b[0] ? -1 : 1))).toEqual(truth);
  });

  it('carry NVTX ranges and kernels', async () => {
    const [device] = (await readForms(FORMS, 'torch')).get('arrow')!.data.devices;
    expect(device.annotations).toHaveLength(12);
    expect(device.annotations[0]).toMatchObject({ device: 0, start_ns: 2769798494n, end_ns: 2770010499n });
    expect(device.annotations[0].name).toMatch(/^cub::Device/);
    const truth = askSqlite(
      bytesOf('torch.sqlite'),
      `SELECT start, "end", value, streamId FROM CUPTI_ACTIVITY_KIND_KERNEL JOIN StringIds ON id = demangledName ORDER BY start`,
    );
    const kernels = device.kernels!;
    const [starts, ends] = [asBigInt64(kernels.start_ns), asBigInt64(kernels.end_ns)];
    const got = truth.map((_row, i) => [
      starts[i],
      ends[i],
      kernels.names[kernels.name_index[i]],
      BigInt(kernels.streams[kernels.stream_index[i]]),
    ]);
    expect(kernels.length).toBe(6);
    expect(got).toEqual(truth);
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('whole exports in ../shared/traces', () => {
  const folder = traces === null ? '' : join(traces, 'nsys');

  it.each(['small', 'torch'])('%s: five forms, one source', async (name) => {
    await expectEqualForms(folder, name);
  });

  it.each(['small', 'torch'])(
    '%s: no environment, user, host, process or path leaves any form',
    async (name) => {
      const database = new Uint8Array(readFileSync(join(folder, `${name}.sqlite`)));
      const values = askSqlite(
        database,
        `SELECT value FROM META_DATA_CAPTURE UNION SELECT value FROM TARGET_INFO_SYSTEM_ENV
       UNION SELECT name FROM PROCESSES UNION SELECT value FROM META_DATA_EXPORT WHERE name NOT LIKE '%VERSION%'
       UNION SELECT s.value FROM ThreadNames JOIN StringIds s ON s.id = nameId
       UNION SELECT s.value FROM ProcessStreams JOIN StringIds s ON s.id IN (filenameId, contentId)`,
      ).flat() as (string | null)[];
      const [table] = readFileSync(join(folder, `${name}.json`), 'utf8').split('\n', 1);
      const { data: strings } = JSON.parse(table) as { data: string[] };
      const environments = strings
        .flatMap((text) => text.split('\0'))
        .filter((text) => /^[A-Z_]{2,}=/.test(text));
      const forms = await readForms(folder, name);
      expect(forms.size).toBe(5);
      const gpu = forms.get('sqlite')!.data.devices[0].name!;
      const secrets = [...new Set([...values, ...environments])].filter(
        // Words and numbers that anything may hold are no secrets; the GPU's name is meant to be shown.
        (text) => text !== null && text.length > 6 && !/^[\d.,:+-]*$/.test(text) && !gpu.includes(text),
      );
      expect(secrets.length).toBeGreaterThan(50);
      expect(environments.length).toBeGreaterThan(0);
      for (const [form, { data }] of forms) {
        const text = textOf({ ...data, warnings: data.warnings });
        expect(text, form).toContain('cudaMalloc');
        expect(
          secrets.filter((secret) => text.includes(JSON.stringify(secret).slice(1, -1))),
          form,
        ).toEqual([]);
      }
    },
  );
});

describe('files of a folder alone', () => {
  it('the table of memory events is read, and says what is missing', async () => {
    for (const [reader, path] of [
      [nsysArrowReader, `torch.arrowdir/${EVENTS}.arrow`],
      [nsysParquetReader, `torch.parquetdir/${EVENTS}.parquet`],
    ] as const) {
      const { data, error } = await readBytes(reader, 'unknown', bytesOf(path));
      expect(error).toBeNull();
      expect(data.devices[0].events.length).toBe(251);
      expect(data.notRecorded.join(' ')).toContain('drop the whole folder');
    }
  });

  it('any other one says which folder to drop', async () => {
    for (const [reader, path] of [
      [nsysArrowReader, 'torch.arrowdir/StringIds.arrow'],
      [nsysParquetReader, 'torch.parquetdir/StringIds.parquet'],
    ] as const) {
      const { error, data } = await readBytes(reader, path.split('/')[1], bytesOf(path));
      expect(error).toMatchObject({ code: 'refused' });
      expect(error!.message).toContain('StringIds');
      expect(error!.advice).toContain('Drop the whole folder');
      expect(data.devices).toEqual([]);
    }
    const unknown = await readBytes(
      nsysParquetReader,
      'unknown',
      bytesOf('torch.parquetdir/StringIds.parquet'),
    );
    expect(unknown.error).toMatchObject({ code: 'refused' });
  });
});

describe('sniffing', () => {
  const headOf = (bytes: Uint8Array) => inputFromBytes('unknown', bytes).head;

  it('goes by content and claims nothing else', () => {
    const files = {
      sqlite: bytesOf('torch.sqlite'),
      arrow: bytesOf('torch.arrow'),
      json: bytesOf('torch.json'),
    };
    for (const [form, bytes] of Object.entries(files)) {
      for (const [other, reader] of Object.entries(FILES)) {
        const { score, reason } = reader.sniff(headOf(bytes));
        expect(score > 0.5, `${other} of ${form}`).toBe(form === other);
        expect(reason).not.toBe('');
      }
    }
    expect(
      nsysParquetReader.sniff(headOf(bytesOf('torch.parquetdir/StringIds.parquet'))).score,
    ).toBeGreaterThan(0.5);
    const others = [
      '{"schemaVersion":1,"traceEvents":[{"ph":"X"}]}',
      '{"status":"success","data":{"resultType":"matrix","result":[]}}',
      '{"data":{"a":1}}',
      'PK\x03\x04',
      'ARROW1\0\0',
      '',
      '\x80\x02}q',
    ];
    for (const text of others) {
      for (const reader of [nsysArrowReader, nsysParquetReader, nsysJsonReader])
        expect(reader.sniff(headOf(new TextEncoder().encode(text))).score, text).toBe(0);
    }
  });

  it('knows a JSON export by its string table alone, and by strings one by one', () => {
    const scoreOf = (text: string): number =>
      nsysJsonReader.sniff(headOf(new TextEncoder().encode(text))).score;
    expect(scoreOf('{"data":["QnxKernelTrace","GpuMetrics","SocMetrics"')).toBeGreaterThan(0.5);
    expect(scoreOf('{"type":"String","id":"0","value":"QnxKernelTrace"}\n')).toBeGreaterThan(0.5);
    expect(scoreOf('{"data":["a","b"]}')).toBeLessThan(0.5);
  });

  it('knows folders by the heads of their files, and by names where there are no heads', () => {
    const heads = (folder: string): Map<string, Uint8Array> =>
      new Map(entriesOf(join(FORMS, folder)).map((entry) => [entry.name, entry.readSync(0, 65536)]));
    const namesOf = (folder: string): string[] => entriesOf(join(FORMS, folder)).map(({ name }) => name);
    const renamed = new Map([['a.bin', bytesOf(`torch.arrowdir/${EVENTS}.arrow`)]]);
    expect(nsysArrowDirReader.sniff(['a.bin'], renamed).score).toBeGreaterThan(0.5);
    for (const [reader, own, other] of [
      [nsysArrowDirReader, 'torch.arrowdir', 'torch.parquetdir'],
      [nsysParquetDirReader, 'torch.parquetdir', 'torch.arrowdir'],
    ] as const) {
      expect(reader.sniff(namesOf(own), heads(own)).score).toBeGreaterThan(0.5);
      expect(reader.sniff(namesOf(own), new Map()).score).toBeGreaterThan(0.5);
      expect(reader.sniff(namesOf(other), heads(other)).score).toBe(0);
      expect(reader.sniff(['a.txt', 'b.arrow', 'c.parquet'], new Map()).score).toBe(0);
    }
  });
});

/** Small linear congruential generator: the same numbers in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

describe('damage', () => {
  const whole = bytesOf('pools.arrow');
  const json = bytesOf('pools.json');
  const LEFT_OUT = /truncated|corrupt|unsupported|refused|unrecognised/;

  it('a cut Arrow file gives what lies before the cut, and says where it was cut', async () => {
    let kept = 0;
    for (let bytes = 1; bytes < whole.length; bytes += 301) {
      const { data, error } = await readBytes(nsysArrowReader, 'x', whole.subarray(0, bytes));
      if (error !== null) expect(error.code).toMatch(LEFT_OUT);
      if (data.devices.length > 0) kept++;
    }
    expect(kept).toBeGreaterThan(5);
  });

  it('a cut JSON file gives the lines before the cut and is marked as cut', async () => {
    for (let bytes = 20_000; bytes < json.length; bytes += 997) {
      const { data, error } = await readBytes(nsysJsonReader, 'x', json.subarray(0, bytes));
      const atLineEnd = json[bytes - 1] === 10 || json[bytes - 1] === 0x7d;
      if (!atLineEnd) {
        expect(error).toMatchObject({ code: 'truncated', offset: bytes });
        expect(data.devices[0].cut).toBe(true);
      }
      expect(data.devices[0].events.length).toBeGreaterThan(0);
      expect(data.devices[0].events.length).toBeLessThanOrEqual(60);
    }
  });

  it('flipped bytes never throw and never hang', async () => {
    const random = numbers(5);
    const next = (limit: number): number => random.next().value! % limit;
    const files = entriesOf(join(FORMS, 'pools.parquetdir'));
    for (let round = 0; round < 120; round++) {
      for (const [reader, bytes] of [
        [nsysArrowReader, whole],
        [nsysJsonReader, json],
      ] as const) {
        const copy = bytes.slice();
        for (let n = 1 + next(8); n > 0; n--) copy[next(copy.length)] = next(256);
        const { error } = await readBytes(reader, 'x', copy);
        if (error !== null) expect(error.code).toMatch(LEFT_OUT);
      }
      const flipped = files.map((file) => {
        const copy = file.readSync(0, file.size).slice();
        if (file.name.startsWith('CUDA_') || next(4) === 0)
          for (let n = 1 + next(4); n > 0; n--) copy[next(copy.length)] = next(256);
        return new BytesSource(file.name, copy);
      });
      const { error } = await nsysParquetDirReader.read('x', flipped, testContext());
      if (error !== null) expect(error.code).toMatch(LEFT_OUT);
    }
  });

  it('a row group that does not say where its columns lie is an error with a place', async () => {
    const files = entriesOf(join(FORMS, 'pools.parquetdir'));
    const at = files.findIndex(({ name }) => name.startsWith(EVENTS));
    const damaged = new Uint8Array(readFileSync(join(FORMS, 'pools.parquetdir', files[at].name)));
    // The kind of a field of the table of contents, by which the place of a column is known.
    damaged[4732] ^= 0x80;
    const { error } = await readBytes(nsysParquetReader, files[at].name, damaged);
    expect(error).toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(/row group/) as string,
      offset: damaged.length - 8 - new DataView(damaged.buffer).getUint32(damaged.length - 8, true),
    });
  });

  it('random bytes behind the right beginning are an error', async () => {
    const random = numbers(7);
    for (const [reader, magic] of [
      [nsysArrowReader, [255, 255, 255, 255]],
      [nsysParquetReader, [80, 65, 82, 49]],
      [nsysJsonReader, [123, 34]],
    ] as const) {
      const bytes = Uint8Array.from({ length: 4096 }, () => random.next().value! % 256);
      bytes.set(magic);
      const { error } = await readBytes(reader, 'x', bytes);
      expect(error?.code).toMatch(LEFT_OUT);
    }
  });

  it('a folder whose table of events is cut says so', async () => {
    for (const [reader, folder] of [
      [nsysArrowDirReader, 'pools.arrowdir'],
      [nsysParquetDirReader, 'pools.parquetdir'],
    ] as const) {
      const cut = entriesOf(join(FORMS, folder)).map((entry) =>
        entry.name.startsWith(EVENTS) ? new BytesSource(entry.name, entry.readSync(0, 4000)) : entry,
      );
      const { error, data } = await reader.read('x', cut, testContext());
      expect(error).toMatchObject({ code: 'truncated' });
      expect(data.producer).toContain('2023.4');
    }
  });

  it('can be cancelled', async () => {
    const bytes = json;
    const big = new Uint8Array(12 * 1024 * 1024).fill(10);
    big.set(bytes);
    await expect(nsysJsonReader.read(inputFromBytes('x', big), testContext(0))).rejects.toMatchObject({
      code: 'cancelled',
    });
    await expect(
      nsysArrowDirReader.read('x', entriesOf(join(FORMS, 'torch.arrowdir')), testContext(0)),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });
});

const publicFiles = join(FORMS, '../../../../shared/public/nsys');
describe.skipIf(!existsSync(publicFiles))('public files', () => {
  it('an SQLite export is not taken for another form', () => {
    const path = join(publicFiles, 'nsys2026.1_schema3.24.14_mock.sqlite');
    const input = inputFromPath(path);
    for (const reader of [nsysArrowReader, nsysParquetReader, nsysJsonReader])
      expect(reader.sniff(input.head).score).toBe(0);
    input.close();
  });
});
