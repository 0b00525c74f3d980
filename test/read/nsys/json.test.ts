/** JSON exports: fields of lines against JSON.parse, strings in both layouts, lines that are wrong. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JsonFields } from '../../../src/read/nsys/json-fields.ts';
import { nsysJsonReader } from '../../../src/read/nsys/json.ts';
import { FORMS, textOf } from './forms-for-test.ts';
import { readBytes } from '../open-for-test.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const lines = readFileSync(join(FORMS, 'pools.json'), 'utf8').split('\n').filter(Boolean);

describe('JsonFields', () => {
  it('finds what JSON.parse finds, in every line of a recording', () => {
    const paths = [
      ['Type'],
      ['CudaMemoryUsageEvent', 'startNs'],
      ['CudaMemoryUsageEvent', 'memKind'],
      ['CudaMemoryUsageEvent', 'localPoolConfig', 'localPoolSize'],
      ['TraceProcessEvent', 'name'],
    ];
    const fields = new JsonFields(paths);
    let found = 0;
    for (const line of lines) {
      const bytes = encode(line);
      expect(fields.scan(bytes, 0, bytes.length)).toBe(true);
      paths.forEach((path, i) => {
        let value: unknown = JSON.parse(line);
        for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key];
        expect(fields.has(i)).toBe(value !== undefined);
        if (value === undefined) return;
        found++;
        expect([fields.number(i), fields.bigint(i), fields.text(i)]).toEqual([
          Number(value),
          BigInt(value as string),
          `${value as string}`,
        ]);
      });
    }
    expect(found).toBeGreaterThan(200);
  });

  it.each([
    ['12', 12, 12n, '12'],
    ['"-12"', -12, -12n, '-12'],
    ['"18446744073709551615"', -1, -1n, '18446744073709551615'],
    ['9007199254740993', 9007199254740992, 9007199254740993n, '9007199254740993'],
    ['1.5', 1.5, 1n, '1.5'],
    ['true', 1, 1n, 'true'],
    ['"a\\"b\\u00e9\\\\"', 0, 0n, 'a"bé\\'],
    ['""', 0, 0n, ''],
  ])('%s', (value, number, bigint, text) => {
    const fields = new JsonFields([['a', 'b']]);
    const bytes = encode(`{ "x" : [1, {"b": 2}, "]"], "a": {"c": {"b": 7}, "b": ${value} } } `);
    expect(fields.scan(bytes, 0, bytes.length)).toBe(true);
    expect([fields.has(0), fields.number(0), fields.bigint(0), fields.text(0)]).toEqual([
      true,
      number,
      bigint,
      text,
    ]);
  });

  it('null, other keys and keys elsewhere are absent', () => {
    const fields = new JsonFields([['a'], ['b']]);
    for (const line of ['{"a":null,"c":{"a":1,"b":2}}', '{}', '{"A":1}', '{"aa":1}']) {
      const bytes = encode(line);
      expect(fields.scan(bytes, 0, bytes.length)).toBe(true);
      expect([fields.has(0), fields.has(1), fields.number(0), fields.text(1)]).toEqual([false, false, 0, '']);
    }
  });

  it('refuses what is cut or no object, wherever it is cut', () => {
    const fields = new JsonFields([['a']]);
    const whole = encode('{"a":{"b":"c\\"d","e":[1,[2],{"f":null}]},"g":-1.5}');
    expect(fields.scan(whole, 0, whole.length)).toBe(true);
    for (let length = 0; length < whole.length; length++) expect(fields.scan(whole, 0, length)).toBe(false);
    for (const line of ['[1]', '"a"', '{"a" 1}', '{"a":1,}', '{"a":1}}', '{a:1}', '['.repeat(500)]) {
      const bytes = encode(line);
      expect(fields.scan(bytes, 0, bytes.length)).toBe(false);
    }
    const deep = encode('{"a":'.repeat(5000));
    expect(fields.scan(deep, 0, deep.length)).toBe(false);
  });
});

const memory = (start: number, type: string, more = ''): string =>
  `{"Type":117,"CudaMemoryUsageEvent":{"startNs":"${start}","deviceId":0,"contextId":"1","globalPid":"16777216","address":"512","bytes":"8","memKind":2,"type":"${type}","correlationId":${start}${more}}}`;
const call = (id: number, name: string): string =>
  `{"Type":48,"TraceProcessEvent":{"startNs":"1","endNs":"2","correlationId":${id},"name":"${name}","globalTid":"16777217"}}`;

describe('lines', () => {
  it('strings one by one (--separate-strings) name calls too', async () => {
    const text = [
      '{"type":"String","id":"0","value":"TOKEN=secret"}',
      '{"type":"String","id":"7","value":"cudaMalloc_v3020"}',
      memory(1, 'allocation', ',"streamId":"13"'),
      call(1, '7'),
      '{"Type":59,"NvtxEvent":{"Type":59,"Timestamp":"5","EndTimestamp":"9","GlobalTid":"16777217","Text":"a \\"step\\""}}',
    ].join('\n');
    const { data, error } = await readBytes(nsysJsonReader, 'x', text);
    expect(error).toBeNull();
    const [device] = data.devices;
    expect(data.stacks.stack(device.events.stack_index[0])[0].name).toBe('cudaMalloc');
    expect(device.streams).toEqual(['13']);
    expect(device.annotations).toEqual([{ name: 'a "step"', device: 0, start_ns: 5n, end_ns: 9n }]);
    expect(textOf(data)).not.toContain('secret');
  });

  it('the string table is gone through in pieces, however long it is', async () => {
    const filler = Array.from({ length: 40_000 }, (_unused, i) => `"TOKEN=secret \\\\ \\" ${i} é"`).join(',');
    const text = `{"data":["",${filler},"cudaFree_v3020"],"files":[{"Content":3}]}\n${memory(1, 'deallocation')}\n${call(1, '40001')}\n`;
    expect(text.length).toBeGreaterThan(1 << 20);
    for (const options of [{}, { randomAccess: false, chunkBytes: 4099 }]) {
      const { data, error } = await readBytes(nsysJsonReader, 'x', text, options);
      expect(error).toBeNull();
      const { events } = data.devices[0];
      expect(data.stacks.stack(events.stack_index[0])[0].name).toBe('cudaFree');
      expect(textOf(data)).not.toContain('secret');
    }
  });

  it('that are wrong are counted, and where the first one is', async () => {
    const good = memory(1, 'allocation');
    const bad = '{"Type":117,"CudaMemoryUsageEvent":{"startNs":"2"';
    const text = [good, bad, 'not json', good.replace('"1"', '"3"'), memory(4, 'resize'), ''].join('\n');
    const { data, error } = await readBytes(nsysJsonReader, 'x', text);
    expect(error).toBeNull();
    expect(data.devices[0].events.length).toBe(2);
    expect(data.skipped).toBe(3);
    const at = good.length + 1;
    expect(data.warnings.find(({ offset }) => offset === at)?.message).toContain('1 lines of events');
    expect(data.warnings.find(({ offset }) => offset === at + bad.length + 1)?.message).toContain(
      '1 lines are no JSON',
    );
    expect(data.warnings.map(({ message }) => message).join()).toContain('neither allocate nor free');
  });

  it('a line longer than can be kept is left out and the next one is read', async () => {
    const long = memory(2, 'allocation', `,"name":"${'x'.repeat(9 << 20)}"`);
    const text = [memory(1, 'allocation'), long, memory(3, 'deallocation'), ''].join('\n');
    const { data, error } = await readBytes(nsysJsonReader, 'x', text);
    expect(error).toBeNull();
    expect(data.devices[0].events.length).toBe(2);
    expect(data.warnings.map(({ message }) => message).join()).toContain(
      '1 lines of events could not be parsed',
    );
  });

  it('an export without memory events says what to record', async () => {
    const text = `{"data":["cudaMalloc_v3020"]}\n${call(1, '0')}\n${call(2, '0')}\n`;
    const { data, error } = await readBytes(nsysJsonReader, 'x', text);
    expect(error).toBeNull();
    expect(data.notRecorded.join(' ')).toContain('--cuda-memory-usage=true');
    expect(data.notRecorded.join(' ')).toContain('cudaMalloc (2)');
  });

  it('another file of JSON lines is refused', async () => {
    const { error } = await readBytes(nsysJsonReader, 'x', '{"a":1}\n{"b":2}\n');
    expect(error).toMatchObject({ code: 'unsupported' });
  });
});
