/** The ledger, the pins and the data quality of a device as plain data. */
import { dataQuality } from '../analyze/data-quality.ts';
import { shareWithout } from '../analyze/data-quality-frames.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import type { Ledger } from '../analyze/ledger.ts';
import type { LargestRequest } from '../analyze/ledger-largest.ts';
import type { Band } from '../analyze/step-curve.ts';
import { holderLabel } from '../analyze/user-frames.ts';
import { formatBytes } from '../base/units.ts';
import { NONE } from '../trace/schema.ts';
import type { DeviceSession } from './device-session.ts';
import type { DeviceDiagnosis, LedgerView, QualityView } from './diagnosis.ts';

const MOST_PINS = 20;

const rangeOf = (band: Band | null): readonly [number, number] | null =>
  band === null ? null : [band.least, band.most];

/** `row`: the ledger is of the moment just after it. */
export function ledgerView(
  facts: DeviceFacts,
  row: number,
  ledger: Ledger,
  largest: readonly LargestRequest[],
): LedgerView {
  const { parts, inactiveSplitOf, device } = ledger;
  const band = (
    id: string,
    label: string,
    value: Band | null,
    note: string,
  ): LedgerView['parts'][number] => ({
    id,
    label,
    bytes: value === null ? null : value.least,
    note: value === null ? note : value.least === value.most ? null : 'at least; sources print it rounded',
  });
  return {
    row,
    reserved: ledger.reserved,
    parts: [
      { id: 'requested', label: 'Asked for and held', bytes: parts.requested, note: null },
      { id: 'rounding', label: 'Rounding of blocks', bytes: parts.rounding, note: null },
      {
        id: 'pending',
        label: 'Freed, waiting for other streams',
        bytes: parts.pending,
        note: 'record_stream',
      },
      {
        id: 'inactive_split',
        label: 'Free beside something live',
        bytes: parts.inactiveSplit,
        note:
          inactiveSplitOf.pages > 0
            ? `of it ${formatBytes(inactiveSplitOf.pages, 'binary')} on pages of expandable segments, which memory_stats does not count`
            : 'inactive split: empty_cache cannot give it back',
      },
      { id: 'releasable', label: 'Free, empty_cache gives it back', bytes: parts.releasable, note: null },
      {
        id: 'private_idle',
        label: 'Free in private pools',
        bytes: parts.privateIdle,
        note: 'not releasable while their graphs live',
      },
      band(
        'non_torch',
        'Not PyTorch (context, NCCL, libraries)',
        device.nonTorch,
        'not known from this file',
      ),
      band('other_processes', 'Other processes', device.otherProcesses, 'not known from this file'),
    ],
    emptyCacheBytes: ledger.emptyCache.bytes,
    largest: largest.map(({ streamIndex, fromCache, withNewSegment, afterRelease }) => ({
      stream: facts.trace.streams[streamIndex],
      fromCache,
      withNewSegment: rangeOf(withNewSegment),
      afterRelease: rangeOf(afterRelease),
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
  const sentences = Object.values(quality.topics).flatMap(({ why }) => why);
  return {
    confidence: quality.confidence,
    began: quality.began,
    sentences: [...new Set(sentences)],
    shareWithoutFrames: quality.frames.liveAtEnd.bytes === 0 ? null : shareWithout(quality.frames.liveAtEnd),
    settings: session.trace.producer === 'torch' ? facts.lineFor({}) : null,
  };
}

export function pinsView(facts: DeviceFacts): DeviceDiagnosis['pins'] {
  const { pins } = facts;
  if (pins === null) return null;
  return {
    pinnedBytes: pins.pinnedBytes,
    sharedBytes: pins.sharedBytes,
    alone: pins.alone.slice(0, MOST_PINS).map((pin) => ({
      stack: pin.holder.stack === NONE ? null : pin.holder.stack,
      label:
        pin.holder.stack === NONE
          ? `allocations of ${formatBytes(pin.holder.requested ?? 0, 'binary')} without a stack`
          : holderLabel(facts.input.stacks, pin.holder.stack),
      blocks: pin.blocks.length,
      blockBytes: pin.blockBytes,
      releasedBytes: pin.releasedBytes,
      unpinnedBytes: pin.unpinnedBytes,
      row: pin.firstRow,
    })),
  };
}
