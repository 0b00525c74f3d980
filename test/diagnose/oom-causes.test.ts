/**
 * Confidence is earned: of 20,000 drawn out-of-memory messages in which the truth is known, none gets a cause of high
 * confidence that is not so, a gain that cannot be had, or a wrong word about who is who.
 */
import { describe, expect, it } from 'vitest';
import { judgeOom } from '../../src/diagnose/oom-causes.ts';
import { oomFiguresOf } from '../../src/diagnose/oom-figures.ts';
import { whoIsWho } from '../../src/diagnose/oom-others.ts';
import { oomWords } from '../../src/diagnose/oom-words.ts';
import { readOom } from '../../src/read/torch-text/oom-message.ts';
import { causesOf, drawState, GIB, messageOf, numbers, type Truth } from './oom-drawn.ts';

interface Fault {
  readonly what: string;
  readonly text: string;
  readonly truth: Truth;
}

const BESIDE = {
  expandable: null,
  sleeps: false,
  server: null,
  advised: null,
  backend: 'CUDA',
  variable: 'PYTORCH_CUDA_ALLOC_CONF',
};

function answerOf(text: string) {
  const read = readOom(text);
  if (read === null) throw new Error(text);
  const figures = oomFiguresOf({ figures: read.figures, text });
  const who = whoIsWho(figures);
  const judged = judgeOom(figures, who);
  return { figures, who, judged, said: oomWords(figures, who, judged, BESIDE) };
}

/** What is wrong about an answer of high confidence; null: nothing. */
function faultOf(truth: Truth, text: string): string | null {
  const { who, judged, said } = answerOf(text);
  const causes = causesOf(truth);
  const others = truth.others.reduce((sum, { bytes }) => sum + bytes, 0);
  if (said.gainBytes !== null) {
    if (said.gainBytes > others) return `gain ${said.gainBytes} of ${others}`;
    if (said.gainBytes > truth.total - truth.free - truth.reserved) return 'gain above what is possible';
  }
  if (who.own === 'must' && who.ownNamed!.pid !== String(truth.pid))
    return `self is not ${who.ownNamed!.pid}`;
  if (!truth.isSpilled && who.held.most !== null && !who.contradicts && who.held.most < others)
    return `others hold at most ${who.held.most} of ${others}`;
  if (!truth.isSpilled && who.held.least > others)
    return `others hold at least ${who.held.least} of ${others}`;
  if (judged.confidence !== 'high') return null;
  const named = new Set<string>([judged.cause, ...judged.also]);
  if (!causes.has(judged.cause)) {
    // Asked for about as much as the device has, by the digits: a device that is full is true of it, too.
    if (causes.has('never_fits') && judged.cause === 'full') return null;
    // A limit and a full device together: the limit refuses, and its verdict names the device.
    if (
      judged.cause === 'limit' &&
      truth.reserved + truth.requested > truth.limit &&
      truth.free >= truth.requested
    )
      return null;
    return `${judged.cause} is not of ${[...causes].join(', ')}`;
  }
  for (const cause of causes) {
    if (named.has(cause)) continue;
    // What is less than a context is named in words, not as a second cause.
    if (cause === 'other_processes' && others < GIB / 4 && said.verdict.includes('or another process'))
      continue;
    if (judged.cause === 'limit' && cause === 'fragmentation') continue;
    return `${judged.cause} alone, and ${cause} as well`;
  }
  return null;
}

describe('drawn out-of-memory messages', () => {
  it('none of 20,000 has a false verdict of high confidence', () => {
    const next = numbers(20261130);
    const faults: Fault[] = [];
    const high = new Map<string, number>();
    let drawn = 0;
    while (drawn < 20_000) {
      const truth = drawState(next);
      if (truth === null) continue;
      drawn++;
      const text = messageOf(truth, next);
      const what = faultOf(truth, text);
      if (what !== null) faults.push({ what, text, truth });
      const { judged } = answerOf(text);
      const key = `${judged.cause} ${judged.confidence}`;
      high.set(key, (high.get(key) ?? 0) + 1);
    }
    expect(faults.slice(0, 3)).toEqual([]);
    // A rule that never dares is no answer either.
    for (const cause of ['limit', 'other_processes', 'full', 'never_fits', 'host_memory'])
      expect(high.get(`${cause} high`) ?? 0, cause).toBeGreaterThan(100);
    // What is reserved and not allocated may lie in a private pool that the message does not name.
    expect(high.get('fragmentation high') ?? 0).toBe(0);
    expect(high.get('fragmentation medium') ?? 0).toBeGreaterThan(1000);
  });
});
