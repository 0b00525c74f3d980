/**
 * A server's memory budget as a bar that adds up:
 *
 *   |------------------------- total ---------------------------------------|
 *   |--------------- requested = total x utilization ------------|
 *   | weights | non-torch | activation peak | graphs | KV cache |?| graphs  | not requested |
 *
 * What the log prints is drawn as printed; what is left over is drawn as unexplained and never spread over the
 * rest. CUDA graphs lie inside what was requested only where the sum says so (servers that estimate them before).
 */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { list } from '../../base/words.ts';
import { rankText } from '../../base/rank.ts';
import type { BudgetPart, MemoryBudget } from '../../engine/protocol.ts';
import type { CurveColor } from '../parts/palette.ts';

type PartId = BudgetPart['id'];

export type SegmentKind = 'part' | 'before' | 'unexplained' | 'untold' | 'outside' | 'left';

export interface BudgetSegment {
  readonly id: string;
  readonly kind: SegmentKind;
  readonly label: string;
  readonly color: CurveColor | null;
  readonly bytes: number;
  /** Place and width as shares of the widest bar of all ranks. */
  readonly left: number;
  readonly width: number;
  readonly title: string;
}

export interface BudgetBar {
  readonly rank: string;
  readonly segments: readonly BudgetSegment[];
  /** Where requested ends, as a share; null where it is not told. */
  readonly requestedAt: number | null;
  /** End of the bar, as a share. */
  readonly end: number;
  /** "79.10 GiB x 0.9 = 71.19 GiB requested = 14.99 GiB weights + ...". */
  readonly sum: string;
  /** Requested (or used) minus its parts; null where it cannot be said. */
  readonly unexplained: number | null;
  /** Whether that is more than the printed digits leave open. */
  readonly apart: boolean;
  /** The log says that its parts make up the whole: where they do not, something is wrong. */
  readonly claimed: boolean;
}

/**
 * A server that tells what was free before and after each step (SGLang) prints every step once: figures of the same
 * name are several allocations. One that tells what it requested (vLLM) prints a newer figure of the same thing.
 */
export const printsSteps = ({ parts }: MemoryBudget): boolean =>
  parts.some(({ id }) => id === 'free_at_start') &&
  parts.some(({ id }) => id === 'available') &&
  !parts.some(({ id }) => id === 'requested');

/** Printed figures of one id that hold together, and their sum. */
export interface Figures {
  readonly value: number;
  readonly granularity: number;
  readonly parts: readonly BudgetPart[];
}

export function figuresOf(budget: MemoryBudget, id: PartId): Figures | null {
  const all = budget.parts.filter((part) => part.id === id);
  const latest = new Map(all.map((part) => [part.label, part]));
  const parts = printsSteps(budget) ? all : [...latest.values()];
  if (parts.length === 0) return null;
  return {
    value: parts.reduce((sum, part) => sum + part.value, 0),
    granularity: parts.reduce((sum, part) => sum + part.granularity, 0),
    parts,
  };
}

interface Piece {
  readonly id: string;
  readonly kind: SegmentKind;
  readonly label: string;
  readonly color: CurveColor | null;
  readonly bytes: number;
}

const PARTS: readonly (readonly [PartId, string, CurveColor])[] = [
  ['weights', 'Weights', 'blue'],
  ['non_torch', 'Non-torch', 'gold'],
  ['activation_peak', 'Activation peak', 'orange'],
  ['cuda_graphs', 'CUDA graphs', 'purple'],
  ['kv_cache', 'KV cache', 'green'],
];
const STEPS = ['weights', 'kv_cache', 'cuda_graphs'] as const satisfies readonly PartId[];
const INSIDE = ['weights', 'non_torch', 'activation_peak', 'kv_cache'] as const satisfies readonly PartId[];

const pieceOf = (id: PartId, bytes: number, kind: SegmentKind = 'part'): Piece => {
  const [, label, color] = PARTS.find(([part]) => part === id) ?? [id, id, 'grey'];
  return { id, kind, label: kind === 'outside' ? `${label} beyond the budget` : label, color, bytes };
};

