import { count, list } from '../../../src/base/words.ts';
import { describe, expect, it } from 'vitest';
import type { RangeAnswer, SourceView } from '../../../src/engine/protocol.ts';
import { errorWords } from '../../../src/view/shell/error-words.ts';
import { stackFrames, stackText } from '../../../src/view/parts/stack.ts';
import {
  describeDevice,
  describeEvents,
  describeProgress,
  describeRange,
  describeRanOn,
  describeSource,
  describeStatus,
  deviceHint,
  formatInstant,
  formatX,
  wallTime,
} from '../../../src/view/parts/words.ts';
import { device } from '../device/device-for-test.ts';

const WHOLE = { from: 0, to: 4.4e9 };

it('counts and lists as people do', () => {
  expect([count(1, 'event'), count(52103, 'event'), count(2, 'retry', 'retries')]).toEqual([
    '1 event',
    '52,103 events',
    '2 retries',
  ]);
  expect([list([]), list(['a']), list(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c']);
});

it('moments are told to the precision of the view', () => {
  const moments = [830, 12_345, 12_345_678, 1_234_567_891];
  const told = (step?: number): string[] => moments.map((ns) => formatInstant(ns, step));
  expect(told()).toEqual(['830 ns', '12.3 µs', '12.3 ms', '1.235 s']);
  expect(told(1000)).toEqual(['830 ns', '12.3 µs', '12.346 ms', '1.234568 s']);
  expect(told(1)).toEqual(['830 ns', '12.345 µs', '12.345678 ms', '1.234567891 s']);
  // Neighbouring pixels of a view differ, and a wide view has no more digits than it can show.
  const view = { from: 5.38e9, to: 5.39e9 };
  expect([formatX('time', 5.382524e9, view), formatX('time', 5.382534e9, view)]).toEqual([
    '5.38252 s',
    '5.38253 s',
  ]);
  expect(formatX('time', 5.382524e9, { from: 0, to: 60e9 })).toBe('5.38 s');
});

it('wall-clock times keep their microseconds, whatever the time zone', () => {
  expect(wallTime(1_795_252_313_536_412_789n, 'wall')).toMatch(/^2026-11-2\d \d\d:\d\d:53\.536412$/);
  expect(wallTime(5n, 'session')).toBeNull();
});

describe('the header', () => {
  it('says what the file is', () => {
    const source = {
      formatTitle: 'PyTorch allocator snapshot',
      producer: 'PyTorch 2.10 or newer',
      bytes: 1_907_186,
      rows: 20_000,
      milliseconds: 213,
    } as SourceView;
    expect(describeSource(source, 'binary')).toBe(
      'PyTorch allocator snapshot, written by PyTorch 2.10 or newer. 1.82 MiB, 20,000 rows, read in 213.0 ms.',
    );
  });

  it.each([
    ['nvidia-smi', 'nvidia-smi, driver 580.1.2', 'nvidia-smi, driver 580.1.2. '],
    ['SGLang log', 'SGLang', 'SGLang log. '],
    ['vLLM log', 'vLLM 0.10.2', 'vLLM log, written by vLLM 0.10.2. '],
    ['', '', 'A file of unknown format. '],
  ])('says it once: "%s", "%s"', (formatTitle, producer, words) => {
    const source = { formatTitle, producer, bytes: 1, rows: 1, milliseconds: 1 } as SourceView;
    expect(describeSource(source, 'binary').startsWith(words)).toBe(true);
  });

  it('says what the device is and what was recorded of it', () => {
    const sentences = ['1,000 events over 4.40 s on 2 streams.'];
    expect(describeDevice(device({ clock: 'session', sentences }), 'binary')).toBe(
      'GPU 0 (NVIDIA H100 80GB HBM3, 79.2 GiB). 1,000 events over 4.40 s on 2 streams.',
    );
    expect(describeDevice(device(), 'binary')).toMatch(/GiB\), recorded from 2026-11-2\d \d\d:\d\d:53\.$/);
    expect(describeDevice(device({ clock: 'none', name: null, totalBytes: null }), 'binary')).toBe(
      'GPU 0. The file has no times: events are counted instead.',
    );
  });

  it('lists events by how many there were, and none that never came', () => {
    expect(describeEvents({ oom: 0, alloc: 10, free_completed: 9_000 })).toBe(
      '9,000 free_completed, 10 alloc',
    );
  });
});

describe('the range in words', () => {
  const answer = { rows: [100, 350] } as unknown as RangeAnswer;
  it.each([
    [null, 'time', 'Whole recording: 4.40 s, 250 events'],
    [{ from: 1e9, to: 2.5e9 }, 'time', 'Chosen range: 1.000 s to 2.500 s (1.50 s), 250 events'],
    [null, 'event', 'Whole recording: events 0 to 999'],
    [{ from: 100.4, to: 349.2 }, 'event', 'Chosen range: events 100 to 349, 250 events'],
  ] as const)('%o on the axis of %s', (selection, axis, expected) => {
    const whole = axis === 'time' ? WHOLE : { from: 0, to: 1000 };
    expect(describeRange(selection, axis, whole, answer)).toBe(expected);
  });
});

it('progress is told in bytes with its stage', () => {
  const progress = { job: 1, file: 'a', stage: 'reading', doneBytes: 2 ** 20, totalBytes: 2 ** 22 };
  expect(describeProgress(progress, 'binary')).toBe('reading, 1 MiB of 4 MiB');
  expect(describeProgress({ ...progress, totalBytes: 0 }, 'binary')).toBe('reading, 1 MiB');
});

it('the status line says which ran, and why', () => {
  expect(describeRanOn({ where: 'gpu', reason: 'asked for', milliseconds: 12.4 })).toBe(
    'Timeline on the GPU in 12.4 ms: asked for',
  );
  expect(describeStatus({ gpu: 'software', adapter: 'SwiftShader', mode: 'auto' })).toContain('in software');
  expect(describeStatus({ gpu: 'absent', adapter: 'no adapter', mode: 'auto' })).toBe(
    'GPU: none (no adapter)',
  );
});

describe('errors', () => {
  const error = {
    code: 'corrupt',
    message: 'Bad opcode 0x00.',
    file: 'a.pickle',
    format: 'torch-snapshot',
    offset: 12345,
    advice: null,
  } as const;

  it('name the file, the format that was tried and the byte', () => {
    expect(errorWords(error).where).toBe('a.pickle, read as torch-snapshot, at byte 12,345');
    expect(errorWords({ ...error, format: null, offset: null }).where).toBe(
      'a.pickle, format not recognised',
    );
  });

  it('advise what the reader advises, else what is known of the code', () => {
    expect(errorWords({ ...error, advice: 'Run git lfs pull.' }).advice).toBe('Run git lfs pull.');
    expect(errorWords(error).advice).toMatch(/Copy the file again/);
  });
});

it('stacks set the user’s own frames apart', () => {
  const frames = stackFrames([
    { name: 'at::empty', filename: '??', line: 0 },
    { name: 'silu', filename: '/usr/lib/python3.12/site-packages/torch/nn/functional.py', line: 2397 },
    { name: 'forward', filename: '/home/user/model.py', line: 103 },
    { name: 'runpy', filename: '<frozen runpy>', line: 88 },
  ]);
  expect(frames.map(({ library }) => library)).toEqual([true, true, false, true]);
  expect(frames[1].short).toBe('torch/nn/functional.py:2397');
  const [model] = stackFrames([
    { name: 'f', filename: '/v/lib/python3.12/site-packages/transformers/a.py', line: 1 },
  ]);
  expect(model).toMatchObject({ library: false, short: 'transformers/a.py:1' });
  expect(stackText(frames.slice(0, 3))).toBe(
    'at::empty\nsilu (/usr/lib/python3.12/site-packages/torch/nn/functional.py:2397)\nforward (/home/user/model.py:103)',
  );
});

it('the panel says what can be clicked, and nothing that is not there', () => {
  const nsys = device({ producer: 'nsys', hasStacks: false, kernels: { count: 4, outside: 0 } });
  expect(deviceHint(nsys)).toContain('Click the kernels');
  expect(deviceHint(nsys)).not.toContain('Who holds it');
  expect(deviceHint(device())).toContain('Who holds it');
  expect(deviceHint(device())).not.toContain('kernels');
});
