import { describe, expect, it } from 'vitest';
import { amountsIn } from '../../../src/base/amounts.ts';
import { type Measured, exactly, measuredOf } from '../../../src/base/measured.ts';
import { rankNamed } from '../../base/rank-for-test.ts';
import { logReader } from '../../../src/read/log.ts';
import { readBytes } from '../../read/open-for-test.ts';
import { type VllmMemoryAccount } from '../../../src/analyze/server/vllm-memory-account.ts';
import { vllmMemoryAccounts } from '../../../src/analyze/server/vllm-memory-words.ts';
import { checkSource } from '../../../src/read/check/check-source.ts';
import { rolesOf } from '../../../src/analyze/server/vllm-memory-roles.ts';
import {
  checkProfiling,
  checkSnapshot,
  kvCacheMemory,
  memoryCategories,
  profileArithmetic,
  subtractSnapshots,
  type VllmMemorySnapshot,
  type VllmProfilingResult,
} from '../../../src/analyze/server/vllm-memory-snapshot.ts';

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
      expect(categories.addsUp).toBe(true);
      return [categories.others, categories.torch, categories.nonTorch].map(({ value }) => value / GIB);
    };
    expect(inGib(beforeCreate)).toEqual([1, 0, 0]);
    expect(inGib(beforeProfile)).toEqual([1, 2, 0.5]);
    expect(inGib(afterProfile)).toEqual([1, 3, 1]);
  });

  it('do not add up where a snapshot contradicts itself, and are not made up where a field is missing', () => {
    const wrong = { ...afterProfile, cuda_memory: exactly(6 * GIB) };
    expect(memoryCategories(beforeCreate, wrong)!.addsUp).toBe(false);
    expect(memoryCategories(beforeCreate, { ...afterProfile, cuda_memory: null })!.addsUp).toBeNull();
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
    for (const { nonKvCacheMemory } of both) expect(nonKvCacheMemory).toEqual(exactly(5 * GIB));
    const old = { ...afterProfile, torch_allocated: null };
    const one = profileArithmetic({ beforeCreate, beforeProfile, afterProfile: old, weights: null });
    expect(one).toEqual([]);
  });

  it('leaves the KV cache what was requested less that, and less the graphs set aside', () => {
    const requested = exactly(9 * GIB);
    expect(kvCacheMemory(requested, exactly(5 * GIB)).value).toBe(4 * GIB);
    expect(kvCacheMemory(requested, exactly(5 * GIB), exactly(GIB)).value).toBe(3 * GIB);
  });
});

describe('exact figures', () => {
  it('show a single byte that is wrong', () => {
    const off = { ...afterProfile, cuda_memory: exactly(5 * GIB + 1) };
    expect(checkSnapshot(off).map(({ holds }) => holds)).toEqual([false, false]);
    expect(memoryCategories(beforeCreate, off)!.addsUp).toBe(false);
  });
});

describe('a printed result', () => {
  const gib = (value: number): Measured =>
    measuredOf({ value: Math.round(value * GIB), granularity: GIB / 100 });
  const result: VllmProfilingResult = {
    profile_time_s: 3.5,
    non_kv_cache_memory: gib(9.8),
    torch_peak_increase: gib(1.2),
    non_torch_increase: gib(0.1),
    total_consumed: null,
    transient_peak_headroom: null,
    weights_memory: gib(8.5),
  };

  it('is the sum of its terms within what its digits leave open', () => {
    const of = (total: number): boolean =>
      checkProfiling({ ...result, non_kv_cache_memory: gib(total) })!.holds;
    expect([9.77, 9.78, 9.8, 9.82, 9.83].map(of)).toEqual([false, true, true, true, false]);
  });

  it('of the newer rule is at least what was consumed, and exactly so where the rest is given', () => {
    const newer = { ...result, non_torch_increase: null, total_consumed: gib(8.9) };
    expect(checkProfiling(newer)).toMatchObject({ rule: 'consumed', holds: true });
    expect(checkProfiling({ ...newer, non_kv_cache_memory: gib(8.8) })!.holds).toBe(false);
    expect(checkProfiling({ ...newer, transient_peak_headroom: gib(0.9) })!.holds).toBe(true);
    expect(checkProfiling({ ...newer, transient_peak_headroom: gib(0.5) })!.holds).toBe(false);
    expect(checkProfiling({ ...result, weights_memory: null })).toBeNull();
  });
});

