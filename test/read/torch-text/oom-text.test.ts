import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const KIB = 1024;
const MIB = KIB * 1024;
const GIB = MIB * 1024;
const gib = (value: number): number => Math.round(value * GIB);
const mib = (value: number): number => Math.round(value * MIB);
const fixture = readFileSync(new URL('../../fixtures/log/oom.txt', import.meta.url), 'utf8');

async function read(text: string) {
  const outcome = await readBytes(logReader, 'job.log', text);
  expect(outcome.error).toBeNull();
  expect(outcome.as?.format).toBe('oom-text');
  return outcome.data;
}
const eventsOf = async (text: string) => (await read(text)).readings!.events;
const figuresOf = async (text: string) => {
  const events = await eventsOf(text);
  expect(events).toHaveLength(1);
  return events[0].figures;
};

const OLD =
  'RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 3; 10.76 GiB total capacity; 9.58 GiB already allocated; 10.44 MiB free; 9.70 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF';
const NEW =
  'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 79.15 GiB of which 1.50 GiB is free. Process 4711 has 10.00 GiB memory in use. Process 42 has 512.00 MiB memory in use. Including non-PyTorch memory, this process has 67.10 GiB memory in use. Of the allocated memory 60.00 GiB is allocated by PyTorch, with 1.25 GiB allocated in private pools (e.g., CUDA Graphs), and 5.00 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.';
const NEW_FIGURES = {
  requested: gib(2),
  total: gib(79.15),
  free: gib(1.5),
  'process 4711': gib(10),
  'process 42': mib(512),
  process: gib(67.1),
  allocated: gib(60),
  private_pools: gib(1.25),
  reserved_unallocated: gib(5),
};

describe('every version of the message', () => {
  it('recorded, with a cap on the process', async () => {
    expect(await eventsOf(fixture)).toEqual([
      {
        kind: 'oom',
        time_ns: null,
        device: 0,
        offset: 0,
        text: fixture.trim(),
        figures: {
          requested: mib(300),
          total: gib(79.18),
          free: gib(74.71),
          process: gib(4.46),
          allowed: gib(3.96),
          allocated: gib(3.87),
          reserved_unallocated: mib(85),
        },
      },
    ]);
  });

  it('up to 2.0', async () => {
    expect(await figuresOf(OLD)).toEqual({
      requested: mib(20),
      total: gib(10.76),
      allocated: gib(9.58),
      free: mib(10.44),
      reserved: gib(9.7),
    });
    expect((await eventsOf(OLD))[0].device).toBe(3);
  });

  it('2.1, which misspells capacity', async () => {
    expect(
      await figuresOf(
        'CUDA out of memory. Tried to allocate 512 bytes. GPU 0 has a total capacty of 10.76 GiB of which 0 bytes is free. ',
      ),
    ).toEqual({ requested: 512, total: gib(10.76), free: 0 });
  });

  it('2.2 and later, with other processes and private pools', async () => {
    expect(await figuresOf(NEW)).toEqual(NEW_FIGURES);
    expect(await figuresOf(NEW.replaceAll('CUDA', 'HIP'))).toEqual(NEW_FIGURES);
    expect((await read(NEW.replaceAll('CUDA', 'XPU'))).producer).toContain('XPU');
  });

  it('of the asynchronous allocator, over several lines, where 2^64 means no limit', async () => {
    const text = [
      'torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)',
      'Currently allocated     : 9.43 GiB',
      'Requested               : 640.00 MiB',
      'Device limit            : 11.59 GiB',
      'Free (according to CUDA): 7.12 MiB',
      'PyTorch limit (set by user-supplied memory fraction)',
      '                        : 17179869184.00 GiB',
      '',
    ].join('\n');
    expect(await figuresOf(text)).toEqual({
      allocated: gib(9.43),
      requested: mib(640),
      total: gib(11.59),
      free: mib(7.12),
    });
    expect((await figuresOf(text.replace('17179869184.00', '8.00')))['allowed']).toBe(gib(8));
  });

  it('a figure below zero, printed as nearly 2^64', async () => {
    const { readings, warnings } = await read(
      NEW.replace('5.00 GiB is reserved', '17179869180.00 GiB is reserved'),
    );
    expect(readings!.events[0].figures['reserved_unallocated']).toBe(-4 * GIB);
    expect(warnings[0].message).toContain('reserved_unallocated');
  });

  it('2^64 - 1, "not available" of the driver, is no figure and never 0', async () => {
    const { readings } = await read(
      NEW.replace(/this process has [\d.]+ GiB/, 'this process has 17179869184.00 GiB'),
    );
    expect(readings!.events[0].text).toContain('17179869184.00');
    expect(readings!.events[0].figures).not.toHaveProperty('process');
    const none = await figuresOf(NEW.replace('5.00 GiB is reserved', '17179869184.00 GiB is reserved'));
    expect(none).not.toHaveProperty('reserved_unallocated');
  });

  it('"cached" is what is not allocated up to 1.2 and all that is reserved in 1.3: told apart by arithmetic', async () => {
    const old = (allocated: string, cached: string): string =>
      `CUDA out of memory. Tried to allocate 58.00 MiB (GPU 0; 11.17 GiB total capacity; ${allocated} already allocated; 47.44 MiB free; ${cached} cached)`;
    expect(await figuresOf(old('9.83 GiB', '9.97 GiB'))).toMatchObject({ reserved: gib(9.97) });
    expect(await figuresOf(old('9.83 GiB', '143.36 MiB'))).toMatchObject({
      reserved_unallocated: mib(143.36),
    });
    const either = await figuresOf(old('2.00 GiB', '4.00 GiB'));
    expect(either).toMatchObject({ cached: gib(4) });
    expect(either).not.toHaveProperty('reserved');
  });

  it('without figures: told as that', async () => {
    const { readings, warnings } = await read(
      'RuntimeError: CUDA error: out of memory\nAllocation on device',
    );
    expect(readings!.events.map(({ figures }) => figures)).toEqual([{}, {}]);
    expect(warnings).toHaveLength(2);
  });
});

