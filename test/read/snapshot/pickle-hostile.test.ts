/**
 * Bytes that no honest writer writes: programs, claims larger than the file, opcodes on an empty stack, damage.
 * Each ends as a result or as a TraceError, soon, and in memory that the file's own size bounds.
 */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { TraceError, type TraceErrorCode } from '../../../src/base/trace-error.ts';
import { asBigUint64 } from '../../../src/base/u64.ts';
import { unescapeUnicode, unquote } from '../../../src/read/snapshot/pickle-strings.ts';
import type { ReadOutcome } from '../../../src/read/reader.ts';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import { alloc, bytesOf, dict, list, long, pickle, snapshot, text, u32, u64 } from './pickle-bytes.ts';
import { fixtureBytes, readSnapshot, seeded } from './fixtures.ts';

async function codeOf(bytes: Uint8Array): Promise<TraceErrorCode | null> {
  return (await readSnapshot(bytes)).error?.code ?? null;
}

const head = (): Uint8Array => bytesOf(0x80, 4, '}(', text('segments'), '](e');

describe('a pickle that is a program', () => {
  const opcodes: readonly [string, number][] = [
    ['GLOBAL', 0x63],
    ['STACK_GLOBAL', 0x93],
    ['REDUCE', 0x52],
    ['BUILD', 0x62],
    ['INST', 0x69],
    ['OBJ', 0x6f],
    ['NEWOBJ', 0x81],
    ['NEWOBJ_EX', 0x92],
    ['EXT1', 0x82],
    ['EXT2', 0x83],
    ['EXT4', 0x84],
    ['PERSID', 0x50],
    ['BINPERSID', 0x51],
    ['NEXT_BUFFER', 0x97],
    ['READONLY_BUFFER', 0x98],
  ];

  it.each(opcodes)('%s is refused by name and place', async (name, opcode) => {
    const before = head();
    const { error, data } = await readSnapshot(bytesOf(before, opcode, 'os\nsystem\n', '.'));
    expect(error).toBeInstanceOf(TraceError);
    expect(error?.code).toBe('unsafe-pickle');
    expect(error?.message).toContain(`opcode ${name} would`);
    expect(error?.offset).toBe(before.length);
    expect(error?.advice).toContain('_dump_snapshot');
    expect(data.rows).toBe(0);
  });

  it('os.system never runs', async () => {
    const attack = bytesOf("cposix\nsystem\n(S'touch /tmp/vramscope-was-here'\ntR.");
    expect(await codeOf(attack)).toBe('unsafe-pickle');
    expect(await codeOf(bytesOf(0x80, 4, text('os'), text('system'), 0x93, text('true'), 0x85, 'R.'))).toBe(
      'unsafe-pickle',
    );
  });

  it('events before it are kept, with a warning', async () => {
    const bytes = fixtureBytes('oom.pickle');
    const { data, error } = await readSnapshot(bytesOf(bytes.subarray(0, 11841), 'cos\nsystem\n.'));
    expect(error?.code).toBe('unsafe-pickle');
    expect(error?.offset).toBe(11841);
    expect(data.rows).toBe(140);
    expect(data.warnings.map(({ offset }) => offset)).toEqual([11841]);
  });

  it("a model's state_dict is refused for what it is", async () => {
    // What torch.save wrote before its zip form: magic number, protocol, then a pickle that imports.
    const state = bytesOf(0x80, 2, 'ccollections\nOrderedDict\nq', 0, ')Rq', 1, '.');
    expect(torchSnapshotReader.sniff({ bytes: state, name: 'm.pt', size: state.length }).score).toBeLessThan(
      0.5,
    );
    expect(await codeOf(state)).toBe('unsafe-pickle');
  });
});