interface Draft {
  readonly pieces: readonly Piece[];
  readonly whole: number;
  readonly requested: number | null;
  readonly unexplained: number | null;
  readonly slack: number;
  readonly head: string;
}

/** Half a printed digit of each figure that enters the sum, and one byte. */
const slackOf = (figures: readonly (Figures | null)[]): number =>
  figures.reduce((sum, one) => sum + (one === null ? 0 : one.granularity / 2), 1);

const missingNames = (budget: MemoryBudget): string[] =>
  PARTS.filter(([id]) => id !== 'cuda_graphs' && figuresOf(budget, id) === null).map(([, label]) =>
    inSentence(label),
  );

/** "CUDA graphs, estimated and not set aside": no room was left for the estimate. */
const isRefused = ({ parts }: Figures): boolean => parts.some(({ label }) => label.includes('not set aside'));

/** A total that was computed and not printed. */
const isCoarse = ({ value, granularity }: Figures): boolean => granularity > 0.005 * value;

/** Graphs beyond what was requested; where the log does not say whether room was left, none is drawn. */
function beyondOf(
  budget: MemoryBudget,
  graphs: Figures,
  estimate: Figures | null,
  within: Figures | null,
): number {
  if (within === graphs) return 0;
  if (estimate !== null) {
    const over = graphs.value - estimate.value;
    return over > (graphs.granularity + estimate.granularity) / 2 ? over : 0;
  }
  return budget.parts.some(({ label }) => label === 'Weights and non-torch together') ? 0 : graphs.value;
}

/** The log says how much was requested: everything is measured against that. */
function draftRequested(budget: MemoryBudget, requested: Figures, unit: ByteUnit): Draft {
  const of = (id: PartId): Figures | null => figuresOf(budget, id);
  const total = of('total');
  const utilization = of('utilization');
  const graphs = of('cuda_graphs');
  const estimate = of('cuda_graphs_estimated');
  const inside = INSIDE.map((id) => [id, of(id)] as const);
  const rest = inside.reduce((left, [, figure]) => left - (figure?.value ?? 0), requested.value);
  const slack = slackOf([requested, ...inside.map(([, figure]) => figure), estimate ?? graphs]);
  // An estimate was set aside before the cache was sized; measured graphs only where the sum closes with them.
  const closes = graphs !== null && Math.abs(rest) > slack && Math.abs(rest - graphs.value) <= slack;
  const isSetAside = estimate?.parts.some(({ label }) => label.includes('and set aside')) === true;
  const mayBeInside = estimate !== null && (isSetAside || !isRefused(estimate));
  const within = mayBeInside && rest > slack ? estimate : closes ? graphs : null;
  const left = rest - (within?.value ?? 0);
  const missing = missingNames(budget);
  const pieces = PARTS.flatMap(([id]): Piece[] => {
    const figure = id === 'cuda_graphs' ? within : of(id);
    return figure === null || figure.value <= 0 ? [] : [pieceOf(id, figure.value)];
  });
  const apart = Math.abs(left) > slack;
  if (left > slack) {
    pieces.push(
      missing.length > 0
        ? { id: 'untold', kind: 'untold', label: `Not printed: ${list(missing)}`, color: null, bytes: left }
        : { id: 'unexplained', kind: 'unexplained', label: 'Unexplained', color: null, bytes: left },
    );
  }
  const beyond = graphs === null ? 0 : beyondOf(budget, graphs, mayBeInside ? estimate : null, within);
  if (beyond > 0) pieces.push(pieceOf('cuda_graphs', beyond, 'outside'));
  const used = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const spare = (total?.value ?? 0) - used;
  if (spare > slack)
    pieces.push({ id: 'left', kind: 'left', label: 'Not requested', color: null, bytes: spare });
  const share =
    total === null || utilization === null
      ? ''
      : `${isCoarse(total) ? 'about ' : ''}${formatBytes(Math.round(total.value), unit)} × ${utilization.value} = `;
  return {
    pieces,
    whole: Math.max(total?.value ?? requested.value, used),
    requested: requested.value,
    unexplained: missing.length > 0 && apart ? null : left,
    slack,
    head: `${share}${formatBytes(Math.round(requested.value), unit)} requested`,
  };
}

