/**
 * The model left alone under the recorded settings: what it gives of the recording's own figures. Asked before any
 * what-if, because a figure that it misses here can be missed there, too.
 */
import { reservedBy } from '../../aggregate/private-pool-series.ts';
import { count, list } from '../../base/words.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { SelfReplay } from '../../replay/replay-result.ts';
import { OP } from '../../replay/requests.ts';
import { whatIf } from '../../replay/what-if.ts';
import type { DeviceSession } from '../device-session.ts';
import type { Unled } from '../replay-protocol.ts';
import { placeOf } from './input.ts';

/** An `empty_cache()` that gives nothing back leaves no row, so this key is not told. */
const NOT_TOLD = 'num_sync_all_streams';

/** Reserved bytes after each row, as recorded. */
function recordedReserved({ trace, baseline }: DeviceSession): Float64Array {
  const reserved = new Float64Array(trace.events.length);
  let now = baseline.before.reserved;
  for (let row = 0; row < reserved.length; row++) reserved[row] = now += reservedBy(trace, row);
  return reserved;
}

/** The model under the recorded settings, deciding by itself; made on first use. */
export const unledOf = (session: DeviceSession, replay: SelfReplay): Unled =>
  session.unled.of(replay, () => makeUnled(session, replay));

/** Under the least limit that the recording allows. */
function makeUnled(session: DeviceSession, replay: SelfReplay): Unled {
  const { requests, limitBounds, stats } = replay;
  const { settings } = session.settings;
  const alone = whatIf(requests, placeOf(replay), {
    settings,
    limit: limitBounds?.[0] ?? Infinity,
    capacity: Infinity,
    curve: true,
  });
  const recorded = recordedReserved(session);
  let largestDifference = 0;
  let largestDifferenceRow: number | null = null;
  // Right after a request both have settled: what was given back for it has its own rows before.
  for (let step = 0; step < requests.length; step++) {
    if (
      requests.op[step] !== OP.alloc ||
      (requests.op[step + 1] === OP.alloc && requests.row[step + 1] === requests.row[step])
    )
      continue;
    const difference = Math.abs(alone.reserved![step] - recorded[requests.row[step]]);
    if (difference <= largestDifference) continue;
    largestDifference = difference;
    largestDifferenceRow = requests.row[step];
  }
  const reservedPeak = alone.stats['reserved_bytes.all.peak'];
  const keys = Object.keys(stats).filter((key) => key !== NOT_TOLD);
  return {
    stats: alone.stats,
    reservedPeak,
    reservedPeakDifference: reservedPeak - stats['reserved_bytes.all.peak'],
    largestDifference,
    largestDifferenceRow,
    keys: keys.length,
    // What was there before counts as allocated by the model and not by the recording: their totals are not comparable.
    differentKeys: replay.fromEmpty ? keys.filter((key) => alone.stats[key] !== stats[key]) : null,
  };
}

/** Figures that say what a setting costs; the others follow from where blocks of equal size lie. */
const isCost = (key: string): boolean => /^(reserved_bytes|segment\.|num_)/.test(key);

/** "active_bytes (12 figures), segment (3 figures)". */
function families(keys: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const family = key.split('.')[0];
    counts.set(family, (counts.get(family) ?? 0) + 1);
  }
  return list([...counts].map(([family, figures]) => `${family} (${count(figures, 'figure')})`));
}

/** Which of its own keys the recording does not get back, and what that means for other settings; null: it gets all. */
export function keysMissed(
  { differentKeys, keys, stats }: Unled,
  recorded: SelfReplay['stats'],
): string | null {
  if (differentKeys === null || differentKeys.length === 0) return null;
  const costs = differentKeys.filter(isCost);
  const peak = 'reserved_bytes.all.peak';
  const off = Math.abs(stats[peak] - recorded[peak]);
  return `Left alone under the recorded settings, the model gives ${formatInteger(keys - differentKeys.length)} of ${count(keys, 'key')} of memory_stats back; others are ${families(differentKeys)}. ${
    costs.length === 0
      ? 'Reserved bytes, segments and driver calls are right there: under other settings trust those, and take allocated bytes and inactive splits as close.'
      : `Reserved bytes, segments or driver calls are among them${off > 0 ? `, the reserved peak by ${formatBytes(off, 'binary')}` : ''}: take every figure under other settings as no more exact than that.`
  }`;
}

/** The same where every key is back. */
export function keysSentence(unled: Unled, replay: SelfReplay): string | null {
  const { differentKeys, keys } = unled;
  if (differentKeys === null) return null;
  const missed = keysMissed(unled, replay.stats);
  if (missed !== null) return missed;
  const others = replay.addresses.events.length > 1;
  return `Left alone, it also gives all ${count(keys, 'key')} of memory_stats back${
    others
      ? ", with other libraries' use of addresses as the recording shows it. That use differs a little from run to run: under other settings allocated bytes and inactive splits can be off where equal blocks tie"
      : ''
  }.`;
}