describe('claims that the file cannot keep', () => {
  const cases: readonly [string, Uint8Array, TraceErrorCode][] = [
    ['a string of 4 GB', bytesOf(head(), 'X', u32(0xffffffff)), 'corrupt'],
    ['a string of 2^63 bytes', bytesOf(head(), 0x8d, u64(1n << 63n)), 'corrupt'],
    ['bytes of 2^64 - 1', bytesOf(head(), 0x8e, u64(0xffff_ffff_ffff_ffffn)), 'corrupt'],
    ['a bytearray of 2^40', bytesOf(head(), 0x96, u64(1n << 40n)), 'corrupt'],
    ['an integer of 2^31 bytes', bytesOf(head(), 0x8b, u32(0x80000000)), 'corrupt'],
    ['memo entry 2^32 - 1, stored', bytesOf(head(), 'r', u32(0xffffffff)), 'corrupt'],
    ['memo entry 2^32 - 1, fetched', bytesOf(head(), 'j', u32(0xffffffff)), 'corrupt'],
    ['memo entry 65000 so early', bytesOf(head(), 'r', u32(65000)), 'corrupt'],
    ['memo entry as text', bytesOf(head(), 'p99999999999999999999\n'), 'corrupt'],
    ['memo entry that is no number', bytesOf(head(), 'p1.5\n'), 'corrupt'],
    ['memo entry never stored', bytesOf(head(), 'g7\n'), 'corrupt'],
    ['an integer that is none', bytesOf(head(), 'Iabc\n'), 'corrupt'],
    ['a string that is not there', bytesOf(head(), 'X', u32(1000), 'abc'), 'truncated'],
    ['a frame that is not there', bytesOf(head(), 0x95, u64(1n << 60n)), 'truncated'],
    ['half a number', bytesOf(head(), 0x4a, 1, 2), 'truncated'],
    ['a line without an end', bytesOf(head(), 'V', 'x'.repeat(100)), 'truncated'],
    ['protocol 9', bytesOf(0x80, 9, '}.'), 'unsupported'],
    ['an opcode that is none', bytesOf(head(), 0xff, '.'), 'corrupt'],
  ];

  it.each(cases)('%s', async (_name, bytes, code) => {
    const { error } = await readSnapshot(bytes);
    expect(error?.code).toBe(code);
    expect(error?.offset).toBeLessThanOrEqual(bytes.length);
  });
});

describe('opcodes whose operands are missing', () => {
  const alone = [...'auesdltr0123hjpqg.'].map((op) => [op] as const);
  it.each(alone)('"%s" on an empty stack', async (op) => {
    const code = await codeOf(bytesOf(0x80, 4, op, u32(0), '\n'));
    expect(code === null ? 'none' : code).toMatch(/^(corrupt|truncated)$/);
  });

  it.each([0x85, 0x86, 0x87, 0x94])('0x%s on an empty stack', async (op) => {
    expect(await codeOf(bytesOf(0x80, 4, op, '.'))).toBe('corrupt');
  });

  it('items for what is no container, keys without values', async () => {
    for (const bad of [
      '](K\x01u',
      '}(K\x01e',
      '}(K\x01u',
      '}K\x01s',
      'K\x01K\x02K\x03s',
      'K\x01K\x02a',
      '(K\x01d',
    ])
      expect(await codeOf(bytesOf(0x80, 4, bad, '.')), bad).toBe('corrupt');
  });
});