describe('roles', () => {
  const of = (...labels: string[]): string[] => rolesOf(labels).map(({ role, from }) => `${role}/${from}`);

  it('are those that names tell', () => {
    expect(of('worker init memory snapshot', 'result.before_profile', 'after profiling:')).toEqual([
      'before_create/label',
      'before_profile/label',
      'after_profile/label',
    ]);
    expect(of('before_create', 'before', 'after', 'diff_from_create')).toEqual([
      'before_create/label',
      'before_profile/label',
      'after_profile/label',
      'difference/label',
    ]);
    expect(of('before', '', 'after')).toEqual(['before/label', 'other/null', 'after/label']);
  });

  it('come from the order only where no name says anything, and only of two or three', () => {
    expect(of('', '')).toEqual(['before/order', 'after/order']);
    expect(of('a', 'b', 'c')).toEqual(['before_create/order', 'before_profile/order', 'after_profile/order']);
    expect(of('', '', '', '')).toEqual(Array(4).fill('other/null'));
    expect(of('')).toEqual(['other/null']);
  });
});

async function accountsOf(...lines: string[]): Promise<VllmMemoryAccount[]> {
  const { data } = await readBytes(logReader, 'unknown', lines.join('\n'));
  return vllmMemoryAccounts(data.readings!.vllm_memory!, data.readings!.budgets);
}

/** vLLM's own example in the forms that it is printed in. */
const CREATE =
  'before_create = MemorySnapshot(torch_peak=0, torch_allocated=0, free_memory=9663676416, total_memory=10737418240, cuda_memory=1073741824, torch_memory=0, non_torch_memory=1073741824, timestamp=100.0)';
const BEFORE =
  'before_profile = MemorySnapshot(torch_peak=2147483648, torch_allocated=2147483648, free_memory=6979321856, total_memory=10737418240, cuda_memory=3758096384, torch_memory=2147483648, non_torch_memory=1610612736, timestamp=101.0)';
const AFTER =
  'after_profile = MemorySnapshot(torch_peak=4294967296, torch_allocated=3221225472, free_memory=5368709120, total_memory=10737418240, cuda_memory=5368709120, torch_memory=3221225472, non_torch_memory=2147483648, timestamp=104.5)';
const RESULT =
  'Memory profiling takes 3.50 seconds. Total non KV cache memory: 5.0GiB; torch peak memory increase: 2.0GiB; non-torch forward increase memory: 1.0GiB; weights memory: 2.0GiB.';

