/** Memory grew and the recording does not show whether that ends: what is known, and what to record. */
import { count } from '../base/words.ts';
import type { DeviceFacts, GrowthOfSeries } from '../analyze/device-facts.ts';
import { keptByEarlier } from '../analyze/growth/earlier-loops.ts';
import { holderLabel, NO_STACK } from '../analyze/user-frames.ts';
import { type Evidence, evidence, type Finding } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { isLeaking, suspectEvidence } from './linear-leak.ts';
import { exactSize, inSentence, size } from './words.ts';

/** A rise below this share of the most is none to speak of. */
const SHARE = 0.01;
/** Devices with fewer events are not a run that could have iterations. */
const FEW_ROWS = 100;

const RECORD_LONGER =
  'Record more iterations from the start of the process, with the same inputs where that is possible: a rise that ends shows only in what comes after it.';

/** How iterations become visible, in the words of what recorded. */
const MARK: Readonly<Record<DeviceFacts['trace']['producer'], string>> = {
  torch:
    'Record several iterations with stacks, or mark them: torch.profiler.record_function("step") around each, or a log with a time per request.',
  torch_host:
    'Record several iterations with stacks, or mark them: torch.profiler.record_function("step") around each, or a log with a time per request.',
  nsys: 'Record several iterations with an NVTX range around each (nvtxRangePush and nvtxRangePop, torch.cuda.nvtx.range("step") in PyTorch): nsys profile --trace=cuda,nvtx --cuda-memory-usage=true.',
};

/** Values at the ends of the first and the last iteration. */
function risenBy({ growth }: GrowthOfSeries): number {
  const { end } = growth.values;
  return end[end.length - 1] - end[0];
}

function lastRise({ growth: { atEnd } }: GrowthOfSeries): string {
  const last = atEnd.rises[atEnd.rises.length - 1];
  return last === undefined ? '' : `, last in iteration ${last.at + 1}`;
}

/** What each figure did over the iterations, and where. */
function overIterations(facts: DeviceFacts): Evidence[] {
  const { rows, count: n } = facts.iterations;
  return facts.growth
    .filter(({ series }) => series !== 'active')
    .map((one) => {
      const { end } = one.growth.values;
      const change = risenBy(one);
      return evidence(
        `${one.series === 'allocated' ? 'Allocated' : 'Reserved'}: ${exactSize(end[0])} after iteration 1, ${exactSize(end[n - 1])} after iteration ${n}${change === 0 ? '' : ` (${change > 0 ? '+' : '-'}${size(Math.abs(change))})`}.`,
        { row: rows[n] - 1, rows: [rows[0], rows[n] - 1] },
      );
    });
}

/** No loop was found: growth has no unit to be judged by. */
function withoutIterations(facts: DeviceFacts): Finding[] {
  if (facts.rows < FEW_ROWS || facts.ooms.length > 0) return [];
  const end = facts.allocated[facts.rows - 1];
  return [
    about(facts, {
      id: 'growth-unclear',
      severity: 'info',
      title: 'No iterations were found, so growth of memory cannot be judged',
      verdict: `Growth is judged from one iteration to the next, and the recording shows no loop. At its end ${exactSize(end)} are allocated, ${exactSize(facts.allocatedPeak.bytes)} at most.`,
      confidence: 'low',
      confidenceWhy: facts.iterations.why.join(' '),
      evidence: [
        evidence('Where most was allocated.', { row: facts.allocatedPeak.row }),
        evidence('The end of the recording.', { row: facts.rows - 1 }),
      ],
      remedy: MARK[facts.trace.producer],
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Marks of the iterations, or a longer recording.',
    }),
  ];
}

function slowing(facts: DeviceFacts): Finding {
  const { atEnd } = facts.growthOf('allocated')!;
  const growing = facts.leaks.suspects.filter(({ kind }) => kind === 'grows');
  const [first] = growing;
  return about(facts, {
    id: 'growth-unclear',
    severity: 'risk',
    title: `Memory still grows, ever slower: ${size(Math.round(atEnd.slopePerIteration ?? 0))} per iteration`,
    verdict: `${facts.conclusion?.sentence ?? 'Allocated memory still grows, ever slower: a cache that fills, or a leak that depends on the input.'}${
      first === undefined ? '' : ` What grows: ${inSentence(first.label)}.`
    }`,
    confidence: atEnd.confidence,
    confidenceWhy: atEnd.why.join(' '),
    evidence: [...overIterations(facts), ...growing.slice(0, 3).map(suspectEvidence)],
    remedy: RECORD_LONGER,
    gainBytes: null,
    gainHow: null,
    wouldChange:
      'Iterations after which allocated stays flat (a cache that is full), or goes on as before (a leak).',
  });
}

