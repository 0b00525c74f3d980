/** Recordings beside logs: marks of iterations from a request log, settings in force, runs that only overlap. */
import { describe, expect, it } from 'vitest';
import { diagnoseFiles, GIB, MIB } from '../diagnose/logs-for-test.ts';
import { bytesOf, dict, list, long, pickle, text } from '../read/snapshot/pickle-bytes.ts';

/** 2026-03-20 12:00:00 UTC, in microseconds. */
const NOON_US = BigInt(Date.UTC(2026, 2, 20, 12)) * 1000n;

const event = (action: string, address: bigint, size: number, seconds: number): Uint8Array =>
  dict({
    action: text(action),
    addr: long(address),
    size: long(BigInt(size)),
    stream: bytesOf(0x4b, 0),
    time_us: long(NOON_US + BigInt(Math.round(seconds * 1e6))),
  });

/** A snapshot of device 0 with these events and `expandable_segments` as given. */
const recording = (events: readonly Uint8Array[], expandable = false): Uint8Array =>
  pickle(
    dict({
      segments: list(),
      device_traces: list(list(...events)),
      allocator_settings: dict({ expandable_segments: bytesOf(expandable ? 0x88 : 0x89) }),
    }),
  );

/** MiB; unlike ones, so that steps can be told apart. */
const sizeOf = (i: number, step: number): number => 20 + step * ((i * i * 13 + i) % 97);

/** Segments of unlike sizes at these seconds, one allocation in each, none freed. */
const growing = (seconds: readonly number[], step = 2): Uint8Array[] =>
  seconds.flatMap((second, i) => {
    const address = BigInt(1 + i) * BigInt(GIB);
    const size = sizeOf(i, step) * MIB;
    return [event('segment_alloc', address, size, second), event('alloc', address, size, second + 0.001)];
  });

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a request log beside a recording in which nothing comes back', () => {
  const at = (seconds: number, hours: number): string =>
    new Date(Date.UTC(2026, 2, 20, 12 + hours) + seconds * 1000).toISOString().replace('T', ' ').slice(0, 23);
  const log = (hours: number): string =>
    range(6)
      .map(
        (i) =>
          `${at(2.25 + 3 * i, hours)} INFO request id=req-${i} input_tokens=${100 + i} output_tokens=5 status=ok\n`,
      )
      .join('');
  const events = recording(growing(range(20).map((i) => i)));

  it.each([0, 2, -5])('marks its iterations, in its own time zone (%i h)', async (hours) => {
    const { devices, clocks } = await diagnoseFiles({ 'x.pickle': events, 'requests.log': log(hours) });
    expect(clocks[1]).toMatchObject({ status: 'inside', offsetNs: BigInt(-hours) * 3_600_000_000_000n });
    expect(devices[0].iterations).toMatchObject({ method: 'markers', count: 6 });
    // The first request ended at 2.25 s: the next thing that happens is at 3 s.
    expect(devices[0].iterations.startsNs[0]).toBe(3e9);
  });

  it('does not where the log is of another hour and minute', async () => {
    const other = log(0).replaceAll(' 12:00:', ' 12:07:');
    const { devices, clocks } = await diagnoseFiles({ 'x.pickle': events, 'requests.log': other });
    expect(clocks[1].status).toBe('not found');
    expect(devices[0].iterations.method).not.toBe('markers');
  });
});

describe('two recordings that overlap in time on one GPU', () => {
  it('are two processes, and do not contradict each other', async () => {
    const seconds = range(20).map((i) => i);
    const { contradictions } = await diagnoseFiles({
      'a.pickle': recording(growing(seconds)),
      'b.pickle': recording(
        growing(
          seconds.map((second) => second + 0.37),
          4,
        ),
      ),
    });
    expect(contradictions).toEqual([]);
  });
});

describe('a monitor of two GPUs beside a process that sees the second as its first', () => {
  // Several between two samples and none between others: steps once a second would fit at many offsets.
  const TIMES = range(30).map((i) => 0.2 + i * 1.3 + ((i * i * 7) % 19) / 17);
  /** Reserved at each half second past, MiB, and 500 MiB of context. */
  const used = (second: number, step: number): number =>
    TIMES.reduce((sum, time, i) => sum + (time <= second + 0.5 ? sizeOf(i, step) : 0), 500);
  const smi = (of: (second: number) => readonly [number, number]): string => {
    const rows = range(42).flatMap((second) =>
      of(second).map(
        (mebibytes, gpu) =>
          `2026/03/20 12:00:${String(second).padStart(2, '0')}.500, ${gpu}, ${mebibytes} MiB, 81559 MiB`,
      ),
    );
    return `timestamp, index, memory.used [MiB], memory.total [MiB]\n${rows.join('\n')}\n`;
  };
  const events = recording(growing(TIMES));

  it('is held against the GPU whose steps are its own', async () => {
    const { contradictions, clocks } = await diagnoseFiles({
      'x.pickle': events,
      'smi.csv': smi((second) => [4, used(second, 2)]),
    });
    expect(clocks[1].status).toBe('found');
    expect(contradictions).toEqual([]);
  });

  it('and contradicts where that GPU is said to use less than was reserved', async () => {
    const { contradictions } = await diagnoseFiles({
      'x.pickle': events,
      'smi.csv': smi((second) => [4, used(second, 2) - (second === 15 ? 700 : 0)]),
    });
    expect(contradictions.map(({ kind, count }) => [kind, count])).toEqual([['used_below_reserved', 1]]);
  });
});

describe('an out-of-memory message beside a recording', () => {
  const oom =
    'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has a total capacity of 79.2 GiB of which 500 MiB is free. Including non-PyTorch memory, this process has 78.6 GiB memory in use. Of the allocated memory 72 GiB is allocated by PyTorch, and 5 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for Memory Management\n';
  const remedyUnder = async (expandable: boolean): Promise<string> => {
    const { findings } = await diagnoseFiles({
      'x.pickle': recording(growing([0, 1, 2]), expandable),
      'oom.txt': oom,
    });
    return findings.find(({ id }) => id === 'log-out-of-memory')!.remedy!;
  };

  it('is not answered with what is in force', async () => {
    expect(await remedyUnder(true)).not.toContain('expandable_segments');
    expect(await remedyUnder(false)).toBe('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True');
  });
});
