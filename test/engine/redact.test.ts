/** A snapshot without names: every figure stays to the byte, and no name of the original is in its bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { bytesOf, dict, list, long, pickle, text } from '../read/snapshot/pickle-bytes.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const FIXTURES = join(import.meta.dirname, '../fixtures');

async function opened(
  name: string,
  bytes: Uint8Array,
): Promise<{ engine: Engine; analysis: Analysis; id: number }> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [view] = await engine.open(0, new BytesSource(name, bytes), () => undefined);
  return { engine, analysis: await engine.analysis(), id: view.id };
}

async function redacted(
  bytes: Uint8Array,
  functions = false,
): Promise<{ before: Analysis; after: Analysis; pickle: Uint8Array }> {
  const { engine, analysis: before, id } = await opened('original.pickle', bytes);
  const answer = await engine.redacted(id, { functions });
  if (!answer.ok) throw new Error(answer.error.message);
  const [first] = answer.value;
  return { before, after: (await opened('redacted.pickle', first)).analysis, pickle: first };
}

/** Names in the order in which they are met, so that two documents agree where only names differ. */
const figures = ({ devices, growth, ledger, lines, findings, pins }: Analysis) => ({
  devices: devices.map(({ span_ns: _span, ...rest }) => rest),
  growth: growth.map(({ name: _name, statistic: _statistic, ...rest }) => rest),
  ledger,
  lines: lines.map(({ lines: all, ...rest }) => ({
    ...rest,
    // Of lines that hold as much the one whose name comes first is first.
    lines: all.map(({ line, bytes, allocations }) => `${bytes} bytes, ${allocations} at line ${line}`).sort(),
  })),
  findings: findings.map(({ id, severity, confidence, gain_bytes: gain }) => ({
    id,
    severity,
    confidence,
    gain,
  })),
  pins: pins.map(({ pinned_bytes: pinned, alone_bytes: alone }) => ({ pinned, alone })),
});

describe.each([
  ['samples/leak', join(SAMPLES, 'leak.pickle.gz')],
  ['pairs/batch.a', join(FIXTURES, 'pairs/batch.a.pickle.gz')],
  ['pairs/expandable.b', join(FIXTURES, 'pairs/expandable.b.pickle.gz')],
])('%s', (_name, path) => {
  it.each([false, true])('has the same figures without its names (functions too: %s)', async (functions) => {
    const { before, after, pickle: bytes } = await redacted(new Uint8Array(readFileSync(path)), functions);
    expect(figures(after)).toEqual(figures(before));
    expect(after.sources[0].rows).toBe(before.sources[0].rows);
    const written = Buffer.from(bytes).toString('latin1');
    for (const { lines } of before.lines)
      for (const { file, function: name } of lines) {
        if (file === null) continue;
        const folder = file.slice(0, file.lastIndexOf('/') + 1);
        if (folder.length > 1) expect(written).not.toContain(folder);
        if (functions && name !== null && /[a-z]_[a-z]/.test(name)) expect(written).not.toContain(name);
      }
    expect(written).not.toMatch(/\/(?:home|root|opt|Users|data)\//);
  });
});

describe('names of a made-up program', () => {
  const frame = (name: string, filename: string, line: number) =>
    dict({ name: text(name), filename: text(filename), line: bytesOf(0x4b, line) });
  const event = (action: string, addr: bigint, size: bigint, ...frames: Uint8Array[]) =>
    dict({
      ...{ action: text(action), addr: long(addr), size: long(size), stream: bytesOf(0x4b, 0) },
      ...{
        frames: list(...frames),
        user_metadata: text('SECRET-METADATA'),
        compile_context: text('SECRET-CONTEXT'),
      },
    });
  const file = pickle(
    dict({
      segments: list(),
      device_traces: list(
        list(
          event('segment_alloc', 0x7f0000000000n, 20_971_520n),
          event(
            'alloc',
            0x7f0000000000n,
            5_000_000n,
            frame('linear', '/home/SECRET-USER/venv/lib/python3.12/site-packages/torch/nn/functional.py', 9),
            frame(
              'call',
              '/tmp/torchinductor_SECRET-USER/ab/cabcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstu.py',
              4,
            ),
            frame('secret_layer', '/home/SECRET-USER/SECRET-PROJECT/model.py', 12),
            frame('main', 'C:\\Users\\SECRET-USER\\other\\model.py', 12),
            frame('load', '/srv/SECRET-HOST/site-packages/SECRET-PACKAGE/io.py', 3),
          ),
          event(
            'alloc',
            0x7f0000500000n,
            5_000_000n,
            frame('secret_layer', '/home/SECRET-USER/copy/model.py', 12),
          ),
        ),
      ),
      external_annotations: list(
        dict({
          stage: text('START'),
          name: text('SECRET-ANNOTATION'),
          device: bytesOf(0x4b, 0),
          time_us: long(1n),
        }),
      ),
      allocator_settings: dict({
        PYTORCH_CUDA_ALLOC_CONF: text('max_split_size_mb:64'),
        note: text('run by SECRET-USER@SECRET-HOST/'),
      }),
      hostname: text('SECRET-HOST'),
    }),
  );

  it('are gone, the public ones stay, and two files of one name stay two', async () => {
    const { after, pickle: bytes } = await redacted(file);
    const written = Buffer.from(bytes).toString('latin1');
    expect(written).not.toContain('SECRET');
    expect(written).toContain('torch/nn/functional.py');
    expect(written).toContain('secret_layer');
    expect(written).toContain('model~2.py');
    expect(written).toContain('max_split_size_mb:64');
    const { lines } = after.lines[0];
    expect(lines.map(({ place }) => place).sort()).toEqual([
      'secret_layer  model.py:12',
      expect.stringMatching(/^secret_layer {2}model~\d\.py:12$/),
    ]);
  });

  it('functions go, too, where that is asked for', async () => {
    const { pickle: bytes } = await redacted(file, true);
    const written = Buffer.from(bytes).toString('latin1');
    expect(written).not.toMatch(/SECRET|secret_layer|model/);
    expect(written).toContain('linear');
  });

  it('the search finds a name that is there', () => {
    expect(Buffer.from(file).toString('latin1')).toContain('SECRET');
  });
});

describe('refused', () => {
  it.each([
    ['a part is missing', (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1), /could not be read/],
    ['no snapshot', () => new TextEncoder().encode('7420 512\n8012 256\n6100 300\n'), /no PyTorch snapshot/],
  ])('%s', async (_why, change, why) => {
    const { engine, id } = await opened(
      'x',
      change(new Uint8Array(readFileSync(join(SAMPLES, 'leak.pickle.gz')))),
    );
    const answer = await engine.redacted(id, { functions: false });
    expect(answer.ok ? '' : answer.error.message).toMatch(why);
  });
});
