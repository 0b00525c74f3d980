import { describe, expect, it } from 'vitest';
import { exactly, measuredOf, type Measured } from '../../src/analyze/server-waterfall-figures.ts';
import { findProfilingResults, findSnapshots } from '../../src/analyze/vllm-memory-snapshot-text.ts';
import {
  checkProfiling,
  checkSnapshot,
  kvCacheMemory,
  memoryCategories,
  profileArithmetic,
  requestedMemory,
  subtractSnapshots,
  type VllmMemorySnapshot,
} from '../../src/analyze/vllm-memory-snapshot.ts';

const GIB = 2 ** 30;
/** A snapshot as measure() makes it, in GiB. */
function snapshot(
  total: number,
  free: number,
  reserved: number,
  peak: number,
  allocated = reserved,
): VllmMemorySnapshot {
  const exact = (value: number): Measured => exactly(value * GIB);
  return {
    torch_peak: exact(peak),
    torch_allocated: exact(allocated),
    free_memory: exact(free),
    total_memory: exact(total),
    cuda_memory: exact(total - free),
    torch_memory: exact(reserved),
    non_torch_memory: exact(total - free - reserved),
    timestamp_s: 100,
  };
}

/** The quantitative example in the documentation of memory_profiling(). */
const beforeCreate = snapshot(10, 9, 0, 0);
const beforeProfile = snapshot(10, 6.5, 2, 2);
const afterProfile = { ...snapshot(10, 5, 3, 4), timestamp_s: 103.5 };

describe("vLLM's three categories", () => {
  it('are those of its own example, at each moment', () => {
    const inGib = (moment: VllmMemorySnapshot): number[] => {
      const categories = memoryCategories(beforeCreate, moment)!;
      expect(categories.adds_up).toBe(true);
      return [categories.others, categories.torch, categories.non_torch].map(({ value }) => value / GIB);
    };
    expect(inGib(beforeCreate)).toEqual([1, 0, 0]);
    expect(inGib(beforeProfile)).toEqual([1, 2, 0.5]);
    expect(inGib(afterProfile)).toEqual([1, 3, 1]);
  });

  it('do not add up where a snapshot contradicts itself, and are not made up where a field is missing', () => {
    const wrong = { ...afterProfile, cuda_memory: exactly(6 * GIB) };
    expect(memoryCategories(beforeCreate, wrong)!.adds_up).toBe(false);
    expect(memoryCategories(beforeCreate, { ...afterProfile, cuda_memory: null })!.adds_up).toBeNull();
    expect(memoryCategories(beforeCreate, { ...afterProfile, torch_memory: null })).toBeNull();
  });

  it('finds a figure that breaks an identity, and none within the printed digits', () => {
    expect(checkSnapshot(afterProfile).map(({ holds }) => holds)).toEqual([true, true]);
    const printed = (value: number): Measured =>
      measuredOf({ value: Math.round(value * GIB), granularity: GIB / 100 });
    const near = { ...afterProfile, cuda_memory: printed(5.005), torch_memory: printed(3) };
    expect(checkSnapshot(near).map(({ holds }) => holds)).toEqual([true, true]);
    const far = { ...afterProfile, cuda_memory: printed(5.02), torch_memory: printed(3) };
    expect(checkSnapshot(far).map(({ holds }) => holds)).toEqual([false, false]);
    expect(checkSnapshot({ ...afterProfile, cuda_memory: null })).toEqual([]);
  });
});

describe('before, after, difference', () => {
  it('subtracts every field, and leaves out what one of them lacks', () => {
    const difference = subtractSnapshots(afterProfile, beforeProfile);
    expect(difference.torch_peak).toEqual(exactly(2 * GIB));
    expect(difference.free_memory).toEqual(exactly(-1.5 * GIB));
    expect(difference.non_torch_memory).toEqual(exactly(0.5 * GIB));
    expect(difference.timestamp_s).toBe(3.5);
    const old = { ...beforeProfile, torch_allocated: null, timestamp_s: null };
    expect(subtractSnapshots(afterProfile, old)).toMatchObject({ torch_allocated: null, timestamp_s: null });
  });

  it('gives 5 GiB for what is not KV cache by both rules of its versions', () => {
    const weights = exactly(2 * GIB);
    const both = profileArithmetic({ beforeCreate, beforeProfile, afterProfile, weights });
    expect(both.map(({ rule }) => rule)).toEqual(['increase', 'consumed']);
    expect(both[0].terms.map(({ bytes }) => bytes.value / GIB)).toEqual([2, 2, 1]);
    expect(both[1].terms.map(({ bytes }) => bytes.value / GIB)).toEqual([4, 1]);
    for (const { non_kv_cache_memory } of both) expect(non_kv_cache_memory).toEqual(exactly(5 * GIB));
    const old = { ...afterProfile, torch_allocated: null };
    const one = profileArithmetic({ beforeCreate, beforeProfile, afterProfile: old, weights: null });
    expect(one).toEqual([]);
  });

  it('leaves the KV cache what was requested less that, and less the graphs set aside', () => {
    const requested = requestedMemory(exactly(10 * GIB), 0.9);
    expect(requested).toEqual({ value: 9 * GIB, error: 1 });
    expect(kvCacheMemory(requested, exactly(5 * GIB)).value).toBe(4 * GIB);
    expect(kvCacheMemory(requested, exactly(5 * GIB), exactly(GIB)).value).toBe(3 * GIB);
    // 85,899,345,921 bytes x 0.9 is no whole number: vLLM rounds up.
    expect(requestedMemory(exactly(85899345921), 0.9).value).toBe(77309411329);
  });
});

