/** What of a large tree is handed out: no byte is lost, and 100,000 nodes take a bounded time. Trees are made here. */
import { describe, expect, it } from 'vitest';
import { cutTree, searchTree } from '../../../src/analyze/lives/stack-cut.ts';
import { NODE, type StackTree, stackTreeOf, type TreeChoice } from '../../../src/analyze/lives/stack-tree.ts';
import { weighStacks } from '../../../src/analyze/lives/stack-weights.ts';
import { type Lives, NEVER } from '../../../src/analyze/lives/lives.ts';
import { NONE } from '../../../src/trace/schema.ts';
import { StackTable } from '../../../src/trace/stack-table.ts';

const ALL: TreeChoice = { direction: 'top-down', hides: () => false, collapseRecursion: false };

/** Numbers that repeat from run to run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A stack table of so many nodes; most calls are of the newest nodes, so that it grows deep. */
function madeStacks(nodes: number, seed = 1): StackTable {
  const stacks = new StackTable();
  const next = numbers(seed);
  const frames = Array.from({ length: 500 }, (_, i) =>
    stacks.internFrame(`f${i % 97}`, `/app/${i % 13}/m.py`, i),
  );
  for (let deepest = NONE; stacks.length < nodes;) {
    const from = stacks.length === 0 || next(50) === 0 ? NONE : next(3) === 0 ? next(stacks.length) : deepest;
    deepest = stacks.child(from, frames[next(frames.length)]);
    if (next(40) === 0) deepest = next(stacks.length);
  }
  return stacks;
}

function treeOf(stacks: StackTable, weigh: (node: number) => number, choice = ALL): StackTree {
  const value = new Float64Array(stacks.length + 1);
  const count = new Float64Array(stacks.length + 1);
  for (let node = 0; node <= stacks.length; node++) {
    value[node] = weigh(node);
    count[node] = value[node] === 0 ? 0 : 1;
  }
  const weights = { value, count, unknown: { count: 0, bytes: 0 } };
  return stackTreeOf({ stacks, weights, labelOf: String, packageOf: () => null }, choice);
}

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

/** Whether children and own of each node, and the roots, give what is above them; in all four sums. */
function losesNothing(tree: StackTree, cut: ReturnType<typeof cutTree>): void {
  for (const name of ['total', 'up', 'down', 'count'] as const) {
    const below = new Float64Array(cut.length);
    let roots = 0;
    let early = 0;
    for (let place = 0; place < cut.length; place++) {
      if (cut.parent[place] < 0) roots += cut[name][place];
      else below[cut.parent[place]] += cut[name][place];
      if (cut.parent[place] >= place) early++;
    }
    expect(early).toBe(0);
    expect(roots).toBe(sum(tree[name].filter((_, node) => tree.parent[node] === NONE)));
    if (name !== 'total') continue;
    const lost = below.map((value, place) =>
      cut.kind[place] === NODE.more ? 0 : value + cut.own[place] - cut.total[place],
    );
    expect(lost.filter((value) => value !== 0)).toHaveLength(0);
  }
}