describe('bombs', () => {
  it('a tuple of tuples of tuples does not double its text', async () => {
    const bytes = pickle(
      dict({ segments: list(), device_traces: list(), x: bytesOf(')', '2\x86'.repeat(200)) }),
    );
    expect(await codeOf(bytes)).toBeNull();
  });

  it('a dict that holds itself, and dicts nested without end', async () => {
    expect(
      await codeOf(bytesOf(0x80, 4, '}', 0x94, text('segments'), ']s', text('a'), 'h', 0, 's.')),
    ).toBeNull();
    const depth = 50_000;
    const nested = bytesOf(
      0x80,
      4,
      '}',
      text('segments'),
      ']s',
      ...new Array<Uint8Array>(depth).fill(bytesOf(text('a'), '}')),
      's'.repeat(depth),
      '.',
    );
    expect(await codeOf(nested)).toBe('unsupported');
    const whole = bytesOf(
      0x80,
      4,
      ...new Array<Uint8Array>(depth).fill(bytesOf('}(', text('a'))),
      'N',
      'u'.repeat(depth),
      '.',
    );
    expect(await codeOf(whole)).toBe('unrecognised');
  });

  it('a list that holds itself', async () => {
    const { data, error } = await readSnapshot(
      bytesOf(
        0x80,
        4,
        '}(',
        text('segments'),
        '](e',
        text('device_traces'),
        ']',
        0x94,
        '(h',
        0,
        'h',
        0,
        'eu.',
      ),
    );
    expect(error).toBeNull();
    expect(data.devices).toEqual([]);
  });

  it('a segment of device 2^52, and of device -1', async () => {
    const segment = (device: bigint): Uint8Array =>
      dict({ device: long(device), address: long(0n), total_size: long(2n), blocks: list() });
    for (const device of [1n << 52n, -1n, 1n << 63n]) {
      const { data, error } = await readSnapshot(
        pickle(dict({ segments: list(segment(device), segment(0n)), device_traces: list() })),
      );
      expect(error).toBeNull();
      if (device !== 1n << 63n) {
        expect(data.devices.map((one) => one.segments?.length)).toEqual([1]);
        expect(data.warnings.map(({ message }) => message).join()).toContain(
          '1 values are not what their key promises',
        );
      }
    }
  });

  it('a million devices', { timeout: 20_000 }, async () => {
    const bytes = snapshot(bytesOf(']'.repeat(1_000_000)), list(alloc(1n, 2n)));
    const { data, error } = await readSnapshot(bytes);
    expect(error).toBeNull();
    expect(data.rows).toBe(0);
    expect(data.skipped).toBe(1);
    expect(data.warnings.map(({ message }) => message).join()).toContain(
      "1 events belong to no device's trace",
    );
  });

  it('a memo that grows by jumps stays as small as the file', async () => {
    const jumps = Array.from({ length: 20_000 }, (_, i) => bytesOf('Nr', u32(i * 50_000), '0'));
    expect(await codeOf(bytesOf(head(), ...jumps))).toBe('corrupt');
  });

  it('two million empty containers are no snapshot, and no trouble', { timeout: 20_000 }, async () => {
    expect(await codeOf(bytesOf(head(), ']}'.repeat(1_000_000), '('.repeat(1_000_000)))).toBe('truncated');
  });

  it('a thousand unknown keys and actions are a handful of warnings', async () => {
    const events = Array.from({ length: 1000 }, (_, i) =>
      alloc(1n, 1n, { action: text(`a${i}`), [`k${i}`]: bytesOf('N') }),
    );
    const { data } = await readSnapshot(snapshot(list(...events)));
    expect(data.rows).toBe(1000);
    expect(data.warnings).toHaveLength(42);
    expect(data.warnings.map(({ message }) => message)).toContain(
      '980 more actions are not understood either',
    );
  });

  it('segments given as events make no events', async () => {
    const segment = dict({
      device: bytesOf('K', 0),
      address: long(0n),
      total_size: long(2n),
      blocks: list(),
    });
    const { data } = await readSnapshot(
      pickle(dict({ segments: list(), device_traces: list(list(segment, segment)) })),
    );
    expect(data.rows).toBe(0);
    expect(data.devices.flatMap((device) => [...device.events.action])).toEqual([]);
  });

  it('one event in two lists, one list in two devices: what is left out is never negative', async () => {
    const shared = pickle(
      bytesOf(
        '}(',
        text('segments'),
        '](e',
        text('device_traces'),
        '](',
        '](',
        alloc(1n, 2n),
        'e',
        0x94,
        'h',
        0,
        'eu',
      ),
    );
    const { data } = await readSnapshot(shared);
    expect(data.skipped).toBeGreaterThanOrEqual(0);
    expect(data.devices).toHaveLength(2);
  });
});

