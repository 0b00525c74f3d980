/**
 * Settings of the allocator as a snapshot holds them, and what it says of its own ring of entries.
 * Source: torch/csrc/cuda/memory_snapshot.cpp, `allocator_settings`; the ring: PyTorch pull request 179276.
 */
import type { RecordingRing } from '../../trace/capture.ts';
import type { SnapshotShape } from './shape.ts';

/** `sys.maxsize`, what max_entries is where nobody set it; as much or more is no limit. */
const NO_LIMIT = 2 ** 62;

const topOf = ({ values }: SnapshotShape): ReadonlyMap<string, unknown> | undefined =>
  values.others.find((map) => map.has('allocator_settings'));

function settingsMap(shape: SnapshotShape): ReadonlyMap<string, unknown> {
  const settings = topOf(shape)?.get('allocator_settings');
  return settings instanceof Map ? (settings as Map<string, unknown>) : new Map();
}

export const settingsOf = (shape: SnapshotShape): (readonly [string, string])[] =>
  [...settingsMap(shape)].map(([key, value]) => [key, settingText(value)] as const);

function settingText(value: unknown): string {
  if (Array.isArray(value)) return value.map(settingText).join(', ');
  if (!(value instanceof Map)) return String(value);
  const entries = [...(value as Map<string, unknown>)].filter(([, divisions]) => divisions !== 0);
  return entries.length === 0
    ? 'off'
    : entries.map(([size, divisions]) => `${size}:${String(divisions)}`).join(',');
}

/** One value for all devices, a list by device, or a dict by device's number. `whole`: it is one for all. */
function valueFor(value: unknown, device: number): { readonly value: unknown; readonly whole: boolean } {
  if (Array.isArray(value)) return { value: (value as unknown[])[device], whole: false };
  if (value instanceof Map)
    return { value: (value as Map<string, unknown>).get(String(device)), whole: false };
  return { value, whole: true };
}

/**
 * What is told of a device's ring, undefined where nothing is. One flag for several devices says that one of them
 * overflowed: of a device whose entries are fewer than the ring holds it says that it did not, of others nothing.
 */
export function ringOf(
  shape: SnapshotShape,
  device: number,
  rows: number,
  recorded: number,
): RecordingRing | undefined {
  const settings = settingsMap(shape);
  const top = topOf(shape);
  const told = (name: string): unknown => settings.get(name) ?? top?.get(name);
  const entries = valueFor(told('trace_alloc_max_entries'), device).value;
  const flag = valueFor(told('trace_alloc_overflowed'), device);
  const maxEntries =
    typeof entries === 'bigint' || typeof entries === 'number'
      ? entries >= NO_LIMIT || entries < 0
        ? Infinity
        : Number(entries)
      : null;
  let overflowed = typeof flag.value === 'boolean' ? flag.value : null;
  if (overflowed === true && flag.whole && recorded > 1)
    overflowed = maxEntries === null ? null : rows >= maxEntries;
  return maxEntries === null && overflowed === null ? undefined : { maxEntries, overflowed };
}

/** Rounding of pinned host memory: requests up to this are rounded up to a power of two (max_round_threshold). */
export function pinnedRoundLimit(shape: SnapshotShape): number {
  const of = (name: string): number => {
    const value = settingsMap(shape).get(name);
    return typeof value === 'number' && value > 0 ? value : Infinity;
  };
  return Math.min(of('max_round_threshold'), of('max_cached_size'));
}
