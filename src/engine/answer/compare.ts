/** Two devices compared, as plain data: what the page and `vramscope diff` show. */
import { type Both, compareSides, type Comparison, type FigureAt } from '../../analyze/compare/compare.ts';
import { placeOf, wordsOf } from '../../analyze/compare/sentence.ts';
import type { CompareSide, Moment } from '../../analyze/compare/side.ts';
import { compareSideOf } from '../../analyze/compare-side.ts';
import type { DeviceFacts } from '../../analyze/device-facts.ts';
import { settingText } from '../../base/rank.ts';
import { TraceError } from '../../base/trace-error.ts';
import { NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import type { CompareView, CompareFigure } from '../compare-protocol.ts';

export interface Compared {
  readonly session: DeviceSession;
  readonly file: string;
}

const sideOf = ({ session }: Compared, facts: DeviceFacts): CompareSide =>
  compareSideOf(facts, session.source.settings.map(settingText), session.source.producer);

const figureOf = (figure: FigureAt | null): CompareFigure | null => figure;

const PARTS = [
  ['requested', 'Live (requested)'],
  ['rounding', 'Rounding of blocks'],
  ['pending', 'Freed, waiting for other streams'],
  ['inactiveSplit', 'Free but pinned (inactive split)'],
  ['releasable', 'Free and releasable'],
  ['privateIdle', 'Free in private pools'],
] as const;

/** Where every reserved byte is at both moments; null: not known of both. */
function ledgerOf(facts: readonly [DeviceFacts, DeviceFacts], { rows }: Comparison): CompareView['ledger'] {
  const [a, b] = facts.map((one, side) => one.ledgerAfter(rows[side])?.ledger ?? null);
  if (a === null || b === null) return null;
  return PARTS.map(([part, label]) => ({
    id: part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    label,
    a: a.parts[part],
    b: b.parts[part],
    difference: b.parts[part] - a.parts[part],
  }));
}

const pair = ({ bytes, allocations }: { readonly bytes: Both; readonly allocations: Both }) => ({
  ...bytes,
  allocations,
});

const sum = (all: readonly Both[]): Both =>
  all.reduce(
    (total, one) => ({
      a: total.a + one.a,
      b: total.b + one.b,
      difference: total.difference + one.difference,
    }),
    { a: 0, b: 0, difference: 0 },
  );

/** Of devices of one kind: PyTorch's GPU memory, its pinned memory, Nsight's. Throws `refused` for others. */
export function compareDevices(
  a: Compared,
  b: Compared,
  moments: readonly [Moment, Moment],
  limit: number,
): CompareView {
  const kinds = [a, b].map(({ session }) => session.trace.producer);
  if (kinds[0] !== kinds[1])
    throw new TraceError(
      'refused',
      `A is a recording of ${kinds[0]} and B one of ${kinds[1]}: they count other things.`,
      {
        advice: 'Compare two recordings of one kind.',
      },
    );
  const facts = [a.session.facts(), b.session.facts()] as const;
  const sides = [sideOf(a, facts[0]), sideOf(b, facts[1])] as const;
  const comparison = compareSides(sides[0], sides[1], moments);
  if (comparison === null)
    throw new TraceError('refused', 'One of the two recordings has no such moment.', {
      advice: 'Give the number of an event, or of an iteration that was found.',
    });
  const { rows, lines } = comparison;
  const words = wordsOf(comparison, moments, [sides[0].known, sides[1].known]);
  const rest = lines.slice(limit);
  return {
    a: placed(a, rows[0], sides[0]),
    b: placed(b, rows[1], sides[1]),
    sentence: words.sentence,
    notes: words.notes,
    requested: figureOf(comparison.requested)!,
    allocated: figureOf(comparison.allocated),
    reserved: figureOf(comparison.reserved),
    lines: lines.slice(0, limit).map((line) => ({
      place: placeOf(line),
      placeInA: line.a?.label ?? null,
      placeInB: line.b?.label ?? null,
      isLine: (line.b ?? line.a)!.frame !== null,
      ...pair(line),
      iterationSince: line.onset?.since ?? null,
      allocationsPerIteration: line.onset?.allocationsPerIteration ?? null,
      stackInA: stackOf(line.a?.stack),
      stackInB: stackOf(line.b?.stack),
    })),
    rest: {
      lines: rest.length,
      ...sum(rest.map(({ bytes }) => bytes)),
      allocations: sum(rest.map(({ allocations }) => allocations)),
    },
    ledger: ledgerOf(facts, comparison),
    streams: comparison.streams.map((one) => ({ stream: one.stream, ...pair(one) })),
    sizeClasses: comparison.classes.map((one) => ({
      from: one.power === 0 ? 0 : 2 ** one.power,
      to: 2 ** (one.power + 1),
      ...pair(one),
    })),
    settings: comparison.settings,
    iterations:
      typeof comparison.loops === 'string'
        ? null
        : { a: comparison.loops.counts[0], b: comparison.loops.counts[1] },
    firstDifferent: comparison.order,
  };
}

const stackOf = (stack: number | undefined): number | null =>
  stack === undefined || stack === NONE ? null : stack;

function placed({ session, file }: Compared, row: number, { loop, known }: CompareSide): CompareView['a'] {
  const at = loop.count === 0 ? -1 : loop.rows.findIndex((begin) => begin > row);
  return {
    device: session.key,
    file,
    gpu: session.trace.device,
    row,
    xNs: row < 0 ? null : session.timeOf(row),
    iteration: at > 0 ? at : null,
    exact: known,
  };
}
