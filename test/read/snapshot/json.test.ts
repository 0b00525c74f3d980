/** Snapshots as JSON: the same tables as the pickle of the same recording, cut and damaged ones, other orders of keys. */
import { describe, expect, it } from 'vitest';
import { READERS } from '../../../src/read/readers.ts';
import { chooseReader } from '../../../src/read/sniff.ts';
import { torchSnapshotJsonReader } from '../../../src/read/snapshot/torch-snapshot-json.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { differenceOf } from '../../trace/compare-sources.ts';
import { type InputOptions, inputFromBytes, readBytes } from '../open-for-test.ts';
import { fixtureBytes, snapshotOf } from './fixtures.ts';

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function jsonOf(bytes: Uint8Array | string, options: InputOptions = {}): Promise<SourceData> {
  const { data, error } = await readBytes(torchSnapshotJsonReader, 'x.json', bytes, options);
  if (error !== null) throw error;
  return data;
}

const pickle = (name: string): Promise<SourceData> => snapshotOf(fixtureBytes(`${name}.pickle`));

describe('the same recording as pickle and as JSON', () => {
  it.each(['oom', 'oom.torch20', 'oom.torch212', 'oom.devices', 'oom.high', 'graphs', 'torch214'])(
    '%s gives equal tables',
    async (name) => {
      expect(differenceOf(await pickle(name), await jsonOf(fixtureBytes(`${name}.json`)))).toBeNull();
    },
  );

  it('with its keys sorted', async () => {
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .sort(([one], [other]) => (one < other ? -1 : 1))
                .map(([key, item]) => [key, sorted(item)]),
            )
          : value;
    const text = JSON.stringify(sorted(JSON.parse(textOf(fixtureBytes('oom.json')))));
    expect(text.indexOf('"device_traces"')).toBeLessThan(text.indexOf('"segments"'));
    expect(differenceOf(await pickle('oom'), await jsonOf(text), { except: ['settings'] })).toBeNull();
  });

  it('whatever the size of the pieces it comes in', async () => {
    const whole = await pickle('oom.high');
    for (const chunkBytes of [1, 7, 4096]) {
      const made = await jsonOf(fixtureBytes('oom.high.json'), { chunkBytes });
      expect(differenceOf(whole, made)).toBeNull();
    }
  });

  it('written with spaces and line ends, and inside of an object of its own', async () => {
    const whole = await pickle('oom');
    const value: unknown = JSON.parse(textOf(fixtureBytes('oom.json')));
    const dresses = [JSON.stringify(value), `\ufeff${JSON.stringify(value, null, 4)}\r\n`];
    for (const text of dresses) expect(differenceOf(whole, await jsonOf(text))).toBeNull();
    const wrapped = await jsonOf(JSON.stringify({ rank: 3, snapshot: value }));
    expect(differenceOf(whole, wrapped)).toBeNull();
  });

  it('a list of segments alone is the state at the end', async () => {
    const { segments } = JSON.parse(textOf(fixtureBytes('oom.json'))) as { segments: unknown };
    const made = await jsonOf(JSON.stringify(segments));
    const whole = await pickle('oom');
    expect(made.rows).toBe(0);
    expect([...made.devices[0].segments!.total_size]).toEqual([...whole.devices[0].segments!.total_size]);
    expect([...made.devices[0].blocks!.size]).toEqual([...whole.devices[0].blocks!.size]);
  });
});