describe('values of the wrong kind', () => {
  const wrong: readonly [string, Uint8Array][] = [
    ['None', bytesOf('N')],
    ['True', bytesOf(0x88)],
    ['a float', bytesOf('G', u64(0n))],
    ['text', text('x')],
    ['a list', list()],
    ['a tuple', bytesOf(')')],
    ['bytes', bytesOf('C', 1, 'x')],
    ['a negative number', long(-5n)],
    ['2^64 - 1', bytesOf(0x8a, 9, u64(0xffff_ffff_ffff_ffffn), 0)],
    ['2^800', bytesOf(0x8a, 101, new Uint8Array(100), 1)],
  ];
  const keys = [
    'action',
    'addr',
    'size',
    'stream',
    'time_us',
    'frames',
    'device_free',
    'compile_context',
    'pool_id',
  ];

  it.each(wrong)(
    '%s for every key of an event, a block, a segment, a frame, an annotation',
    async (_name, value) => {
      for (const key of keys) {
        const { data, error } = await readSnapshot(
          snapshot(list(alloc(512n, 512n), alloc(1024n, 512n, { [key]: value }))),
        );
        expect(error).toBeNull();
        expect(data.rows).toBe(2);
        expect(asBigUint64(data.devices[0].events.address)[0]).toBe(512n);
      }
      const block = (more: Record<string, Uint8Array>): Uint8Array =>
        dict({
          address: long(0n),
          size: long(2n),
          requested_size: long(2n),
          state: text('inactive'),
          ...more,
        });
      const segment = (more: Record<string, Uint8Array>): Uint8Array =>
        dict({
          device: bytesOf('K', 0),
          address: long(0n),
          total_size: long(2n),
          stream: bytesOf('K', 0),
          blocks: list(block({})),
          ...more,
        });
      for (const key of ['address', 'size', 'requested_size', 'state', 'frames', 'history'])
        expect(
          await codeOf(
            pickle(
              dict({
                segments: list(segment({ blocks: list(block({ [key]: value })) })),
                device_traces: list(),
              }),
            ),
          ),
        ).toBeNull();
      for (const key of [
        'device',
        'address',
        'total_size',
        'stream',
        'segment_type',
        'blocks',
        'is_expandable',
        'segment_pool_id',
        'frames',
      ])
        expect(
          await codeOf(pickle(dict({ segments: list(segment({ [key]: value })), device_traces: list() }))),
        ).toBeNull();
      for (const key of ['name', 'filename', 'line']) {
        const frame = dict({ name: text('f'), filename: text('a.py'), line: bytesOf('K', 1), [key]: value });
        expect(await codeOf(snapshot(list(alloc(0n, 1n, { frames: list(frame) }))))).toBeNull();
      }
      for (const key of ['name', 'stage', 'device', 'time_us']) {
        const mark = dict({
          stage: text('START'),
          name: text('s'),
          device: bytesOf('K', 0),
          time_us: long(1n),
          [key]: value,
        });
        expect(
          await codeOf(
            pickle(dict({ segments: list(), device_traces: list(), external_annotations: list(mark) })),
          ),
        ).toBeNull();
      }
      for (const key of ['segments', 'device_traces', 'allocator_settings', 'external_annotations'])
        expect(
          (await readSnapshot(pickle(dict({ segments: list(), device_traces: list(), [key]: value })))).error,
        ).toBeNull();
    },
  );

  it('numbers of the address and size keep all their bits', async () => {
    const { data } = await readSnapshot(
      snapshot(list(alloc(0xffff_ffff_ffff_fe00n, 0x4000_0000_0000_0001n))),
    );
    expect(asBigUint64(data.devices[0].events.address)[0]).toBe(0xffff_ffff_ffff_fe00n);
    expect(asBigUint64(data.devices[0].events.size)[0]).toBe(0x4000_0000_0000_0001n);
  });
});

describe('text of protocol 0', () => {
  it('is unescaped', () => {
    expect(unescapeUnicode('a\\u00e9\\U0001f600\\u005cn')).toBe('aé\u{1f600}\\n');
    expect(unescapeUnicode('\\Uffffffff')).toBe('\ufffd');
    expect(unquote("'it\\'s'")).toBe("it's");
  });
});

describe('damage', () => {
  /** Result or TraceError; anything else that is thrown fails the test with the seed that made it. */
  async function survives(bytes: Uint8Array, what: string): Promise<ReadOutcome | null> {
    try {
      return await readSnapshot(bytes);
    } catch (thrown) {
      throw new Error(`${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`, {
        cause: thrown,
      });
    }
  }

  it.each([
    'oom.p0.pickle',
    'oom.p1.pickle',
    'oom.pickle',
    'oom.cpp.pickle',
    'oom.torch20.pickle',
    'oom.torch212.pickle',
    'torch214.pickle',
  ])('%s with bytes changed: a result or a TraceError', { timeout: 120_000 }, async (name) => {
    const bytes = fixtureBytes(name);
    const codes = new Map<string, number>();
    for (let seed = 1; seed <= 400; seed++) {
      const random = seeded(seed * 7919);
      const copy = bytes.slice();
      for (let flips = 1 + (seed % 5); flips > 0; flips--)
        copy[Math.floor(random() * (seed % 2 ? copy.length : 600))] = Math.floor(random() * 256);
      const outcome = await survives(copy, `${name}, seed ${seed}`);
      const code = outcome?.error?.code ?? 'read';
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect(outcome!.data.skipped).toBeGreaterThanOrEqual(0);
    }
    expect(codes.has('internal')).toBe(false);
    expect(codes.size).toBeGreaterThan(1);
  });

  it('garbage behind a valid head: a result or a TraceError', { timeout: 120_000 }, async () => {
    const bytes = fixtureBytes('oom.pickle');
    // Half of it opcodes that a pickle of data has, so that garbage gets far.
    const likely = bytesOf(
      '}]()e.usa0122hKKKMJNq',
      0x94,
      0x94,
      0x85,
      0x86,
      0x87,
      0x88,
      0x89,
      0x8c,
      0x8a,
      'tldIVpg\n',
    );
    let far = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const random = seeded(seed);
      const keep = seed % 3 === 0 ? 2 : Math.floor(random() * 9000);
      const garbage = Uint8Array.from({ length: 40 + Math.floor(random() * 400) }, () =>
        random() < 0.7 ? likely[Math.floor(random() * likely.length)] : Math.floor(random() * 256),
      );
      const outcome = await survives(bytesOf(bytes.subarray(0, keep), garbage), `seed ${seed}`);
      if ((outcome?.error?.offset ?? 0) > keep + 10) far++;
    }
    expect(far).toBeGreaterThan(300);
  });
});

