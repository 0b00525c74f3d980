/** The object that `vramscope diff --json` prints (docs/cli.md). */
import { withAmounts } from '../base/amounts.ts';
import type { CompareAmount, CompareBoth, CompareView } from '../engine/protocol.ts';

const both = ({ a, b, difference }: CompareBoth): object => ({ a, b, difference });
const amount = (one: CompareAmount): object => ({ ...both(one), allocations: both(one.allocations) });
const text = (sentence: string): string => withAmounts(sentence, 'binary');

const place = ({ file, gpu, row, xNs, iteration, exact }: CompareView['a']): object => ({
  file,
  device: gpu,
  row,
  ns_from_begin: xNs,
  iteration,
  exact,
});

export const diffObject = (view: CompareView): object => ({
  a: place(view.a),
  b: place(view.b),
  sentence: text(view.sentence),
  notes: view.notes.map(text),
  requested: view.requested,
  allocated: view.allocated,
  reserved: view.reserved,
  lines: view.lines.map((line) => ({
    place: line.place,
    place_in_a: line.placeInA,
    place_in_b: line.placeInB,
    is_line: line.isLine,
    ...amount(line),
    iteration_since: line.iterationSince,
    allocations_per_iteration: line.allocationsPerIteration,
  })),
  rest: { lines: view.rest.lines, ...amount(view.rest) },
  ledger: view.ledger?.map((one) => ({ part: one.id, ...both(one) })) ?? null,
  streams: view.streams.map((one) => ({ stream: one.stream, ...amount(one) })),
  size_classes: view.sizeClasses.map((one) => ({ from: one.from, to: one.to, ...amount(one) })),
  settings: view.settings,
  iterations: view.iterations,
  first_different: view.firstDifferent,
});