describe('wherever it stands', () => {
  it('wrapped between words, within words, or with a prefix on every line', async () => {
    const words = NEW.split(' ');
    for (let width = 3; width < 12; width++) {
      const lines = Array.from({ length: Math.ceil(words.length / width) }, (_unused, i) =>
        words.slice(i * width, (i + 1) * width).join(' '),
      );
      if (lines.length > 12) continue;
      expect(await figuresOf(`before\n${lines.join('\n')}\nafter`)).toEqual(NEW_FIGURES);
      const prefixed = lines.map((line) => `ERROR 01-01 00:00:00 [core.py:1] ${line}`);
      expect(await figuresOf(prefixed.join('\n'))).toEqual(NEW_FIGURES);
    }
    for (const width of [80, 93, 120]) {
      const lines = NEW.match(new RegExp(`.{1,${width}}`, 'g'))!;
      expect(await figuresOf(lines.join('\n'))).toEqual(NEW_FIGURES);
    }
  });

  it('in two lines, as an article prints it, and not into the prose after', async () => {
    const events = await eventsOf(
      'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 256.00 MiB\n(GPU 0; 23.65 GiB total capacity; 22.89 GiB already allocated)\nThe memory was free before.',
    );
    expect(events[0].figures).toEqual({ requested: mib(256), total: gib(23.65), allocated: gib(22.89) });
    expect(events[0].text).toMatch(/already allocated\)$/);
  });

  it('in a traceback, after which other lines go on; its time is that of its line', async () => {
    const prefix = '2026-08-01 23:37:38,250 ERROR ';
    const data = await read(
      `Traceback (most recent call last):\n  File "x.py", line 1, in f\n${prefix}${NEW}\n${prefix}${NEW}\nstep 3 done`,
    );
    expect(data.readings!.events.map(({ time_ns }) => time_ns)).toEqual([
      1785627458250000000n,
      1785627458250000000n,
    ]);
    expect(data.readings!.clock).toBe('local');
    expect(data.notRecorded.join(' ')).toContain('1 of these 2 messages repeat an earlier one');
  });

  it('is no prose about it', async () => {
    const { error } = await readBytes(
      logReader,
      'x',
      'When it reports CUDA out of memory, the first instinct is wrong.',
    );
    expect(error?.code).toBe('unrecognised');
  });

  it('is recognised by its content alone', () => {
    expect(logReader.sniff(inputFromBytes('unknown', fixture).head).score).toBeGreaterThanOrEqual(0.8);
  });
});
