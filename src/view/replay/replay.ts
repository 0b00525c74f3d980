/** How far the replayed allocator can be trusted, said before anything is promised: one line, then figures and words. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count, list, percent, percentChange } from '../../base/words.ts';
import type { ReplayAnswer } from '../../engine/protocol.ts';

/**
 * `exact`: the model alone does in every request what was recorded. `close`: it ends in the recorded state, but is not
 * always equal on the way. `rough`: left alone it reserves so much else that figures of other settings are estimates. `refused`: it does not follow the recording, so that nothing is asked of it.
 */
export type Trust = 'exact' | 'close' | 'rough' | 'refused';

/** Share of the reserved peak by which a close replay may be off. */
const CLOSE = 0.01;

export interface TrustFact {
  readonly name: string;
  readonly value: string;
  readonly title: string | null;
  /** Events that it speaks of, the first ones. */
  readonly rows: readonly number[];
}

export interface ReplayTrust {
  readonly trust: Trust;
  readonly heading: string;
  readonly line: string;
  readonly facts: readonly TrustFact[];
  readonly sentences: readonly string[];
}

const CAUSES: Readonly<Record<keyof ReplayAnswer['causes'], string>> = {
  retry: 'a failed request',
  collection: 'garbage collection',
  available: 'a request that needed oversize segments',
  empty_cache: 'empty_cache()',
};

/** "+1.2 %", "−0.4 %", "0 %"; "–" of nothing. */
export const percentOf = (part: number, whole: number): string =>
  part !== 0 && whole === 0 ? '–' : percentChange(part === 0 ? 0 : part / whole);

export const signedBytes = (bytes: number, unit: ByteUnit): string =>
  bytes === 0 ? '0 B' : `${bytes < 0 ? '−' : '+'}${formatBytes(Math.abs(bytes), unit)}`;

export const signedInteger = (value: number): string =>
  value === 0 ? '0' : `${value < 0 ? '−' : '+'}${formatInteger(Math.abs(value))}`;

/** "all 1,200", "1,199 of 1,200". */
const outOf = (part: number, whole: number): string =>
  part === whole ? formatInteger(whole) : `${formatInteger(part)} of ${formatInteger(whole)}`;

function trustOf({ faithful, fidelity, unled, fromEmpty, stats }: ReplayAnswer): Trust {
  if (!faithful) return 'refused';
  const off = Math.max(unled.largestDifference, Math.abs(unled.reservedPeakDifference));
  if (off > CLOSE * (stats['reserved_bytes.all.peak'] ?? 0)) return 'rough';
  const { chosen, requests, unknownSizes, causesCertain, state } = fidelity;
  const same =
    chosen === requests &&
    unled.largestDifference === 0 &&
    unled.reservedPeakDifference === 0 &&
    (unled.differentKeys ?? []).length === 0;
  return same && fromEmpty && unknownSizes === 0 && causesCertain && state !== null ? 'exact' : 'close';
}

function refusedLine({ fidelity: { unplaced, state } }: ReplayAnswer): string {
  const reasons = [
    ...(unplaced > 0 ? [`${count(unplaced, 'event fits', 'events fit')} no state of the model`] : []),
    ...(state !== null && state.blocksEqual < state.blocks
      ? [`only ${formatInteger(state.blocksEqual)} of ${count(state.blocks, 'block')} end as in the snapshot`]
      : []),
  ];
  return `${list(reasons)}. What other settings would do cannot be told from this recording, so nothing is computed.`;
}

/** A fraction is in no snapshot: requests that met a limit tell of it instead. */
const assumesSettings = (origins: ReplayAnswer['settings']['origins']): boolean =>
  Object.entries(origins).some(
    ([name, origin]) => origin === 'assumed' && name !== 'perProcessMemoryFraction',
  );

/** What is not known, in a few words each. */
function doubts(answer: ReplayAnswer): string[] {
  const { fidelity, fromEmpty, settings } = answer;
  return [
    ...(fromEmpty ? [] : ['how memory in use before the recording came to be']),
    ...(fidelity.unknownSizes > 0 ? [`the true size of ${count(fidelity.unknownSizes, 'block')}`] : []),
    ...(fidelity.causesCertain ? [] : ['why some memory went back']),
    ...(fidelity.state === null ? ['the final state'] : []),
    ...(assumesSettings(settings.origins) ? ['some settings'] : []),
  ];
}

