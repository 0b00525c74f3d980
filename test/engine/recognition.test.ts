/** What a file is, is told by its content: under any name, packed, damaged, or nothing of ours at all. */
import { readFileSync } from 'node:fs';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { SourceView } from '../../src/engine/protocol.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { bytesOf } from '../read/snapshot/pickle-bytes.ts';
import { fixtureBytes, fixturePath, seeded } from '../read/snapshot/fixtures.ts';

async function open(name: string, bytes: Uint8Array | string, cancelAfter = Infinity): Promise<SourceView> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const encoded = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  let reports = 0;
  const [view] = await engine.open(7, new BytesSource(name, encoded), () => {
    if (++reports > cancelAfter) void engine.cancel(7);
  });
  return view;
}

const SNAPSHOTS = [
  'oom.pickle',
  'oom.p0.pickle',
  'oom.p1.pickle',
  'oom.p2.pickle',
  'oom.p3.pickle',
  'oom.p5.pickle',
  'oom.cpp.pickle',
  'oom.torch20.pickle',
  'oom.torch212.pickle',
  'oom.devices.pickle',
  'oom.high.pickle',
];

describe('a snapshot under another name', () => {
  it.each(SNAPSHOTS)('%s', async (fixture) => {
    const bytes = fixtureBytes(fixture);
    const known = await open(fixture, bytes);
    for (const name of [
      'unknown',
      'log.txt',
      'report.nsys-rep',
      'trace.json',
      'export.sqlite',
      'x.pickle.gz',
    ]) {
      const view = await open(name, bytes);
      expect([view.format, view.rows, view.error], name).toEqual(['torch-snapshot', known.rows, null]);
    }
  });

  it('packed, under the name of something unpacked', async () => {
    const view = await open('unknown', new Uint8Array(readFileSync(fixturePath('oom.pickle.gz'))));
    expect([view.format, view.rows, view.error, view.bytes]).toEqual(['torch-snapshot', 140, null, 2240]);
  });
});

describe('a damaged .gz', () => {
  const packed = new Uint8Array(readFileSync(fixturePath('oom.pickle.gz')));

  it('that ends early gives what came before', async () => {
    let before = 0;
    for (const length of [400, 900, 1500, 2000, 2230]) {
      const view = await open('oom.pickle.gz', packed.subarray(0, length));
      expect(view.error?.code, `${length}`).toBe('truncated');
      expect(view.rows).toBeGreaterThanOrEqual(before);
      before = view.rows;
      if (view.rows > 0)
        expect(view.warnings.map(({ message }) => message).join()).toContain('reading ended at byte');
    }
    expect(before).toBeGreaterThan(100);
  });

  it('with bytes changed ends as a result or an error value', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seeded(seed);
      const copy = packed.slice();
      copy[Math.floor(random() * copy.length)] ^= 1 << Math.floor(random() * 8);
      const view = await open('oom.pickle.gz', copy);
      expect(view.error?.code ?? 'read').not.toBe('internal');
    }
  });
});