describe('numbers and texts as JSON writes them', () => {
  const event = (fields: string): string =>
    `{"segments": [], "device_traces": [[{"action": "alloc", ${fields}, "stream": 0, "time_us": 1795252341996097, "frames": []}]]}`;

  it('keeps every digit', async () => {
    for (const [text, low, high] of [
      ['18446744073709551104', 0xfffffe00, 0xffffffff],
      ['9223372036854775808', 0, 0x80000000],
      ['140480805339136', Number(140480805339136n & 0xffffffffn), Number(140480805339136n >> 32n)],
      ['0', 0, 0],
    ] as const) {
      const { devices, skipped } = await jsonOf(event(`"addr": ${text}, "size": 512`));
      expect([...devices[0].events.address]).toEqual([low, high]);
      expect(skipped).toBe(0);
    }
  });

  it('takes a whole number written as a float, and leaves one with a fraction to the check of sizes', async () => {
    const whole = await jsonOf(event('"addr": 1024, "size": 2097152.0'));
    expect([...whole.devices[0].events.size]).toEqual([2097152, 0]);
    const broken = await jsonOf(event('"addr": 1024, "size": 512.5'));
    // No size at all: the check behind all readers leaves the row out and counts it (read/check).
    expect([...broken.devices[0].events.size]).toEqual([0xffffffff, 0xffffffff]);
  });

  it('reads escapes and texts beyond ASCII', async () => {
    const frames =
      '"frames": [{"name": "caf\\u00e9 \\"x\\" 火", "filename": "C:\\\\run\\\\a.py", "line": 7}]';
    const { stacks, devices } = await jsonOf(
      `{"segments": [], "device_traces": [[{"action": "alloc", "addr": 1, "size": 2, "stream": 0, ${frames}}]]}`,
    );
    expect(stacks.stack(devices[0].events.stack_index[0])).toEqual([
      { name: 'café "x" 火', filename: 'C:\\run\\a.py', line: 7 },
    ]);
  });
});

describe('a damaged file', () => {
  it('keeps what came before a cut, wherever it is', async () => {
    const bytes = fixtureBytes('oom.json');
    const whole = await pickle('oom');
    let most = 0;
    for (let end = 40; end < bytes.length; end += 1013) {
      const { data, error } = await readBytes(torchSnapshotJsonReader, 'x.json', bytes.subarray(0, end));
      expect(error?.code).toBe('truncated');
      expect(error?.offset).toBeLessThanOrEqual(end);
      expect(data.rows).toBeGreaterThanOrEqual(most);
      most = data.rows;
      if (data.rows === 0) continue;
      expect(
        differenceOf(data, whole, {
          rows: data.devices[0].events.length,
          except: ['notRecorded', 'warnings', 'cut'],
        }),
      ).not.toMatch(/^events/);
    }
    expect(most).toBeGreaterThan(100);
  });

  it('names the byte of what is no JSON', async () => {
    const text = textOf(fixtureBytes('oom.json'));
    const at = text.lastIndexOf('"action"');
    const { data, error } = await readBytes(
      torchSnapshotJsonReader,
      'x.json',
      `${text.slice(0, at)}%${text.slice(at)}`,
    );
    expect(error?.code).toBe('corrupt');
    expect(error?.offset).toBeGreaterThan(at - 400);
    expect(error?.offset).toBeLessThanOrEqual(at + 1);
    expect(data.rows).toBe(139);
  });

  it('says that something follows', async () => {
    const { data, error } = await readBytes(
      torchSnapshotJsonReader,
      'x.json',
      `${textOf(fixtureBytes('oom.json'))} {}`,
    );
    expect(error?.message).toContain('follows the snapshot');
    expect(data.rows).toBe(140);
  });

  it('does not go down for ever', async () => {
    const deep = '['.repeat(100_000);
    const { error } = await readBytes(torchSnapshotJsonReader, 'x.json', `{"segments": [], "x": ${deep}`);
    expect(error).not.toBeNull();
    const nested = await readBytes(
      torchSnapshotJsonReader,
      'x.json',
      `{"segments": [], "device_traces": [[{"action": ${'['.repeat(500)}${']'.repeat(500)}}]]}`,
    );
    expect(nested.error?.code).toBe('corrupt');
  });
});

describe('who takes it', () => {
  const chosen = (text: string): string => chooseReader(READERS, inputFromBytes('x', text).head).reader.title;

  it.each(['oom', 'oom.torch20', 'graphs'])('%s', (name) => {
    expect(chosen(textOf(fixtureBytes(`${name}.json`)))).toBe(torchSnapshotJsonReader.title);
  });

  it('leaves other JSON alone', () => {
    expect(torchSnapshotJsonReader.sniff(inputFromBytes('x', '{"segments": [1, 2]}').head).score).toBe(0);
    expect(torchSnapshotJsonReader.sniff(inputFromBytes('x', '{"traceEvents": []}').head).score).toBe(0);
    expect(torchSnapshotJsonReader.sniff(inputFromBytes('x', '[{"total_size": 3}]').head).score).toBe(0);
  });
});