function matchLine(answer: ReplayAnswer, unit: ByteUnit): string {
  const { fidelity, unled, stats } = answer;
  const { chosen, requests, state } = fidelity;
  const peak = stats['reserved_bytes.all.peak'] ?? 0;
  const chose =
    chosen === requests
      ? `All ${count(requests, 'request')} get the recorded block`
      : `${formatInteger(chosen)} of ${count(requests, 'request')} get the recorded block`;
  const ends =
    state === null
      ? 'there is no final state to compare'
      : state.blocksEqual === state.blocks
        ? `all ${count(state.segments, 'segment')} and ${count(state.blocks, 'block')} end as in the snapshot`
        : `${outOf(state.blocksEqual, state.blocks)} blocks end as in the snapshot`;
  const reserved =
    unled.largestDifference === 0
      ? 'reserved memory never differs'
      : `left alone, reserved memory is off by at most ${formatBytes(unled.largestDifference, unit)}${
          peak === 0 ? '' : ` (${percent(unled.largestDifference / peak)} of the peak)`
        }`;
  const different = unled.differentKeys ?? [];
  const keys =
    different.length === 0
      ? ''
      : ` Left alone, ${formatInteger(different.length)} of ${count(unled.keys, 'key')} of memory_stats differ from the recording.`;
  const unknown = doubts(answer);
  return `${chose}, ${ends}, ${reserved}.${keys}${unknown.length === 0 ? '' : ` Not known: ${list(unknown)}.`}`;
}

function factsOf(answer: ReplayAnswer, unit: ByteUnit): TrustFact[] {
  const { fidelity, unled, stats, limitBounds, causes } = answer;
  const { state } = fidelity;
  const fact = (name: string, value: string, title: string | null = null, rows: readonly number[] = []) => ({
    name,
    value,
    title,
    rows,
  });
  const bytes = (value: number): readonly [string, string] => [
    formatBytes(value, unit),
    `${formatInteger(value)} bytes`,
  ];
  const difference = (value: number): readonly [string, string] => [
    signedBytes(value, unit),
    `${signedInteger(value)} bytes`,
  ];
  const peak = stats['reserved_bytes.all.peak'] ?? 0;
  const went = (Object.keys(CAUSES) as (keyof typeof CAUSES)[])
    .filter((cause) => causes[cause] > 0)
    .map((cause) => `${formatInteger(causes[cause])} by ${CAUSES[cause]}`);
  return [
    fact(
      'Requests that chose the recorded block',
      outOf(fidelity.chosen, fidelity.requests),
      null,
      fidelity.firstDifferent,
    ),
    fact('Events without a place', formatInteger(fidelity.unplaced), null, fidelity.firstUnplaced),
    ...(state === null
      ? []
      : [
          fact('Final segments equal', outOf(state.segmentsEqual, state.segments)),
          fact('Final blocks equal', outOf(state.blocksEqual, state.blocks)),
          fact('Bytes in blocks that differ', ...bytes(state.bytesDifferent)),
        ]),
    fact('Reserved peak, recorded', ...bytes(peak)),
    fact('Reserved peak, left alone', ...bytes(unled.reservedPeak)),
    fact('Difference', ...difference(unled.reservedPeakDifference)),
    fact(
      'Largest difference after a request',
      ...bytes(unled.largestDifference),
      unled.largestDifferenceRow === null ? [] : [unled.largestDifferenceRow],
    ),
    fact('Blocks of unknown size', formatInteger(fidelity.unknownSizes)),
    fact('Memory went back to the driver', went.length === 0 ? 'never' : list(went)),
    ...(limitBounds === null
      ? []
      : [
          fact(
            'Memory limit that was met',
            limitBounds[1] === Infinity
              ? `at least ${formatBytes(limitBounds[0], unit)}`
              : `${formatBytes(limitBounds[0], unit)} to ${formatBytes(limitBounds[1], unit)}`,
            limitBounds.map((value) => `${formatInteger(value)} bytes`).join(' to '),
          ),
        ]),
  ];
}

/** What follows from a rough match. */
const ROUGH =
  ' Figures of other settings are estimates; they are compared with the recorded settings replayed, not with the recording.';

const HEADINGS: Readonly<Record<Trust, string>> = {
  exact: 'Replayed exactly',
  close: 'Replayed closely',
  rough: 'Replayed roughly',
  refused: 'Not replayed',
};

export function replayTrust(answer: ReplayAnswer, unit: ByteUnit): ReplayTrust {
  const trust = trustOf(answer);
  return {
    trust,
    heading: HEADINGS[trust],
    line:
      trust === 'refused'
        ? refusedLine(answer)
        : `${matchLine(answer, unit)}${trust === 'rough' ? ROUGH : ''}`,
    facts: factsOf(answer, unit),
    sentences: [...answer.sentences, ...(answer.fidelity.state?.examples ?? [])],
  };
}
