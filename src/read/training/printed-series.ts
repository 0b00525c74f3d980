/** Which curve a printed figure belongs to: its id, its name, and what a reader of the curve must know. */
import type { GaugeKind } from '../lines/gauge-set.ts';
import type { Meaning } from './printed-words.ts';
import type { Place } from './printed-place.ts';

/** Column of the table and id of the gauge. */
export interface SeriesName {
  readonly column: string;
  readonly id: string;
  readonly label: string;
}

const NAMES: Readonly<Record<Meaning['quantity'], readonly [level: SeriesName, peak: SeriesName]>> = {
  allocated: [
    { column: 'allocated', id: 'memory_allocated', label: 'Allocated' },
    { column: 'allocated_peak', id: 'max_memory_allocated', label: 'Peak allocated' },
  ],
  reserved: [
    { column: 'reserved', id: 'memory_reserved', label: 'Reserved' },
    { column: 'reserved_peak', id: 'max_memory_reserved', label: 'Peak reserved' },
  ],
  active: [
    { column: 'active', id: 'memory_active', label: 'Active' },
    { column: 'active_peak', id: 'max_memory_active', label: 'Peak active' },
  ],
  used: [
    { column: 'used', id: 'printed.memory_used', label: 'Memory used' },
    { column: 'used_peak', id: 'printed.max_memory_used', label: 'Peak memory used' },
  ],
  free: [
    { column: 'free', id: 'printed.memory_free', label: 'Memory free' },
    { column: 'free', id: 'printed.memory_free', label: 'Memory free' },
  ],
  total: [
    { column: 'total', id: 'printed.memory_total', label: 'Memory total' },
    { column: 'total', id: 'printed.memory_total', label: 'Memory total' },
  ],
};

export const DEVICE_USED: SeriesName = {
  column: 'device_used',
  id: 'printed.device_used',
  label: 'Memory used, whole device',
};

export function seriesOf({ quantity, peak, scope, part }: Meaning): SeriesName {
  const named = NAMES[quantity][peak ? 1 : 0];
  if (part !== undefined)
    return {
      column: `${named.column} (${part})`,
      id: `printed.${named.column}.part`,
      label: `${named.label}, ${part}`,
    };
  if (scope === 'host')
    return {
      column: `host_${named.column}`,
      id: `host.${named.column}`,
      label: `${named.label}, of the machine (host)`,
    };
  return quantity === 'used' && scope === 'device' && !peak ? DEVICE_USED : named;
}

const SINCE = {
  line: 'the most since the line before, as the program sets the peak back at each',
  start: 'the most since the program began, which never falls',
} as const;

/** `since`: what the printing program's peaks are since; null: not known. */
export function kindOf(meaning: Meaning, place: Place, since: 'line' | 'start' | null): GaugeKind {
  const { id, label } = seriesOf(meaning);
  const isOpen = meaning.quantity === 'used' && meaning.scope === 'program' && meaning.part === undefined;
  const note =
    meaning.peak && since !== null
      ? SINCE[since]
      : isOpen
        ? "as the program's own line calls it: whether it counts allocated, reserved or the whole device it does not say"
        : null;
  return {
    id,
    label,
    unit: 'bytes',
    device: place.device,
    labels: meaning.scope === 'host' ? { ...place.labels, device_type: 'CPU' } : place.labels,
    note,
  };
}