describe('what of a tree is handed out', () => {
  it('is all of a small one', () => {
    const stacks = madeStacks(500);
    const tree = treeOf(stacks, (node) => (node % 3) * 100);
    const cut = cutTree(tree, 10_000, null, null);
    expect(cut.length).toBe(tree.length);
    expect([...cut.isCut]).toEqual(new Array(cut.length).fill(0));
    losesNothing(tree, cut);
  });

  it.each([50, 500, 5000])('loses no byte of a large one cut to %i nodes', (most) => {
    const stacks = madeStacks(20_000, most);
    const next = numbers(most);
    const tree = treeOf(stacks, () => next(5000) - 1000);
    const cut = cutTree(tree, most, null, null);
    expect(cut.length).toBeLessThanOrEqual(most + 1);
    expect(sum(cut.stands) + cut.kind.filter((kind) => kind !== NODE.more).length).toBe(tree.length);
    losesNothing(tree, cut);
    // A planted loss is seen.
    cut.total[cut.length - 1] += 1;
    expect(() => losesNothing(tree, cut)).toThrow();
  });

  it('is what is below one node, and what is above it', () => {
    const tree = treeOf(madeStacks(20_000), (node) => node);
    const whole = cutTree(tree, 200, null, null);
    const place = whole.kind.findIndex(
      (kind, at) => kind === NODE.frame && whole.isCut[at] === 1 && whole.parent[at] >= 0,
    );
    const within = whole.id[place];
    const cut = cutTree(tree, 200, within, null);
    const at = cut.id.findIndex((id, i) => id === within && cut.kind[i] !== NODE.more);
    expect(cut.total[at]).toBe(whole.total[place]);
    const inside = (some: typeof cut, node: number): number =>
      some.parent.filter((_, i) => {
        let up = i;
        while (up >= 0 && some.id[up] !== node) up = some.parent[up];
        return up >= 0;
      }).length;
    expect(inside(cut, within)).toBeGreaterThan(inside(whole, within));
    losesNothing(tree, cut);
  });

  it('begins with what has no stack', () => {
    const stacks = madeStacks(300);
    const tree = treeOf(stacks, (node) => (node === stacks.length ? 1 : 1000));
    const cut = cutTree(tree, 10_000, null, null);
    expect([cut.kind[0], cut.total[0], cut.stack[0]]).toEqual([NODE.stackless, 1, NONE]);
  });

  it('tells what is found among what is left out', () => {
    const tree = treeOf(madeStacks(20_000), (node) => node);
    const hits = searchTree(tree, 'f13');
    const cut = cutTree(tree, 100, null, hits);
    expect(hits.found.nodes).toBe(sum(hits.hit));
    expect(cut.hit.some((hit, place) => hit === 1 && cut.kind[place] === NODE.more)).toBe(true);
  });

  it('is right for a call a thousand deep', () => {
    const stacks = new StackTable();
    let node = NONE as number;
    for (let depth = 0; depth < 20_000; depth++)
      node = stacks.child(node, stacks.internFrame(`f${depth}`, 'a.py', 1));
    const tree = treeOf(stacks, (at) => (at === node ? 7 : 0));
    const cut = cutTree(tree, 10_000, null, null);
    expect([cut.total[0], cut.length]).toEqual([7, 5001]);
    losesNothing(tree, cut);
  });
});

/** Lives of the stacks of a table, all alive at the end. */
function livesOfStacks(stacks: StackTable, count: number): Lives {
  const next = numbers(3);
  return {
    length: count,
    earlier: 0,
    rows: count,
    origin: 0,
    address: new Float64Array(count),
    requested: Float64Array.from({ length: count }, () => 512 * (1 + next(4000))),
    streamIndex: new Uint16Array(count),
    stack: Uint32Array.from({ length: count }, () => next(stacks.length)),
    group: new Uint8Array(count),
    rowFrom: Int32Array.from({ length: count }, (_, row) => row),
    rowFreed: new Int32Array(count).fill(NEVER),
    rowTo: new Int32Array(count).fill(NEVER),
  };
}

/** Top-down 100,000 nodes; bottom-up each stack is a path of its own, so that a fifth of them makes 300,000. */
describe.each([
  ['top-down', 100_000],
  ['by-file', 100_000],
  ['bottom-up', 20_000],
] as const)('a tree %s of %i calls', (direction, nodes) => {
  it('is cut to what can be drawn, and loses nothing', () => {
    const stacks = madeStacks(nodes);
    const lives = livesOfStacks(stacks, 1_000_000);
    const all = Uint32Array.from(lives.stack.keys());
    const weights = weighStacks(lives, all, stacks.length, { by: 'live', row: lives.rows - 1 });
    const source = { stacks, weights, labelOf: String, packageOf: () => null };
    const tree = stackTreeOf(source, { ...ALL, direction, collapseRecursion: true });
    const cut = cutTree(tree, 10_000, null, searchTree(tree, 'f1'));
    expect(sum(tree.total.filter((_, node) => tree.parent[node] === NONE))).toBe(sum(lives.requested));
    expect(cut.length).toBeLessThanOrEqual(10_001);
    losesNothing(tree, cut);
  });
});