describe('what is nothing of ours', () => {
  it('an empty file', async () => {
    const { error, format } = await open('x.pickle', '');
    expect([error?.code, format]).toEqual(['unrecognised', null]);
    expect(error?.message).toContain('empty');
  });

  it('noise: what was tried, and what each saw', async () => {
    const random = seeded(3);
    const noise = Uint8Array.from({ length: 5000 }, () => Math.floor(random() * 256));
    noise[0] = 0xfe;
    const { error } = await open('noise.bin', noise);
    expect(error?.code).toBe('unrecognised');
    expect(error?.message).toContain('no text');
    expect(error?.tried).toContain('PyTorch allocator snapshot (does not begin like a pickle)');
    expect(error?.tried).toContain('fe ');
    expect(error?.advice).toContain('_dump_snapshot');
  });

  it('a Git-LFS pointer: what to run', async () => {
    const { error } = await open(
      'big.pickle',
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n',
    );
    expect(error?.code).toBe('refused');
    expect(error?.message).toContain('Git-LFS pointer');
    expect(error?.advice).toContain('git lfs pull --include="big.pickle"');
  });

  it.each(['report.nsys-rep', 'old.qdrep', 'raw.qdstrm'])('%s: what to run', async (name) => {
    const { error } = await open(name, bytesOf(1, 2, 3, 0xfe, 'whatever'));
    expect(error?.code).toBe('refused');
    expect(error?.advice).toContain('nsys export --type=sqlite');
  });

  it('HDF5: what to export instead', async () => {
    const { error } = await open('x.h5', bytesOf(0x89, 'HDF\r\n', 0x1a, '\n', new Uint8Array(64)));
    expect(error?.code).toBe('refused');
    expect(error?.advice).toContain('nsys export');
  });

  it('a checkpoint (zip of a pickle that imports) gives no snapshot', async () => {
    const view = await open(
      'model.pt',
      zipOf('archive/data.pkl', bytesOf(0x80, 2, 'ccollections\nOrderedDict\n)R.')),
    );
    expect(view.error).not.toBeNull();
    expect(view.error?.code).not.toBe('internal');
    expect(view.devices).toEqual([]);
  });

  it('a pickle of something else', async () => {
    const view = await open(
      'x.pickle',
      bytesOf(0x80, 4, '}(', 0x8c, 1, 'a', 'K', 1, 0x8c, 1, 'b', 'K', 2, 'u.'),
    );
    expect(view.error?.code).toBe('unrecognised');
    expect(view.rows).toBe(0);
  });

  it('a pickle that imports is refused as unsafe, not as unknown', async () => {
    const view = await open('model.bin', bytesOf(0x80, 2, 'ctorch._utils\n_rebuild_tensor_v2\nq', 0, ')R.'));
    expect(view.error?.code).toBe('unsafe-pickle');
    expect(view.error?.advice).toContain('_dump_snapshot');
  });
});

describe('cancelling', () => {
  it('ends as an error value, with no device', async () => {
    for (const cancelAfter of [0, 1]) {
      const view = await open('oom.pickle', fixtureBytes('oom.pickle'), cancelAfter);
      expect(view.error?.code).toBe('cancelled');
      expect(view.devices).toEqual([]);
      expect(view.rows).toBe(0);
    }
  });

  it('stops a packed file too', async () => {
    const view = await open('oom.pickle.gz', gzipSync(fixtureBytes('oom.devices.pickle')), 1);
    expect(view.error?.code).toBe('cancelled');
  });

  it('of another job stops nothing', async () => {
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    await engine.cancel(99);
    const [view] = await engine.open(
      1,
      new BytesSource('oom.pickle', fixtureBytes('oom.pickle')),
      () => undefined,
    );
    expect(view.error).toBeNull();
  });
});

/** A zip archive of one deflated entry; sizes and checksum as a writer puts them. */
function zipOf(name: string, content: Uint8Array): Uint8Array {
  const data = deflateRawSync(content);
  const header = (signature: number, size: number): DataView<ArrayBuffer> => {
    const view = new DataView(new ArrayBuffer(size));
    view.setUint32(0, signature, true);
    return view;
  };
  let crc = ~0;
  for (const byte of content) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const local = header(0x04034b50, 30);
  const central = header(0x02014b50, 46);
  const end = header(0x06054b50, 22);
  for (const [view, at] of [
    [local, 8],
    [central, 10],
  ] as const) {
    view.setUint16(at, 8, true);
    view.setUint32(at + 6, ~crc >>> 0, true);
    view.setUint32(at + 10, data.length, true);
    view.setUint32(at + 14, content.length, true);
    view.setUint16(at + 18, name.length, true);
  }
  const offset = 30 + name.length + data.length;
  end.setUint16(8, 1, true);
  end.setUint16(10, 1, true);
  end.setUint32(12, 46 + name.length, true);
  end.setUint32(16, offset, true);
  const part = (view: DataView<ArrayBuffer>): Uint8Array => new Uint8Array(view.buffer);
  return bytesOf(part(local), name, data, part(central), name, part(end));
}