const notPrinted = (bytes: number): Piece => ({
  id: 'untold',
  kind: 'untold',
  label: 'Not printed',
  color: null,
  bytes,
});

/** The log says what was free before and after: what went in between is measured against that. */
function draftFree(budget: MemoryBudget, unit: ByteUnit): Draft {
  const of = (id: PartId): Figures | null => figuresOf(budget, id);
  const total = of('total');
  const start = of('free_at_start');
  const printed = budget.parts.findLast(({ id }) => id === 'available') ?? null;
  // A step that is printed after it is not in that figure.
  const isEnd = STEPS.every((id) =>
    budget.parts.every((part) => part.id !== id || part.offset <= (printed?.offset ?? -1)),
  );
  const available = isEnd ? printed : null;
  // What communication took lies before "free at the start".
  const inside = PARTS.filter(([id]) => id !== 'non_torch' || start === null);
  const pieces: Piece[] = [];
  if (total !== null && start !== null && total.value > start.value) {
    const bytes = total.value - start.value;
    pieces.push({ id: 'before', kind: 'before', label: 'In use before', color: 'brown', bytes });
  }
  const figures = inside.map(([id]) => [id, of(id)] as const);
  // vLLM captures graphs after the KV cache has its size; a server that prints steps captures them among those.
  const isBeyond = budget.producer.startsWith('vLLM') && of('cuda_graphs_estimated') === null;
  for (const [id, figure] of figures)
    if (figure !== null && figure.value > 0 && !(isBeyond && id === 'cuda_graphs'))
      pieces.push(pieceOf(id, figure.value));
  const graphs = of('cuda_graphs');
  if (isBeyond && graphs !== null) pieces.push(pieceOf('cuda_graphs', graphs.value, 'outside'));
  const parts = figures.reduce((sum, [, figure]) => sum + (figure?.value ?? 0), 0);
  const slack = slackOf([start, ...figures.map(([, figure]) => figure)]) + (available?.granularity ?? 0) / 2;
  const measured = start !== null && available !== null;
  const unexplained = measured ? start.value - available.value - parts : null;
  // Such a server claims no sum: what no line names is not printed, and nothing is wrong with it.
  if (unexplained !== null && unexplained > slack) pieces.push(notPrinted(unexplained));
  if (available !== null && start !== null)
    pieces.push({ id: 'left', kind: 'left', label: 'Left free', color: null, bytes: available.value });
  const used = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = Math.max(total?.value ?? start?.value ?? 0, used);
  if (!measured && whole - used > slack) {
    pieces.push(notPrinted(whole - used));
  }
  const taken = measured ? start.value - available.value : null;
  const head = taken === null ? '' : `${formatBytes(Math.round(taken), unit)} taken from the start on`;
  return { pieces, whole, requested: null, unexplained, slack, head };
}

/** "weights", but "KV cache". */
const inSentence = (label: string): string =>
  /^[A-Z]{2}/.test(label) ? label : label.slice(0, 1).toLowerCase() + label.slice(1);

const plus = (pieces: readonly Piece[], unit: ByteUnit): string =>
  pieces
    .map(({ label, bytes }) => `${formatBytes(Math.round(bytes), unit)} ${inSentence(label)}`)
    .join(' + ');

function sumOf({ pieces, head, unexplained, slack }: Draft, unit: ByteUnit): string {
  const inside = pieces.filter(({ kind }) => kind === 'part' || kind === 'unexplained' || kind === 'untold');
  const over = unexplained !== null && unexplained < -slack;
  const more = over ? `, ${formatBytes(Math.round(-unexplained), unit)} more than that` : '';
  return [head, plus(inside, unit)].filter((text) => text !== '').join(' = ') + more;
}

