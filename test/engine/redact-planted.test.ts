/** Redaction against secrets planted wherever a snapshot has room for one: none of them is in the bytes that are written. */
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import { JsonPickle } from '../../src/read/snapshot/json-pickle.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';
import { BytesSource } from '../read/open-for-test.ts';

const SECRET = 'plantedsecret';
const HOME = '/home/planteduser';

function pickled(value: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const pickle = new JsonPickle();
  pickle.start();
  if (pickle.value(bytes, 0, bytes.length) !== bytes.length) throw new Error('That is no JSON.');
  pickle.stop();
  const pieces: Uint8Array[] = [];
  pickle.flush((piece) => pieces.push(piece.slice()));
  return new Uint8Array(Buffer.concat(pieces));
}

async function redacted(value: unknown, functions = false): Promise<Uint8Array> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [{ id }] = await engine.open(0, new BytesSource('x.pickle', pickled(value)), () => undefined);
  const answer = await engine.redacted(id, { functions });
  if (!answer.ok) throw new Error(answer.error.message);
  return new Uint8Array(Buffer.concat(answer.value));
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const frame = (filename: string, name = 'forward', line = 7): object => ({ filename, name, line });
const snapshot = (frames: readonly object[], more: object = {}, settings: object = {}): object => ({
  segments: [],
  device_traces: [
    [
      { action: 'segment_alloc', addr: 4096, size: 2097152, stream: 0, time_us: 4, frames: [] },
      { action: 'alloc', addr: 4096, size: 512, stream: 0, time_us: 5, frames, ...more },
    ],
  ],
  allocator_settings: settings,
  external_annotations: [{ device: 0, stage: 'START', name: `prompt ${SECRET}`, time_us: 5 }],
  hostname: SECRET,
});

async function framesOf(bytes: Uint8Array): Promise<string[]> {
  const { devices, stacks } = await snapshotOf(bytes);
  return stacks.stack(devices[0].events.stack_index[1]).map(({ name, filename }) => `${name} ${filename}`);
}

describe('redaction', () => {
  it.each([
    ['a path', snapshot([frame(`${HOME}/${SECRET}/train.py`)])],
    ['a path of Windows', snapshot([frame(`C:\\Users\\${SECRET}\\train.py`)])],
    ["a path in a lambda's name", snapshot([frame('x.cpp', `f(lambda at ${HOME}/${SECRET}/a.cpp:3)`)])],
    ["a path in a name of PyTorch's", snapshot([frame('??', `at::f<lambda at ${HOME}/${SECRET}/a.cpp:3>`)])],
    ['the folder of a cache', snapshot([frame(`/tmp/torchinductor_${SECRET}/ab/cab.py`)])],
    ['a folder in a cache', snapshot([frame(`/tmp/torchinductor_x/${SECRET}/cab.py`)])],
    ['an installed package', snapshot([frame(`/v/lib/python3.12/site-packages/${SECRET}/model.py`)])],
    ['a folder above PyTorch', snapshot([frame(`${HOME}/${SECRET}/lib/site-packages/torch/_tensor.py`)])],
    ["a folder like Python's", snapshot([frame(`/x/python3/${SECRET}/a.py`)])],
    ["a folder like PyTorch's", snapshot([frame(`${HOME}/torch/nn/${SECRET}/a.py`)])],
    ["a folder like the interpreter's", snapshot([frame(`${HOME}/Modules/${SECRET}/a.c`)])],
    ['metadata', snapshot([], { user_metadata: SECRET, internal_metadata: SECRET, compile_context: SECRET })],
    ['printed frames', snapshot([], { forward_frames: [`File "${HOME}/${SECRET}.py", line 3, in f`] })],
    ['a value of a setting', snapshot([], {}, { PYTORCH_CUDA_ALLOC_CONF: `backend:${SECRET}` })],
    ['a setting that is none', snapshot([], {}, { owner: SECRET })],
    ['the name of a setting', snapshot([], {}, { [SECRET]: 1 })],
  ])('leaves out %s', async (_what, value) => {
    expect(textOf(pickled(value))).toContain(SECRET);
    for (const functions of [false, true]) {
      const text = textOf(await redacted(value, functions));
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('planteduser');
    }
  });

  it('keeps the settings that are known', async () => {
    const conf = 'expandable_segments:True,roundup_power2_divisions:[256:1,512:2,>:4],backend:native';
    const text = textOf(
      await redacted(snapshot([], {}, { PYTORCH_CUDA_ALLOC_CONF: conf, max_split_size: -1 })),
    );
    expect(text).toContain(conf);
    expect(text).toContain('max_split_size');
  });

  it('keeps whose a frame is, and operators that look like paths', async () => {
    const frames = [
      frame('/v/lib/python3.12/site-packages/torch/nn/modules/linear.py'),
      frame('/usr/lib/python3.12/concurrent/futures/thread.py', 'run'),
      frame('??', 'at::operator/(at::Tensor const&)'),
      frame('/tmp/torchinductor_me/ab/cab.py', 'call'),
    ];
    const told = await framesOf(await redacted(snapshot(frames)));
    expect(told.sort()).toEqual([
      'at::operator/(at::Tensor const&) ??',
      'call torchinductor_x/cab.py',
      'forward torch/nn/modules/linear.py',
      'run python3.12/thread.py',
    ]);
  });
});