describe('against Python', () => {
  const python = spawnSync('python3', ['--version']).status === 0;
  it.skipIf(!python)('what Python pickles of objects is refused', async () => {
    const made = spawnSync('python3', [
      '-c',
      'import pickle,sys,datetime;sys.stdout.buffer.write(pickle.dumps({"segments":[datetime.date(2020,1,1)]}))',
    ]);
    expect(await codeOf(new Uint8Array(made.stdout))).toBe('unsafe-pickle');
  });
});

describe('bytes where digits should stand', () => {
  it.each([
    ['PUT', bytesOf(head(), 'p\x94h\x1eK\n', '.'), 'PUT bytes 94 68 1e 4b'],
    [
      'GET',
      bytesOf(head(), `g${'\x9a'.repeat(60)}\n`, '.'),
      `memo entry bytes ${'9a '.repeat(15)}9a... was never`,
    ],
    ['INT', bytesOf(head(), 'Iseventeen letters more\n', '.'), '"seventeen letter..." is no integer'],
  ])('of %s are quoted so that a terminal can show them, sixteen at most', async (_name, bytes, told) => {
    const { error } = await readSnapshot(bytes);
    expect(error?.code).toBe('corrupt');
    expect(error?.message).toContain(told);
    expect(error?.message).toMatch(/^[\x20-\x7e]*$/);
  });
});

describe('values that are not what their key promises', () => {
  const segment = (more: Readonly<Record<string, Uint8Array>>): Uint8Array =>
    dict({
      device: bytesOf(0x4b, 0),
      address: long(2n ** 30n),
      total_size: long(2n ** 21n),
      stream: bytesOf(0x4b, 0),
      segment_type: text('large'),
      is_expandable: bytesOf(0x89),
      blocks: list(),
      ...more,
    });
  const whole = (segments: Uint8Array, traces = list(list(alloc(4096n, 512n)))): Uint8Array<ArrayBuffer> =>
    pickle(dict({ segments, device_traces: traces }));

  it('an honest segment is none of them', async () => {
    const { data } = await readSnapshot(whole(list(segment({}))));
    expect([data.skipped, data.warnings]).toEqual([0, []]);
    expect(data.devices[0].segments?.length).toBe(1);
  });

  it.each([
    ['a device that is text: no segment of GPU 0', { device: text('0') }, 0],
    ['a type that is a number', { segment_type: bytesOf(0x4b, 1) }, 1],
    ['"expandable" that is a number', { is_expandable: bytesOf(0x4b, 1) }, 1],
    ['blocks that are no list', { blocks: text('none') }, 1],
  ])('%s: counted and said', async (_what, more, kept) => {
    const { data } = await readSnapshot(whole(list(segment(more))));
    expect(data.skipped).toBeGreaterThan(0);
    expect(data.warnings.map(({ message }) => message).join(' ')).toContain('not what their key promises');
    const zero = data.devices.find(({ device }) => device === 0);
    expect(zero?.segments?.length ?? 0).toBe(kept);
  });

  it.each([
    ['segments', whole(text('x'))],
    ['device_traces', whole(list(segment({})), text('x'))],
  ])('%s that are no list: counted and said', async (_what, bytes) => {
    const { data } = await readSnapshot(bytes);
    expect(data.skipped).toBeGreaterThan(0);
    expect(data.warnings.map(({ message }) => message).join(' ')).toContain('not what their key promises');
  });
});
