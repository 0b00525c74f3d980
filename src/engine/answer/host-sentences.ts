/** What the page says of a recording of pinned host memory: where it began, and what its figures are. */
import { hasPinnedRequests, pinnedBlockSizes } from '../../aggregate/host-series.ts';
import { formatInteger } from '../../base/units.ts';
import type { DeviceSession } from '../device-session.ts';

export function hostSentences({ trace, baseline }: DeviceSession): string[] {
  const told: string[] = [];
  if (baseline.whole)
    told.push(
      'Recorded from the first pinned allocation: peaks and totals are exact, as in torch.cuda.host_memory_stats().',
    );
  else if (baseline.known)
    told.push(
      `Before the first event ${formatInteger(baseline.before.reserved)} bytes were already pinned (from the final state): the curves are exact, but peaks before the recording cannot be known.`,
    );
  else
    told.push(
      'What was pinned before the recording cannot be known from this file: curves start from the least that is possible, and peaks are lower bounds.',
    );
  if (!hasPinnedRequests(trace, pinnedBlockSizes(trace)))
    told.push(
      'PyTorch takes pinned memory in blocks, by powers of two, and records the block and not the request: what was requested is a lower bound here.',
    );
  if (trace.cut) told.push('The file is cut inside the events: what follows the last event is not known.');
  return told;
}