describe('a difference', () => {
  it('shows one allocation that was planted, with its sign and nothing else', () => {
    const stacks = madeStacks(200);
    const lives = livesOfStacks(stacks, 50);
    const all = Uint32Array.from(lives.stack.keys());
    const planted = { ...lives, rowTo: lives.rowTo.slice() };
    planted.rowTo[7] = 49;
    const grown = (some: Lives, a: number, b: number): Float64Array =>
      weighStacks(some, all, stacks.length, { by: 'grown', a, b }).value;
    expect(grown(lives, 48, 49).filter((value) => value !== 0)).toEqual(lives.requested.slice(49));
    const [with7, without] = [grown(planted, 48, 49), grown(lives, 48, 49)];
    const apart = with7.map((value, node) => value - without[node]);
    expect([...apart.keys()].filter((node) => apart[node] !== 0)).toEqual([lives.stack[7]]);
    expect(apart[lives.stack[7]]).toBe(-lives.requested[7]);
    expect(grown(planted, 49, 48)).toEqual(with7.map((value) => 0 - value));
  });

  it('has as much width as its parts have, above and below 0', () => {
    const stacks = new StackTable();
    const main = stacks.child(NONE, stacks.internFrame('main', 'a.py', 1));
    const [grew, shrank] = ['grew', 'shrank'].map((name) =>
      stacks.child(main, stacks.internFrame(name, 'a.py', 2)),
    );
    const tree = treeOf(stacks, (node) => (node === grew ? 10 : node === shrank ? -10 : 0));
    const at = tree.frames.findIndex(({ name }) => name === 'main');
    const node = tree.frame.indexOf(at);
    expect([tree.total[node], tree.up[node], tree.down[node]]).toEqual([0, 10, 10]);
  });
});

/** The frames under which a stack of these calls ("name:line", outermost first) is found once repetitions are folded. */
function foldedPath(calls: readonly string[]): string[] {
  const stacks = new StackTable();
  const frame = (call: string): number =>
    stacks.internFrame(call.split(':')[0], 'a.py', Number(call.split(':')[1]));
  const path = calls.reduce((node, call) => stacks.child(node, frame(call)), NONE as number);
  const tree = treeOf(stacks, (node) => (node === path ? 5 : 0), { ...ALL, collapseRecursion: true });
  const names = (at: number): string[] => {
    if (at === NONE) return [];
    const { name, line } = tree.frames[tree.frame[at]];
    return [...names(tree.parent[at]), `${name}:${line}`];
  };
  const end = tree.own.findIndex((value) => value === 5);
  // Of the stacks that end at one call, the first stands for it.
  expect(tree.stack[end]).toBeLessThanOrEqual(path);
  // What was folded away leaves no call without weight behind.
  expect(tree.length).toBe(names(end).length);
  return names(end);
}

describe('recursion', () => {
  it.each([
    ['a function that calls itself', 'main:1 walk:2 walk:2 walk:2 make:9', 'main:1 walk:2 make:9'],
    ['one that ends on another of its lines', 'main:1 walk:2 walk:2 walk:5', 'main:1 walk:2 walk:5'],
    [
      'two that call each other',
      'main:1 walk:2 visit:3 walk:2 visit:3 make:9',
      'main:1 walk:2 visit:3 make:9',
    ],
    ['half a round more', 'walk:2 visit:3 walk:2 visit:3 walk:2 make:9', 'walk:2 visit:3 walk:2 make:9'],
  ])('%s: counts as its outermost call', (_what, calls, folded) => {
    expect(foldedPath(calls.split(' '))).toEqual(folded.split(' '));
  });

  it.each([
    ['functions of one name in one file', 'main:1 __init__:414 __init__:200 __init__:41'],
    ['what calls one module after another', 'f:1 _call_impl:7 f:10 _call_impl:7 f:20 _call_impl:7 f:30'],
  ])('%s: is none', (_what, calls) => {
    expect(foldedPath(calls.split(' '))).toEqual(calls.split(' '));
  });

  it('is what a search of all repeated ends finds, in drawn stacks', () => {
    const next = numbers(11);
    for (let round = 0; round < 400; round++) {
      const calls = Array.from({ length: 1 + next(14) }, () => `f:${next(3)}`);
      const naive: string[] = [];
      for (const call of calls) {
        naive.push(call);
        for (let length = 1; 2 * length <= naive.length; length++) {
          const tail = naive.slice(-length).join(' ');
          if (tail !== naive.slice(-2 * length, -length).join(' ')) continue;
          naive.length -= length;
          break;
        }
      }
      expect(foldedPath(calls)).toEqual(naive);
    }
  });
});
