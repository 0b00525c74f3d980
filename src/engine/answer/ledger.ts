/** The ledger, the pins and the data quality of a device as plain data. */
import { dataQuality } from '../../analyze/recording/data-quality.ts';
import { liveWithoutStack } from '../../analyze/without-stack.ts';
import type { DeviceFacts } from '../../analyze/device-facts.ts';
import { withDevice } from '../../analyze/ledger/ledger.ts';
import { amount } from '../../base/amounts.ts';
import { exactly } from '../../base/measured.ts';
import { freeOfLedger } from './ledger-free.ts';
import type { DeviceSession } from '../device-session.ts';
import type { DeviceSideAt } from '../../analyze/ledger/non-torch-near.ts';
import { outsideParts } from '../../analyze/ledger/outside.ts';
import type { LedgerView, QualityView } from '../diagnosis.ts';

/** Just after a row; null where the replay does not know. */
export function ledgerView(facts: DeviceFacts, row: number, sideAt: DeviceSideAt): LedgerView | null {
  const side = sideAt(row);
  const answer = facts.ledgerAfter(row, side.free ?? null);
  if (answer === null) return null;
  const { largest } = answer;
  const ledger = withDevice(answer.ledger, side.told, side.why);
  const { parts, inactiveSplitOf, device } = ledger;
  const outside = outsideParts(ledger.reserved, device);
  const { children, ...free } = freeOfLedger(facts.trace, row, ledger);
  const exact = (id: string, label: string, bytes: number, note: string | null) => ({
    id,
    label,
    bytes: exactly(bytes),
    note,
  });
  return {
    row,
    reserved: ledger.reserved,
    used: outside.used,
    deviceFrom: side.source,
    parts: [
      exact('requested', 'Live (requested)', parts.requested, null),
      exact('rounding', 'Rounding of blocks', parts.rounding, null),
      exact('pending', 'Freed, waiting for other streams', parts.pending, 'record_stream'),
      {
        ...exact(
          'inactive_split',
          'Free but pinned (inactive split)',
          parts.inactiveSplit,
          inactiveSplitOf.pages > 0
            ? `of it ${amount(inactiveSplitOf.pages)} on pages of expandable segments, which memory_stats does not count`
            : 'inactive split: empty_cache cannot give it back',
        ),
        children: children.inactive_split,
      },
      {
        ...exact('releasable', 'Free and releasable', parts.releasable, null),
        children: children.releasable,
      },
      {
        ...exact(
          'private_idle',
          'Free in private pools',
          parts.privateIdle,
          'not releasable while their graphs live',
        ),
        children: children.private_idle,
      },
      ...outside.parts,
    ],
    ...free,
    emptyCacheBytes: ledger.emptyCache.bytes,
    largest: largest.map(({ streamIndex, fromCache, withNewSegment, afterRelease }) => ({
      stream: facts.trace.streams[streamIndex],
      fromCache,
      withNewSegment,
      afterRelease,
    })),
    unknown: ledger.unknown,
  };
}

export function qualityView(session: DeviceSession, facts: DeviceFacts): QualityView {
  const quality = dataQuality({
    source: session.source,
    trace: session.trace,
    baseline: session.baseline,
    lifetimes: session.living.lifetimes,
    earlier: session.living.earlier,
    replay: session.replay,
  });
  const { live, bytes } = liveWithoutStack(facts, session.rows - 1);
  const sentences = Object.values(quality.topics).flatMap(({ why }) => why);
  return {
    confidence: quality.confidence,
    began: quality.began,
    sentences: [...new Set(sentences)],
    shareWithoutFrames: live === 0 ? null : bytes / live,
    settings: session.trace.producer === 'torch' ? facts.lineFor({}) : null,
  };
}
