/**
 * The settings to ask for, as fields and as the string that PyTorch reads. Each is made of the other, and the engine
 * says whether PyTorch takes the string: nothing is judged here but the figures that are no part of it.
 */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { list } from '../../base/words.ts';
import type { AllocatorSettings, ConfAnswer, RecordedSettings, ReplayAnswer } from '../../engine/protocol.ts';

const MIB = 2 ** 20;

/** One field a setting, as typed; '' leaves the setting at its default. */
export interface ConfFields {
  readonly expandable_segments: string;
  readonly max_split_size_mb: string;
  readonly max_non_split_rounding_mb: string;
  readonly large_segment_size_mb: string;
  readonly garbage_collection_threshold: string;
  readonly roundup_power2_divisions: string;
  readonly per_process_memory_fraction: string;
}

export type ConfKey = keyof ConfFields;

export interface FieldSpec {
  readonly key: ConfKey;
  /** What an empty field stands for. */
  readonly placeholder: string;
  readonly title: string;
  readonly unit: string;
}

/** In the order in which they stand in the string. */
export const FIELDS: readonly FieldSpec[] = [
  {
    key: 'expandable_segments',
    placeholder: 'False',
    title: 'Segments that grow page by page instead of cudaMalloc for each.',
    unit: '',
  },
  {
    key: 'max_split_size_mb',
    placeholder: 'no limit',
    title: 'Blocks of at least this size are never split.',
    unit: 'MiB',
  },
  {
    key: 'max_non_split_rounding_mb',
    placeholder: 'as large segments',
    title: 'How much larger than its request an unsplit block may be.',
    unit: 'MiB',
  },
  {
    key: 'large_segment_size_mb',
    placeholder: '20',
    title: 'Segments that requests from 1 to 10 MiB share. PyTorch 2.11 knows it.',
    unit: 'MiB',
  },
  {
    key: 'garbage_collection_threshold',
    placeholder: 'off',
    title: 'Share of the memory limit from which unused segments go back; does nothing without a limit.',
    unit: '0 to 1',
  },
  {
    key: 'per_process_memory_fraction',
    placeholder: 'none',
    title: 'Share of the card that the process may reserve; does nothing unless the card is given.',
    unit: '0 to 1',
  },
  {
    key: 'roundup_power2_divisions',
    placeholder: 'off',
    title:
      'Steps between powers of two that requests are rounded up to: one number, or a list by size in MiB.',
    unit: 'N or [size:N, >:N]',
  },
];

export const NO_FIELDS: ConfFields = {
  expandable_segments: '',
  max_split_size_mb: '',
  max_non_split_rounding_mb: '',
  large_segment_size_mb: '',
  garbage_collection_threshold: '',
  roundup_power2_divisions: '',
  per_process_memory_fraction: '',
};

/** The string that fields stand for; what they hold is PyTorch's to judge. */
export const confText = (fields: ConfFields): string =>
  FIELDS.filter(({ key }) => fields[key].trim() !== '')
    .map(({ key }) => `${key}:${fields[key].trim()}`)
    .join(',');

/** The fields of a string as the engine prints it: each name once, no white space. */
export function fieldsOf(conf: string): ConfFields {
  const fields: Record<ConfKey, string> = { ...NO_FIELDS };
  for (const [, key, value] of conf.matchAll(/(?<![a-z0-9_])([a-z][a-z0-9_]*):(\[[^\]]*\]|[^,]*)/g))
    if (key in fields) fields[key as ConfKey] = value;
  return fields;
}

/** The field that stands at `offset` of `text`, so that what is wrong is said beside it; null: none. */
export function fieldAt(text: string, offset: number): ConfKey | null {
  let found: ConfKey | null = null;
  for (const { key } of FIELDS) {
    const at = text.indexOf(`${key}:`);
    if (at >= 0 && at <= offset && (found === null || at > text.indexOf(`${found}:`))) found = key;
  }
  return found;
}

/** `text` cut where the parser stumbled, to mark the place. */
export function markedText(text: string, offset: number): readonly [string, string, string] {
  const end = /[\s,:[\]]/.exec(text.slice(offset + 1))?.index ?? text.length;
  return [text.slice(0, offset), text.slice(offset, offset + 1 + end), text.slice(offset + 1 + end)];
}

