/** Edits of requests, drawn as text: +a asks for a, -a frees it, ~a is when its other streams are done with it. */
import { describe, expect, it } from 'vitest';
import { allocationsWhere, applyEdit, type Edit, lastStepOf, runsThrough } from '../../src/replay/edits.ts';
import { OP, RequestBuilder, type Requests } from '../../src/replay/requests.ts';
import { NONE } from '../../src/trace/schema.ts';
import { StackTable } from '../../src/trace/stack-table.ts';

const SIGNS: Readonly<Record<string, number>> = {
  '+': OP.alloc,
  '-': OP.free_requested,
  '~': OP.free_completed,
};

/** One row a step; "!" is empty_cache. Allocations are numbered in the order of their first letter. */
function requestsFrom(picture: string): Requests {
  const steps = picture.split(' ');
  const builder = new RequestBuilder(steps.length, steps.length);
  const numbers = new Map<string, number>();
  steps.forEach((step, row) => {
    if (step === '!') return builder.step(OP.empty_cache, -1, row);
    const name = step[1];
    if (step[0] === '+') numbers.set(name, builder.make(1001, 0, 0, name.charCodeAt(0)));
    builder.step(SIGNS[step[0]], numbers.get(name)!, row);
  });
  return builder.finish();
}

function pictureOf({ length, op, allocation, stack }: Requests): string {
  const sign = (code: number): string => Object.keys(SIGNS).find((key) => SIGNS[key] === code) ?? '!';
  return Array.from({ length }, (_, step) =>
    op[step] === OP.empty_cache ? '!' : `${sign(op[step])}${String.fromCharCode(stack[allocation[step]])}`,
  ).join(' ');
}

const named = (requests: Requests, names: string): Uint8Array =>
  allocationsWhere(requests, (stack) => names.includes(String.fromCharCode(stack)));

describe.each<[string, string, string, Edit, string]>([
  ['leaves out', '+a +b -a ~a ! -b ~b', 'a', { kind: 'drop' }, '+b ! -b ~b'],
  ['leaves out all of a site', '+a +b +c -c', 'ac', { kind: 'drop' }, '+b'],
  ['frees at once', '+a +b +c -a ~a', 'a', { kind: 'shorten', steps: 0 }, '+a -a ~a +b +c'],
  ['frees after a step', '+a +b +c -a ~a', 'a', { kind: 'shorten', steps: 1 }, '+a +b -a ~a +c'],
  ['leaves shorter lives alone', '+a +b -a ~a +c', 'a', { kind: 'shorten', steps: 3 }, '+a +b -a ~a +c'],
  ['frees what was never freed', '+a +b +c', 'a', { kind: 'shorten', steps: 1 }, '+a +b -a ~a +c'],
  ['leaves what ends with the recording', '+a +b', 'a', { kind: 'shorten', steps: 5 }, '+a +b'],
  [
    'keeps the wait of other streams',
    '+a +b +c -a +d ~a',
    'a',
    { kind: 'shorten', steps: 0 },
    '+a -a +b ~a +c +d',
  ],
  ['keeps a wait without end', '+a +b +c -a', 'a', { kind: 'shorten', steps: 0 }, '+a -a +b +c'],
  ['frees at a row', '+a +b +c +d -a ~a', 'a', { kind: 'free_at', row: 2 }, '+a +b +c -a ~a +d'],
  ['not what is asked for later', '+b +c +d +a -a ~a', 'a', { kind: 'free_at', row: 1 }, '+b +c +d +a -a ~a'],
  ['nor what is gone by then', '+a -a ~a +b +c', 'a', { kind: 'free_at', row: 3 }, '+a -a ~a +b +c'],
  ['moves later', '+a -a ~a +b -b ~b', 'a', { kind: 'move', steps: 2 }, '+b -b +a -a ~a ~b'],
  ['moves earlier', '+b +c +a +d -a ~a', 'a', { kind: 'move', steps: -2 }, '+a +b -a ~a +c +d'],
  ['as far as it goes', '+b +a +c -a ~a', 'a', { kind: 'move', steps: -9 }, '+a +b -a ~a +c'],
  ['and to the end', '+a -a ~a +b', 'a', { kind: 'move', steps: 9 }, '+b +a -a ~a'],
  ['or nowhere', '+a -a ~a +b', 'a', { kind: 'move', steps: 0 }, '+a -a ~a +b'],
])('an edit %s', (_what, before, names, edit, after) => {
  const requests = requestsFrom(before);
  const edited = applyEdit(requests, named(requests, names), edit);

  it('gives what is drawn', () => {
    expect(pictureOf(edited)).toBe(after);
  });

  it('leaves the old requests alone, and rows ascending', () => {
    expect(pictureOf(requests)).toBe(before);
    expect([...edited.row]).toEqual([...edited.row].sort((a, b) => a - b));
    expect(edited.row).toHaveLength(edited.length);
  });
});

describe('a site', () => {
  it('shrinks by a factor, rounded down', () => {
    const requests = requestsFrom('+a +b');
    const edited = applyEdit(requests, named(requests, 'a'), { kind: 'shrink', factor: 0.5 });
    expect([...edited.requested]).toEqual([500, 1001]);
    expect([...requests.requested]).toEqual([1001, 1001]);
  });

  it('is all stacks that run through a node', () => {
    const stacks = new StackTable();
    const main = stacks.child(NONE, stacks.internFrame('main', 'a.py', 1));
    const forward = stacks.child(main, stacks.internFrame('forward', 'a.py', 2));
    const backward = stacks.child(main, stacks.internFrame('backward', 'a.py', 3));
    expect([main, forward, backward, NONE].map((stack) => runsThrough(stacks, stack, main))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(runsThrough(stacks, main, forward)).toBe(false);
  });

  it('edits follow one another', () => {
    const requests = requestsFrom('+a +b -a ~a +c');
    const without = applyEdit(requests, named(requests, 'b'), { kind: 'drop' });
    const moved = applyEdit(without, named(without, 'a'), { kind: 'move', steps: 1 });
    expect(pictureOf(moved)).toBe('+c +a -a ~a');
  });
});

describe('the last step of a row', () => {
  it('is that of the rows before where it has none', () => {
    const requests = { ...requestsFrom('+a +b +c'), row: Uint32Array.of(2, 2, 5) };
    expect([0, 2, 4, 5, 9].map((row) => lastStepOf(requests, row))).toEqual([-1, 1, 1, 2, 2]);
  });
});