/** One bar a rank, all on one scale. */
export function budgetBars(budgets: readonly MemoryBudget[], unit: ByteUnit): BudgetBar[] {
  const drafts = budgets.map((budget) => {
    const requested = figuresOf(budget, 'requested');
    return requested === null ? draftFree(budget, unit) : draftRequested(budget, requested, unit);
  });
  const widest = Math.max(1, ...drafts.map(({ whole }) => whole));
  return drafts.map((draft, index): BudgetBar => {
    let at = 0;
    const segments = draft.pieces.map((piece): BudgetSegment => {
      const left = at / widest;
      at += piece.bytes;
      const bytes = Math.round(piece.bytes);
      const title = `${piece.label}: ${formatBytes(bytes, unit)} (${formatInteger(bytes)} bytes)`;
      return { ...piece, left, width: piece.bytes / widest, title };
    });
    return {
      rank: rankText(budgets[index].rank),
      segments,
      requestedAt: draft.requested === null ? null : draft.requested / widest,
      end: draft.whole / widest,
      sum: sumOf(draft, unit),
      unexplained: draft.unexplained,
      apart: draft.unexplained !== null && Math.abs(draft.unexplained) > draft.slack,
      claimed: draft.requested !== null,
    };
  });
}

export interface BudgetKey {
  readonly id: string;
  readonly kind: SegmentKind;
  readonly label: string;
  readonly color: CurveColor | null;
}

/** What the colours mean: each segment that some bar has, once. */
export function budgetKeys(bars: readonly BudgetBar[]): BudgetKey[] {
  const keys = new Map<string, BudgetKey>();
  for (const { segments } of bars) {
    for (const { id, kind, label, color } of segments) {
      // What stands in the bar tells where it lies; the colour is the same inside and on top.
      if (!keys.has(id)) keys.set(id, { id, kind, label: kind === 'untold' ? 'Not printed' : label, color });
    }
  }
  return [...keys.values()];
}

const rankName = ({ rank }: BudgetBar): string => (rank === '' ? 'driver' : rank);

interface Judged {
  readonly bar: BudgetBar;
  readonly name: string;
}

/** "TP0: 1.30 GiB unexplained; TP1: ... and 3 more"; without names where there is one bar. */
function tell(judged: readonly Judged[], alone: boolean, say: (bytes: number) => string): string {
  const told = judged.slice(0, 4).map(({ bar, name }) => {
    const what = say(bar.unexplained ?? 0);
    return alone ? what : `${name}: ${what}`;
  });
  const more = judged.length > told.length ? ` and ${judged.length - told.length} more` : '';
  return told.join('; ') + more;
}

/** Whether the parts add up, in words; what remains where the log claims no sum. */
export function budgetVerdict(bars: readonly BudgetBar[], unit: ByteUnit): string {
  const judged = bars
    .map((bar): Judged => ({ bar, name: rankName(bar) }))
    .filter(({ bar }) => bar.unexplained !== null);
  if (judged.length === 0) return 'The log does not print every part, so it cannot be added up.';
  const off = judged.filter(({ bar }) => bar.apart);
  const alone = bars.length === 1;
  const amount = (bytes: number): string => formatBytes(Math.round(Math.abs(bytes)), unit);
  const wrong = off.filter(({ bar }) => bar.claimed);
  if (wrong.length > 0) {
    const what = tell(wrong, alone, (bytes) =>
      bytes > 0 ? `${amount(bytes)} unexplained` : `${amount(bytes)} more than requested`,
    );
    return `Does not add up. ${what}.`;
  }
  const rest = off.filter(({ bar }) => !bar.claimed);
  if (rest.length > 0) {
    const what = tell(rest, alone, (bytes) =>
      bytes > 0
        ? `${amount(bytes)} went to what no line names`
        : `${amount(bytes)} less went than the lines name`,
    );
    return `What was free is printed before and after each step, and no sum of the steps: ${what}.`;
  }
  const unjudged = bars.length - judged.length;
  const who = alone
    ? 'The parts add'
    : unjudged === 0
      ? `The parts of all ${bars.length} add`
      : `The parts of ${judged.length} of ${bars.length} add`;
  return `${who} up, within the printed digits.`;
}
