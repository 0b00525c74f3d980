/** JAX device memory profiles: a profile written here field by field, and the public one beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { jaxMemoryProfileReader as reader } from '../../../src/read/jax/memory-profile.ts';
import { sourceData } from '../../../src/trace/source-data.ts';
import { bytesField, varint, varintField } from '../../file/make-protobuf.ts';
import { join, utf8 } from '../../file/pieces.ts';
import { inputFromBytes, readBytes, testContext } from '../open-for-test.ts';
import { seeded } from '../snapshot/fixtures.ts';

const PUBLIC = '../shared/public/jax/jax_device_memory_profile_cuda.prof';
const STRINGS = [
  '',
  'allocations',
  'count',
  'space',
  'bytes',
  'kind',
  'buffer',
  'executable',
  'device',
  'cuda:0',
  'step',
  '/work/train.py',
  'compile',
  '/env/lib/python3.12/site-packages/jax/_src/compiler.py',
];
const at = (text: string): bigint => BigInt(STRINGS.indexOf(text));

const label = (key: string, text: string): Uint8Array =>
  bytesField(3, join(varintField(1, at(key)), varintField(2, at(text))));
const sample = (locations: bigint[], values: bigint[], ...labels: Uint8Array[]): Uint8Array =>
  bytesField(
    2,
    join(
      bytesField(1, join(...locations.map(varint))),
      bytesField(2, join(...values.map(varint))),
      ...labels,
    ),
  );
const location = (id: bigint, functionId: bigint, line: bigint): Uint8Array =>
  bytesField(
    4,
    join(varintField(1, id), bytesField(4, join(varintField(1, functionId), varintField(2, line)))),
  );
const functionOf = (id: bigint, name: string, file: string): Uint8Array =>
  bytesField(5, join(varintField(1, id), varintField(2, at(name)), varintField(4, at(file))));
const type = (name: string, unit: string): Uint8Array =>
  bytesField(1, join(varintField(1, at(name)), varintField(2, at(unit))));

const TYPES = join(type('allocations', 'count'), type('space', 'bytes'));
const BODY = join(
  sample([1n, 2n], [3n, 2n ** 33n + 1n], label('kind', 'buffer'), label('device', 'cuda:0')),
  sample([1n, 2n], [1n, 5n], label('kind', 'buffer'), label('device', 'cuda:0')),
  sample([2n], [1n, 1000n], label('kind', 'executable')),
  location(1n, 1n, 335n),
  location(2n, 2n, 12n),
  functionOf(1n, 'compile', '/env/lib/python3.12/site-packages/jax/_src/compiler.py'),
  functionOf(2n, 'step', '/work/train.py'),
  varintField(9, 1_700_000_000_123_456_789n),
);
const TABLE = join(...STRINGS.map((text) => bytesField(6, utf8(text))));
const PROFILE = join(TYPES, BODY, TABLE);
const INNER = 'compile (/env/lib/python3.12/site-packages/jax/_src/compiler.py:335)';

describe('a JAX device memory profile', () => {
  it.each([1 << 20, 1, 7, 100])(
    'gives live bytes by kind and by stack, in chunks of %i',
    async (chunkBytes) => {
      const { data, error } = await readBytes(reader, 'unknown', PROFILE, { chunkBytes });
      expect(error).toBeNull();
      const [byKind, byStack] = data.readings!.tables;
      expect(byKind.rows).toEqual([
        ['buffer', 'cuda:0', 4, 2 ** 33 + 6],
        ['executable', null, 1, 1000],
      ]);
      expect(byStack.rows).toEqual([
        [
          'buffer',
          'cuda:0',
          4,
          2 ** 33 + 6,
          INNER,
          'step (/work/train.py:12)',
          `${INNER} < step (/work/train.py:12)`,
        ],
        [
          'executable',
          null,
          1,
          1000,
          'step (/work/train.py:12)',
          'step (/work/train.py:12)',
          'step (/work/train.py:12)',
        ],
      ]);
      expect(data).toMatchObject({
        rows: 3,
        skipped: 0,
        warnings: [],
        settings: [['recorded at', '2023-11-14T22:13:20.123Z']],
      });
      expect(data.notRecorded[0]).toContain('one moment');
      expect(data.stacks.frames).toHaveLength(2);
    },
  );

  it('is known by content, the string table far behind included', () => {
    const sniff = (bytes: Uint8Array): number =>
      reader.sniff({ bytes, name: 'unknown', size: bytes.length }).score;
    expect(sniff(PROFILE)).toBeGreaterThan(0.9);
    expect(sniff(join(TYPES, BODY).subarray(0, 150))).toBeGreaterThan(0.5);
    for (const other of ['\n<!DOCTYPE html>\n<html>', '\n\n\n', '\nGPU 0', '', '{"a": 1}'])
      expect(sniff(utf8(other))).toBe(0);
    expect(sniff(Uint8Array.of(0x80, 4, 0x95, 10, 10, 10))).toBe(0);
  });

  it('refuses another pprof profile by its figures', async () => {
    const heap = join(
      bytesField(1, join(varintField(1, 1n), varintField(2, 2n))),
      sample([1n], [1n]),
      ...['', 'inuse_space', 'bytes'].map((text) => bytesField(6, utf8(text))),
    );
    const { data, error } = await readBytes(reader, 'heap.pb', heap);
    expect(error).toMatchObject({ code: 'refused', file: 'heap.pb', format: 'jax-memory-profile' });
    expect(error?.message).toContain('inuse_space');
    expect(data).toEqual(sourceData({ producer: 'pprof' }));
  });

  it('keeps what is before a cut', async () => {
    const whole = join(TYPES, TABLE, BODY);
    const { data, error } = await readBytes(
      reader,
      'x',
      whole.subarray(0, join(TYPES, TABLE).length + BODY[1] + 2 + 5),
    );
    expect(error?.code).toBe('truncated');
    expect(data.rows).toBe(1);
    expect(data.warnings[0].message).toContain('2 frames name a place');
  });

  it('counts samples without figures', async () => {
    const { data } = await readBytes(reader, 'x', join(TYPES, sample([2n], [1n]), BODY, TABLE));
    expect(data).toMatchObject({ rows: 3, skipped: 1 });
    expect(data.warnings[0].message).toContain('1 samples have no count or no size');
  });

  it('survives flipped bytes', async () => {
    const random = seeded(2);
    for (let round = 0; round < 300; round++) {
      const damaged = PROFILE.slice();
      for (let i = 0; i < 3; i++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      const { error } = await readBytes(reader, 'x', damaged);
      expect(['corrupt', 'truncated', 'refused', undefined]).toContain(error?.code);
    }
  });

  it('can be cancelled', async () => {
    const many = join(
      TYPES,
      ...Array.from({ length: 40 }, () => bytesField(15, new Uint8Array(100_000))),
      TABLE,
    );
    const input = inputFromBytes('x', many, { chunkBytes: 1000 });
    await expect(reader.read(input, testContext(0))).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe.skipIf(!existsSync(PUBLIC))('the public profile in ../shared/public', () => {
  it('gives 87 samples: buffers 4 of 32,064 bytes, executables 99 of 1,023,096 bytes', async () => {
    const bytes = new Uint8Array(gunzipSync(readFileSync(PUBLIC)));
    expect(reader.sniff({ bytes, name: 'unknown', size: bytes.length }).score).toBeGreaterThan(0.9);
    const { data, error } = await readBytes(reader, 'unknown', bytes);
    expect(error).toBeNull();
    expect(data.rows).toBe(87);
    expect(data.readings!.tables[0].rows).toEqual([
      ['executable', null, 99, 1_023_096],
      ['buffer', 'cuda:0', 4, 32_064],
    ]);
    const byStack = data.readings!.tables[1].rows;
    expect(byStack.reduce((sum, row) => sum + Number(row[3]), 0)).toBe(1_023_096 + 32_064);
    expect(byStack.every((row) => typeof row[6] === 'string')).toBe(true);
  });
});