const LINE =
  'torch_peak=1.2GiB, free_memory=78.5GiB, total_memory=79.11GiB, cuda_memory=0.61GiB, torch_memory=0.0GiB, non_torch_memory=0.61GiB, timestamp=1786000000.25, auto_measure=True';

describe('snapshots in text', () => {
  it('reads what the class prints of itself, in GiB to two digits, with the words before it', () => {
    const text = `x\n(Worker_TP0 pid=9) DEBUG 08-01 23:20:02 [gpu_worker.py:301] worker init memory snapshot: ${LINE}\ny`;
    const [{ snapshot: found, label, index }] = findSnapshots(text);
    expect(label).toBe('worker init memory snapshot');
    expect(text.slice(index, index + 10)).toBe('torch_peak');
    expect(found.torch_peak).toEqual({ value: Math.round(1.2 * GIB), error: GIB / 200 + 0.5 });
    expect(found.torch_memory).toEqual({ value: 0, error: GIB / 200 + 0.5 });
    expect(found.timestamp_s).toBe(1786000000.25);
    expect(found.torch_allocated).toBeNull();
    expect(checkSnapshot(found).every(({ holds }) => holds)).toBe(true);
  });

  it('reads whole bytes of older versions exactly, other platforms, and several on one line', () => {
    const [{ snapshot: bytes, label }] = findSnapshots(
      'before = MemorySnapshot(torch_peak=0, cuda_memory=524288000, torch_memory=2097152, non_torch_memory=522190848, timestamp=1.5)',
    );
    expect(label).toBe('before');
    expect(bytes.cuda_memory).toEqual(exactly(524288000));
    expect(bytes.total_memory).toBeNull();
    expect(checkSnapshot(bytes)).toMatchObject([{ holds: true, apart: { value: 0 } }]);
    const rocm = findSnapshots(LINE.replace('cuda_memory', 'rocm_memory'));
    expect(rocm[0].snapshot.cuda_memory!.value).toBe(Math.round(0.61 * GIB));
    const two = findSnapshots(`before ${LINE}; after ${LINE.replace('1.2GiB', '3.4GiB')}`);
    expect(two.map(({ snapshot: { torch_peak } }) => torch_peak!.value)).toEqual([
      Math.round(1.2 * GIB),
      Math.round(3.4 * GIB),
    ]);
    expect(two.map(({ label: each }) => each)).toEqual(['before', 'after']);
  });

  it('takes neither source code nor figures that were made unreadable', () => {
    expect(findSnapshots('torch_peak=self.torch_peak - other.torch_peak,\n free_memory=1')).toEqual([]);
    const [{ snapshot: found }] = findSnapshots(LINE.replace('79.11GiB', '7x.11GiB'));
    expect(found.total_memory).toBeNull();
    expect(found.free_memory).not.toBeNull();
  });
});

describe('profiling results in text', () => {
  const result =
    'Memory profiling takes 3.50 seconds. Total non KV cache memory: 9.8GiB; torch peak memory increase: 1.2GiB; non-torch forward increase memory: 0.1GiB; weights memory: 8.5GiB.';

  it('reads the result and finds that it is the sum of its terms', () => {
    const [{ result: found }] = findProfilingResults(`DEBUG 08-01 23:20:02 [gpu_worker.py:3] ${result}`);
    expect(found.profile_time_s).toBe(3.5);
    expect(found.weights_memory!.value).toBe(Math.round(8.5 * GIB));
    expect(checkProfiling(found)).toMatchObject({ rule: 'increase', holds: true });
  });

  it('finds that it is not, from more than the digits leave open', () => {
    const off = (total: string): boolean =>
      checkProfiling(findProfilingResults(result.replace('9.8GiB', total))[0].result)!.holds;
    expect(off('9.82GiB')).toBe(true);
    expect(off('9.83GiB')).toBe(false);
  });

  it('knows the newer form, whose transient peak is not printed', () => {
    const newer =
      'Total non KV cache memory: 9.8GiB; torch peak memory increase: 1.2GiB; total consumed (from mem_get_info): 8.9GiB; weights memory: 8.5GiB.';
    const [{ result: found }] = findProfilingResults(newer);
    expect(found.non_torch_increase).toBeNull();
    expect(checkProfiling(found)).toMatchObject({ rule: 'consumed', holds: true });
    const less = findProfilingResults(newer.replace('9.8GiB', '8.8GiB'))[0].result;
    expect(checkProfiling(less)!.holds).toBe(false);
    expect(checkProfiling({ ...found, total_consumed: null })).toBeNull();
  });
});