/** What loops of work before the one that is judged kept, and still hold. */
function ofEarlierLoops(facts: DeviceFacts): Finding[] {
  const kept = keptByEarlier(
    facts.trace,
    facts.input.lifetimes,
    facts.iterations.earlier ?? [],
    facts.sizeOf,
  ).filter(({ bytes }) => bytes >= SHARE * facts.allocatedPeak.bytes);
  return kept.map(({ loop, bytes, allocations, stack }) => {
    const line = inSentence(holderLabel(facts.input.stacks, stack));
    return about(facts, {
      id: 'growth-unclear',
      severity: 'risk',
      title: `A loop that ended kept ${size(bytes)}, which is still held`,
      verdict: `A loop of ${count(loop.rounds, 'round')} before the one that growth is judged by freed nearly all that it allocated, but kept ${exactSize(bytes)} in ${count(allocations, 'allocation')} after its first third, most from ${line}. Kept on purpose (results, a cache), or a leak of that phase.`,
      confidence: 'low',
      confidenceWhy: 'The loop ended: whether it would have gone on to keep more cannot be seen.',
      evidence: [
        evidence(`Kept in that loop, most from ${line}: ${exactSize(bytes)}.`, {
          rows: [loop.begin, loop.end - 1],
          stack: stack === NO_STACK ? null : stack,
        }),
      ],
      remedy: 'Record that phase by itself: growth is then judged by its own iterations.',
      gainBytes: bytes,
      gainHow: 'what these allocations hold at the end of the recording',
      wouldChange: 'A recording of that phase alone.',
    });
  });
}

export const growthUnclear: DeviceRule = (facts) =>
  facts.rows === 0 ? [] : [...ofJudged(facts), ...ofEarlierLoops(facts)];

function ofJudged(facts: DeviceFacts): Finding[] {
  const { iterations, conclusion } = facts;
  if (iterations.count === 0) return withoutIterations(facts);
  const allocated = facts.growthOf('allocated');
  if (allocated?.atEnd.kind === 'sub_linear') return [slowing(facts)];
  const unclear = facts.growth.filter(
    (one) =>
      one.series !== 'active' &&
      one.growth.atEnd.kind === 'cannot_tell' &&
      risenBy(one) >= SHARE * facts.peakOf(one.growth.values.end).bytes &&
      risenBy(one) > 0,
  );
  // Where the program keeps more and more, reserved follows: however unsteadily, it adds no question.
  if (unclear.length === 0 || isLeaking(facts)) return [];
  const most = unclear.reduce((a, b) => (risenBy(b) > risenBy(a) ? b : a));
  const { rest } = (unclear.find(({ series }) => series === 'allocated') ?? most).growth.atEnd;
  const names = unclear.map(({ series }) => series).join(' and ');
  return [
    about(facts, {
      id: 'growth-unclear',
      severity: 'info',
      title: `Not enough data to tell whether ${names} memory ${unclear.length === 1 ? 'stops' : 'stop'} growing`,
      verdict: `Over ${count(iterations.count, rest === undefined ? 'iteration' : 'round')} ${most.series} grew by ${exactSize(risenBy(most))}${rest === undefined ? lastRise(most) : ''}. ${rest ?? conclusion?.sentence ?? 'Whether it goes on cannot be told from this recording.'}`,
      confidence: 'low',
      confidenceWhy: most.growth.atEnd.why.join(' '),
      evidence: [
        ...overIterations(facts),
        ...facts.leaks.suspects
          .filter(({ kind }) => kind === 'grows')
          .slice(0, 3)
          .map(suspectEvidence),
      ],
      remedy: RECORD_LONGER,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'More iterations.',
    }),
  ];
}
