/**
 * What a recording contradicts itself in although every figure of it can be: its events against its last state, what is
 * asked for against what is reserved, a history that no allocator can have done. Said as it is, whichever side is right.
 */
import { formatInteger } from '../base/units.ts';
import { count } from '../base/words.ts';
import { disagreementsOf } from '../analyze/recording/memory-stats.ts';
import type { SourceData } from '../trace/capture.ts';
import type { DeviceSession } from './device-session.ts';

/** Of the events, so many may carry a time a little before the one ahead of them, as clocks of several threads do. */
const BACKWARDS = 0.1;

async function clausesOf(session: DeviceSession): Promise<string[]> {
  const { trace, baseline, aggregate } = session;
  const clauses: string[] = [];
  if (trace.producer !== 'torch') return clauses;
  const keys = disagreementsOf(trace, baseline.whole);
  if (keys.length > 0)
    clauses.push(
      `the events and the last state of GPU ${trace.device} disagree in ${count(keys.length, 'figure')} (${keys[0]})`,
    );
  // Where the sums agree, the places have to as well. A recording that began with nothing has none from before.
  if (keys.length === 0 && baseline.whole && !trace.cut) {
    const { earlier } = session.living;
    const blocks = earlier.filter(({ until }) => until === Infinity).length;
    const frees = earlier.length - blocks;
    if (blocks > 0)
      clauses.push(
        `${count(blocks, 'block')} of the last state of GPU ${trace.device} ${blocks === 1 ? 'was' : 'were'} allocated by no event, although the recording began with nothing`,
      );
    if (frees > 0)
      clauses.push(
        `${count(frees, 'event')} of GPU ${trace.device} ${frees === 1 ? 'frees' : 'free'} what no event had allocated, although the recording began with nothing`,
      );
  }
  if (aggregate.outOfOrder > BACKWARDS * trace.events.length)
    clauses.push(
      `${formatInteger(aggregate.outOfOrder)} of ${formatInteger(trace.events.length)} events of GPU ${trace.device} carry a time before the event ahead of them`,
    );
  const unused = aggregate.spec('unused');
  const lowest = unused === undefined ? 0 : (await aggregate.extent(unused)).lowest;
  if (lowest < 0)
    clauses.push(
      `at one moment more is requested than reserved on GPU ${trace.device}, by ${formatInteger(-lowest)} bytes`,
    );
  if (session.replayFault !== null)
    clauses.push(`the history of GPU ${trace.device} is one that no allocator can have done`);
  return clauses;
}

/** The source with what its recordings contradict themselves in; the same object where they do not. */
export async function withDisagreements(
  data: SourceData,
  sessions: readonly DeviceSession[],
): Promise<SourceData> {
  const clauses = (await Promise.all(sessions.map(clausesOf))).flat();
  if (clauses.length === 0) return data;
  return {
    ...data,
    contradictions: [...(data.contradictions ?? []), ...clauses],
    warnings: [
      ...data.warnings,
      ...clauses.map((clause) => ({
        message: `${clause[0].toUpperCase()}${clause.slice(1)}: something in the file is damaged, and nothing that rests on it is sure.`,
        offset: null,
      })),
    ],
  };
}