describe('an account', () => {
  it("of vLLM's own example gives its own figures, in every one of its moments", async () => {
    const [account] = await accountsOf(CREATE, BEFORE, AFTER, RESULT);
    const inGib = ({ value }: Measured): number => value / GIB;
    expect(
      account.snapshots.map(({ categories }) =>
        [categories!.others, categories!.torch, categories!.nonTorch].map(inGib),
      ),
    ).toEqual([
      [1, 0, 0],
      [1, 2, 0.5],
      [1, 3, 1],
    ]);
    const { others, torch, nonTorch, sum } = account.peak!;
    expect([others, torch, nonTorch, sum].map(inGib)).toEqual([1, 4, 1, 6]);
    expect(account.profiling.map(({ rule, printed }) => [rule, printed?.holds])).toEqual([
      ['increase', true],
      ['consumed', undefined],
    ]);
    expect(account.profiling.map(({ nonKvCacheMemory: total }) => inGib(total))).toEqual([5, 5]);
    expect(account.differences.map(({ from, to, difference }) => [from, to, difference.timestamp_s])).toEqual(
      [
        [0, 1, 1],
        [1, 2, 3.5],
        [0, 2, 4.5],
      ],
    );
    expect(account.problems).toEqual([]);
    expect(account.statements).toEqual([
      'The figures of each snapshot agree with each other.',
      'Line 4: the total is weights + activation peak + non-torch increase.',
      'The printed total is weights + activation peak + non-torch increase of these snapshots.',
    ]);
    expect(account.missing).toHaveLength(1);
  });

  it('says which figure is wrong and by how much', async () => {
    const typo = AFTER.replace('cuda_memory=5368709120', 'cuda_memory=5371854848');
    const [{ problems }] = await accountsOf(CREATE, BEFORE, typo);
    expect(amountsIn(problems, 'binary')).toEqual([
      'after_profile: cuda_memory is not total_memory - free_memory: 3 MiB apart: a figure is mistyped or of another device.',
      'after_profile: non_torch_memory is not cuda_memory - torch_memory: 3 MiB apart: a figure is mistyped or of another device.',
    ]);
  });

  it('says where two are of different devices, swapped, or of another run than the result', async () => {
    const other = AFTER.replace('total_memory=10737418240', 'total_memory=21474836480')
      .replace('free_memory=5368709120', 'free_memory=16106127360')
      .replace('timestamp=104.5', 'timestamp=90.0');
    const [{ problems }] = await accountsOf(CREATE, BEFORE, other, RESULT.replace('5.0GiB', '6.0GiB'));
    expect(amountsIn(problems, 'binary')).toEqual([
      'total_memory of after_profile and of before_profile is not the same: 10 GiB apart: they are of different devices.',
      'after_profile was taken 11 s before before_profile: they are swapped, or of different runs.',
      'total_memory of after_profile and of before_create is not the same: 10 GiB apart: they are of different devices.',
      'after_profile was taken 10 s before before_create: they are swapped, or of different runs.',
      'what was consumed + the peak over what stays allocated of these snapshots is consumed -6 GiB + peak over what stays allocated 1 GiB: the sum cannot be below 0. They are swapped, of different runs, or a figure is mistyped.',
      'Line 4: the total of what is not KV cache is not weights + activation peak + non-torch increase: 1 GiB apart, of which their digits explain at most 20.5 MiB: a figure is mistyped or of another run.',
      'The printed total is not weights + activation peak + non-torch increase of these snapshots: 1 GiB apart, of which their digits explain at most 10.2 MiB: they are not of the same profiling.',
    ]);
  });

  it('says where another process gave memory back meanwhile, and not within the digits', async () => {
    const of = async (free: string): Promise<number> => {
      const [{ problems }] = await accountsOf(
        'init: torch_peak=0.0GiB, free_memory=9.0GiB',
        `after_profile: torch_peak=0.0GiB, free_memory=${free}GiB`,
      );
      return problems.filter((one) => one.includes('another process gave memory back')).length;
    };
    expect(await of('9.02')).toBe(1);
    expect(await of('9.01')).toBe(0);
    expect(await of('8.0')).toBe(0);
  });

  it('shows no sum with a term below 0 that cannot be, and says which term', async () => {
    // torch's peak never falls within a run, and memory in use is not below 0.
    const fell = AFTER.replace('torch_peak=4294967296', 'torch_peak=1073741824');
    const [account] = await accountsOf(CREATE, BEFORE, fell, 'weights_memory=2147483648');
    expect(account.profiling).toEqual([]);
    expect(account.peak).toBeNull();
    expect(amountsIn(account.problems, 'binary')).toEqual([
      'weights + activation peak + non-torch increase of these snapshots is weights 2 GiB + activation peak -1 GiB + non-torch increase 1 GiB: activation peak cannot be below 0. They are swapped, of different runs, or a figure is mistyped.',
      'what was consumed + the peak over what stays allocated of these snapshots is consumed 4 GiB + peak over what stays allocated -2 GiB: peak over what stays allocated cannot be below 0. They are swapped, of different runs, or a figure is mistyped.',
    ]);
  });

  it('shows no categories of memory of others below 0, and takes what others gave back', async () => {
    const below = CREATE.replace('non_torch_memory=1073741824', 'non_torch_memory=-5');
    const [account] = await accountsOf(below, BEFORE, AFTER, RESULT);
    expect(account.peak).toBeNull();
    expect(account.snapshots.map(({ categories }) => categories)).toEqual([null, null, null]);
    expect(account.problems.some((one) => one.includes('memory in use cannot be below 0'))).toBe(true);
    const gave = CREATE.replace('non_torch_memory=1073741824', 'non_torch_memory=3221225472');
    const [other] = await accountsOf(gave, BEFORE, AFTER, RESULT);
    expect(other.profiling[0].terms[2].bytes.value).toBe(-1 * GIB);
    expect(other.profiling[0].nonKvCacheMemory.value).toBe(3 * GIB);
  });

  it('takes no printed total or rise of a peak below 0', async () => {
    const { data } = await readBytes(
      logReader,
      'unknown',
      RESULT.replace('5.0GiB', '-5.0GiB').replace('2.0GiB', '-2.0GiB'),
    );
    const { readings, skipped } = checkSource(data);
    expect(Object.keys(readings!.vllm_memory![0].fields).sort()).toEqual([
      'non_torch_increase',
      'weights_memory',
    ]);
    expect(skipped).toBe(2);
  });

  it('says by what it took snapshots without names for before and after', async () => {
    const bare = (text: string): string => text.replace(/^.*?=/, '').trim();
    const [two] = await accountsOf(bare(BEFORE), bare(AFTER));
    expect(two.differences).toMatchObject([{ from: 0, to: 1, name: 'snapshot 2 less snapshot 1' }]);
    expect(two.statements[0]).toContain('the first is taken as before');
    expect(two.snapshots.every(({ categories }) => categories === null)).toBe(true);
    expect(two.profiling).toEqual([]);
    expect(two.missing[0]).toContain('The snapshot from before the instance was created is not here');
    const [three] = await accountsOf(bare(CREATE), bare(BEFORE), bare(AFTER), 'weights_memory=2147483648');
    expect(three.profiling.map(({ rule }) => rule)).toEqual(['increase', 'consumed']);
    expect(three.statements[0]).toContain('in this order');
  });

  it('needs the weights for one rule and not for the other, and says so', async () => {
    const [account] = await accountsOf(CREATE, BEFORE, AFTER);
    expect(account.profiling.map(({ rule }) => rule)).toEqual(['consumed']);
    expect(account.peak).toBeNull();
    expect(account.missing.some((one) => one.includes('What the weights took is not here'))).toBe(true);
  });

  const rank = '(Worker_TP0 pid=9) DEBUG 08-01 23:20:02 [gpu_worker.py:1]';
  const log = (kv: string): string[] => [
    '(APIServer pid=1) INFO 08-01 23:19:40 [api_server.py:1] vLLM API server version 0.14.0',
    `${rank} worker init memory snapshot: torch_peak=0.0GiB, free_memory=22.94GiB, total_memory=23.53GiB, cuda_memory=0.59GiB, torch_memory=0.0GiB, non_torch_memory=0.59GiB, timestamp=1786000000.25, auto_measure=True`,
    `${rank} Initial free memory: 22.94 GiB; Requested memory: 0.80 (util), 18.82 GiB`,
    `${rank} Memory profiling takes 14.40 seconds. Total non KV cache memory: 10.22GiB; torch peak memory increase: 1.40GiB; non-torch forward increase memory: 0.02GiB; weights memory: 8.80GiB.`,
    `${rank} Available KV cache memory: ${kv} GiB`,
  ];

  it('of a log has the first snapshot, the peak, and the KV cache that is left', async () => {
    const [account] = await accountsOf(...log('8.60'));
    expect(account).toMatchObject({
      rank: rankNamed('TP0'),
      problems: [],
      kv: { holds: true, graphs: null },
    });
    expect(account.kv!.kvCache.value / GIB).toBeCloseTo(8.6, 6);
    expect(account.peak!.sum.value / GIB).toBeCloseTo(0.59 + 10.22, 6);
    expect(account.missing).toEqual([]);
    const [off] = await accountsOf(...log('8.50'));
    expect(off.problems).toEqual([]);
    expect(amountsIn(off.statements, 'binary')).toContain(
      'The KV cache is printed as 8.5 GiB ± 5.12 MiB, and requested - non-KV is 8.6 GiB ± 10.2 MiB: no printed figure explains the difference.',
    );
  });

  it('of a log takes the estimate of the graphs off only where that is what was left', async () => {
    const graphs = `${rank} Estimated CUDA graph memory: 0.30 GiB total`;
    const [aside] = await accountsOf(...log('8.30'), graphs);
    expect(aside.kv).toMatchObject({ holds: true });
    expect(aside.kv!.graphs!.value).toBe(Math.round(0.3 * GIB));
    const [kept] = await accountsOf(...log('8.60'), graphs);
    expect(kept.kv).toMatchObject({ holds: true, graphs: null });
  });
});