/** A size typed in MiB as whole bytes; null: nothing was typed; undefined: no size. */
export function readMib(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (!/^\d+(\.\d+)?$/.test(trimmed)) return undefined;
  const bytes = Math.round(Number(trimmed) * MIB);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Every digit: a byte has twenty of them behind the point. */
export const writeMib = (bytes: number | null): string =>
  bytes === null ? '' : (bytes / MIB).toFixed(20).replace(/(?<![.0])\.?0+$/, '');

export interface LimitsForm {
  readonly cap: string;
  readonly card: string;
}

/** The least limit that the recording allows, where requests met one: without it nothing would be compared fairly. */
export const limitsAtFirst = ({ limitBounds, settings }: ReplayAnswer): LimitsForm => ({
  cap:
    limitBounds === null || settings.values.perProcessMemoryFraction !== null ? '' : writeMib(limitBounds[0]),
  card: '',
});

export interface Limits {
  readonly cap: number | null;
  readonly capacity: number | null;
}

/** null: a field holds no size. */
export function readLimits({ cap, card }: LimitsForm): Limits | null {
  const [own, whole] = [readMib(cap), readMib(card)];
  return own === undefined || whole === undefined ? null : { cap: own, capacity: whole };
}

export function limitsWords({ cap, capacity }: Limits, unit: ByteUnit): string {
  const parts = [
    ...(cap === null ? [] : [`at most ${formatBytes(cap, unit)}`]),
    ...(capacity === null ? [] : [`on a card of ${formatBytes(capacity, unit)}`]),
  ];
  return parts.join(' ');
}

/** "requests of 256 to 512 MiB in steps of 1/2 power of two": what `roundup_power2_divisions` does, by size. */
export function divisionsWords(divisions: readonly number[]): string {
  const acts = (n: number): boolean => n > 1;
  if (!divisions.some(acts)) return 'Requests are not rounded up to parts of powers of two.';
  const runs: string[] = [];
  for (let from = 0; from < divisions.length;) {
    const n = divisions[from];
    let to = from + 1;
    while (to < divisions.length && divisions[to] === n) to++;
    const low = formatBytes(2 ** from * MIB, 'binary');
    const high = formatBytes(2 ** to * MIB, 'binary');
    const sizes =
      to === divisions.length
        ? from === 0
          ? 'all requests'
          : `${low} and more`
        : from === 0
          ? `below ${high}`
          : `${low} to ${high}`;
    runs.push(`${sizes}: ${acts(n) ? `${formatInteger(n)} steps` : 'none'}`);
    from = to;
  }
  return `Steps between powers of two. ${runs.join('; ')}.`;
}

/** Names as in the string. */
const NAMES: Readonly<Record<keyof AllocatorSettings, ConfKey>> = {
  expandableSegments: 'expandable_segments',
  maxSplitSize: 'max_split_size_mb',
  maxNonSplitRounding: 'max_non_split_rounding_mb',
  largeSegmentSize: 'large_segment_size_mb',
  garbageCollectionThreshold: 'garbage_collection_threshold',
  roundupDivisions: 'roundup_power2_divisions',
  perProcessMemoryFraction: 'per_process_memory_fraction',
};

/** The settings in force while it was recorded, and where they were read. */
export function recordedWords({ conf, origins, changed, confError }: RecordedSettings): string[] {
  const names = Object.keys(NAMES) as (keyof AllocatorSettings)[];
  const assumed = names.filter((name) => origins[name] === 'assumed').map((name) => NAMES[name]);
  const set =
    conf === null
      ? 'Recorded under settings that no string gives.'
      : conf === ''
        ? 'Recorded under the default settings.'
        : `Recorded under ${conf}.`;
  return [
    set,
    ...(assumed.length === 0
      ? []
      : [
          assumed.length === names.length
            ? 'The file holds no settings: the defaults are assumed.'
            : `The file does not hold ${list(assumed)}: the default is assumed.`,
        ]),
    ...(changed.length === 0
      ? []
      : [
          `Changed after the start of the process: ${list(changed.map((name) => NAMES[name]))}. The last values are used throughout.`,
        ]),
    ...(confError === null ? [] : [`The recorded string could not be read: ${confError}.`]),
  ];
}

/** What else is to be said of a string that PyTorch takes. */
export function confNotes(answer: Extract<ConfAnswer, { ok: true }>): string[] {
  return [
    ...answer.notes.map(({ message }) => message),
    ...(answer.ignored.length === 0
      ? []
      : [`${list(answer.ignored)}: accepted, but changes nothing about blocks and segments.`]),
  ];
}
