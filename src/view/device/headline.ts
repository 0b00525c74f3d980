/** The headline figures as cards. A lower bound says "at least" in so many words. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { list } from '../../base/words.ts';
import type { DeviceView, HeadlineView } from '../../engine/protocol.ts';
import type { CurveColor } from '../parts/palette.ts';
import { curveColors } from '../parts/palette.ts';
import { formatInstant } from '../parts/words.ts';

export interface HeadlineCard {
  readonly id: string;
  readonly label: string;
  readonly color: CurveColor | null;
  /** "4.56 GiB", or "not recorded". */
  readonly now: string;
  readonly nowKnown: boolean;
  readonly nowTitle: string;
  readonly peak: string;
  readonly peakTitle: string;
  readonly bound: boolean;
  /** "at 3.200000 s"; null where it is not known. */
  readonly when: string | null;
  readonly peakAtNs: number | null;
  readonly peakRow: number | null;
  readonly note: string | null;
}

const NOT_KNOWN = 'not recorded';

function figure(value: number | null, unit: ByteUnit): { text: string; title: string } {
  if (value === null) return { text: NOT_KNOWN, title: 'The file does not tell.' };
  return { text: formatBytes(value, unit), title: `${formatInteger(value)} bytes` };
}

function whenOf(headline: HeadlineView, clock: DeviceView['clock']): string | null {
  if (clock !== 'none' && headline.peakAtNs !== null) return `at ${formatInstant(headline.peakAtNs)}`;
  return headline.peakRow === null ? null : `at event ${formatInteger(headline.peakRow)}`;
}

/** A note that several cards carry is said once, below them, with their names. */
export function sharedNotes(cards: readonly HeadlineCard[]): {
  readonly cards: readonly HeadlineCard[];
  readonly notes: readonly string[];
} {
  const labels = new Map<string, string[]>();
  for (const { note, label } of cards)
    if (note !== null) labels.set(note, [...(labels.get(note) ?? []), label]);
  const shared = [...labels].filter(([, names]) => names.length > 1);
  const isShared = (note: string | null): boolean => shared.some(([text]) => text === note);
  return {
    cards: cards.map((card) => (isShared(card.note) ? { ...card, note: null } : card)),
    notes: shared.map(([note, names]) => `${list(names)}: ${note}`),
  };
}

export function headlineCards(device: DeviceView, unit: ByteUnit): HeadlineCard[] {
  const colors = curveColors(device.series.filter(({ chart }) => chart === 'usage').map(({ id }) => id));
  return device.headline.map((headline) => {
    const now = figure(headline.now, unit);
    const peak = figure(headline.peak, unit);
    const bound = headline.peak !== null && !headline.peakExact;
    return {
      id: headline.id,
      label: headline.label,
      color: colors.get(headline.id) ?? colors.get(`${headline.id}_floor`) ?? null,
      now: now.text,
      nowKnown: headline.now !== null,
      nowTitle: now.title,
      peak: bound ? `at least ${peak.text}` : peak.text,
      peakTitle: bound ? `at least ${peak.title}` : peak.title,
      bound,
      when: headline.peak === null ? null : whenOf(headline, device.clock),
      peakAtNs: headline.peakAtNs,
      peakRow: headline.peakRow,
      note: headline.note,
    };
  });
}
