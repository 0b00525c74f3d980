/** What the view of stacks says and draws, for answers of the real engine over a real recording. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import type { LineAnswer, StackTreeAnswer, StackTreeQuery } from '../../../src/engine/protocol.ts';
import { MEASURES } from '../../../src/view/workspace/stack-choice.ts';
import {
  KIND,
  layoutStacks,
  linksOf,
  nodeAt,
  stepFrom,
  widthOf,
} from '../../../src/view/workspace/stack-layout.ts';
import {
  areaPath,
  curvePath,
  iterationWords,
  lineWords,
  sizeBars,
} from '../../../src/view/workspace/stack-line.ts';
import {
  filterTerm,
  foundWords,
  frameAt,
  labelOf,
  missingWords,
  nodeOfPath,
  pathOf,
  pictureName,
  readout,
  shareOf,
  shownWords,
} from '../../../src/view/workspace/stack-words.ts';
import {
  firstOpen,
  inkOf,
  legendOf,
  lookOf,
  rowHeads,
  treeRows,
  withTerm,
} from '../../../src/view/workspace/stacks.ts';
import { allLives, askTree, DEVICE } from '../../analyze/lives/tree-for-test.ts';
import { openFiles } from '../../diagnose/logs-for-test.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

let engine: Engine;
let tree: StackTreeAnswer;

const ask = (more: Partial<StackTreeQuery> = {}): Promise<StackTreeAnswer> =>
  askTree(engine, { measure: 'peak', hide: null, cpp: false, collapseRecursion: true, ...more });

beforeAll(async () => {
  const bytes = gunzipSync(readFileSync(join(ROOT, 'samples/train.pickle.gz')));
  ({ engine } = await openFiles({ 'train.pickle': new Uint8Array(bytes) }));
  tree = await ask();
});

const places = ({ nodes }: StackTreeAnswer): number[] =>
  Array.from({ length: nodes.length }, (_, node) => node);

describe('the picture', () => {
  it('gives every node the width that it weighs, inside of its caller', () => {
    const layout = layoutStacks(tree.nodes, -1);
    const whole = tree.total.up + tree.total.down;
    for (const node of places(tree)) {
      const { parent } = tree.nodes;
      expect((layout.to[node] - layout.from[node]) * whole).toBeCloseTo(widthOf(tree.nodes, node), -3);
      if (parent[node] < 0) continue;
      expect(layout.from[node]).toBeGreaterThanOrEqual(layout.from[parent[node]] - 1e-12);
      expect(layout.to[node]).toBeLessThanOrEqual(layout.to[parent[node]] + 1e-9);
      expect(layout.level[node]).toBe(layout.level[parent[node]] + 1);
    }
    expect(layout.levels).toBeGreaterThan(3);
  });

  it('fills the width with the node that is zoomed in on, its callers above it', () => {
    const node = places(tree).find((at) => tree.nodes.parent[at] >= 0 && linksOf(tree.nodes).child[at] >= 0)!;
    const layout = layoutStacks(tree.nodes, node);
    for (let at = node; at >= 0; at = tree.nodes.parent[at])
      expect([layout.from[at], layout.to[at]]).toEqual([0, 1]);
    const outside = places(tree).filter(
      (at) => !pathOf(tree, at).join().startsWith(pathOf(tree, node).join()),
    );
    for (const at of outside)
      if (!pathOf(tree, node).join().startsWith(pathOf(tree, at).join()))
        expect(layout.to[at] - layout.from[at]).toBe(0);
  });

  it('finds the node under a point, and none where nothing is', () => {
    const layout = layoutStacks(tree.nodes, -1);
    for (const node of places(tree).filter((at) => layout.to[at] - layout.from[at] > 1e-6)) {
      const middle = (layout.from[node] + layout.to[node]) / 2;
      expect(nodeAt(layout, middle, layout.level[node])).toBe(node);
    }
    expect(nodeAt(layout, 0.5, layout.levels)).toBe(-1);
  });

  it('is walked by keys: every node is reached and left again', () => {
    const links = linksOf(tree.nodes);
    const seen = new Set<number>();
    const visit = (first: number): void => {
      for (let at = first; ;) {
        seen.add(at);
        const child = stepFrom(tree.nodes, links, at, 'in');
        if (child !== at) {
          expect(stepFrom(tree.nodes, links, child, 'out')).toBe(at);
          visit(child);
        }
        const next = stepFrom(tree.nodes, links, at, 'next');
        if (next === at) return;
        expect(stepFrom(tree.nodes, links, next, 'previous')).toBe(at);
        at = next;
      }
    };
    visit(0);
    expect(seen.size).toBe(tree.nodes.length);
    expect(stepFrom(tree.nodes, links, 0, 'out')).toBe(0);
    const widest = stepFrom(tree.nodes, links, -1, 'in');
    const roots = places(tree).filter((at) => tree.nodes.parent[at] < 0);
    expect(widthOf(tree.nodes, widest)).toBe(Math.max(...roots.map((at) => widthOf(tree.nodes, at))));
  });

  it('leads a path back to its node in another answer', async () => {
    for (const node of places(tree).slice(0, 50)) expect(nodeOfPath(tree, pathOf(tree, node))).toBe(node);
    const other = await ask({ measure: 'count' });
    const path = pathOf(
      tree,
      places(tree).find((at) => tree.nodes.kind[at] === KIND.frame)!,
    );
    expect(labelOf(other, nodeOfPath(other, path))).toBe(labelOf(tree, nodeOfPath(tree, path)));
    expect(nodeOfPath(tree, [...path, 'nowhere'])).toBe(-1);
  });
});

/** WCAG's contrast of two colours. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number =>
    [1, 3, 5]
      .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
      .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe('the colours', () => {
  it('can be read through in both themes, by every measure', async () => {
    for (const measure of ['peak', 'grown'] as const)
      for (const hide of [null, []]) {
        const answer = await ask({ measure, hide, cpp: true });
        for (const isDark of [false, true])
          for (const node of places(answer))
            expect(contrast(lookOf(answer, node, isDark).fill, inkOf(isDark))).toBeGreaterThanOrEqual(4.5);
      }
  });

  it('tell the user own frames from the rest, and are explained', async () => {
    const answer = await ask({ hide: [], cpp: true });
    const labels = legendOf(answer, false).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['your code, a colour for each file', 'framework']));
    expect(new Set(legendOf(answer, false).map(({ fill }) => fill)).size).toBe(labels.length);
  });
});

describe('the words', () => {
  it('say the figures of the answer', () => {
    expect(shownWords(tree, 'binary')).toMatch(
      /^Alive at the peak, just after event [\d,]+ \([\d.]+ \w+\): [\d.]+ [MG]iB in [\d,]+ allocations\.$/,
    );
    const node = places(tree).find((at) => tree.nodes.kind[at] === KIND.frame)!;
    expect(readout(tree, node, 'binary')).toContain(labelOf(tree, node));
    expect(pictureName(tree, 'binary')).toContain('Widest: ');
  });

  it('of a difference say its sign', async () => {
    const [there, back] = await Promise.all([
      ask({ measure: 'grown', a: -1, b: 500 }),
      ask({ measure: 'grown', a: 500, b: -1 }),
    ]);
    expect(there.total.total).toBe(-back.total.total);
    expect(there.total.total).toBeGreaterThan(0);
    expect(shownWords(there, 'binary')).toMatch(/^From the beginning to event 500 .*: \+[\d.]+ .iB /);
    expect(shownWords(back, 'binary')).toMatch(/: −[\d.]+ .iB /);
    expect(readout(back, 0, 'binary')).toContain(': −');
    expect(rowHeads(there)[0]).toBe('Change');
  });

  it('have some for every measure', async () => {
    for (const { id } of MEASURES) {
      const answer = await ask({ measure: id });
      expect(answer.why).toBeNull();
      expect(shownWords(answer, 'binary')).toMatch(/[\d,.]+/);
      expect(shownWords(answer, 'binary')).not.toContain('undefined');
    }
  });

  it('say the share of what is found', async () => {
    const answer = await ask({ search: 'forward' });
    const share = shareOf(answer, answer.found!);
    expect(share).toBeGreaterThan(0.01);
    expect(foundWords(answer, 'forward', 'binary')).toContain(`${(100 * share).toFixed(1)} %, in `);
    expect(foundWords(await ask({ search: 'zzz' }), 'zzz', 'binary')).toBe('zzz: nothing here');
  });

  it('say what has no stack', async () => {
    expect(missingWords(await ask({ filter: 'frame:/./' }), 'binary')).toBe('');
    const bytes = readFileSync(join(ROOT, 'test/fixtures/snapshot/ring.pickle.gz'));
    const { engine: other } = await openFiles({ 'ring.pickle': new Uint8Array(gunzipSync(bytes)) });
    const ring = await askTree(other, { measure: 'live', moment: 0 });
    expect(ring.stackless.total).toBeGreaterThan(0);
    expect(ring.nodes.kind[0]).toBe(KIND.stackless);
    expect(missingWords(ring, 'binary')).toMatch(/^[\d.]+ % have no stack/);
  });
});

describe('filter by this', () => {
  it('lets pass what has this frame, by a term that is its alone', async () => {
    const lives = await allLives(engine);
    const frames = new Map<number, readonly { name: string; filename: string; line: number }[]>();
    let tried = 0;
    for (const node of places(tree)
      .filter((at) => tree.nodes.kind[at] === KIND.frame)
      .slice(0, 12)) {
      const frame = frameAt(tree, node)!;
      const term = filterTerm(frame, tree.frames)!;
      const answer = await engine.lives({
        device: DEVICE,
        filter: term,
        sort: 'made',
        descending: false,
        from: 0,
        limit: 1,
      });
      if (!answer.ok) throw new Error(answer.error.message);
      expect(answer.value.fault).toBeNull();
      let expected = 0;
      for (const { stack } of lives) {
        if (stack === null) continue;
        if (!frames.has(stack)) {
          const told = await engine.frames(DEVICE, stack);
          frames.set(stack, told.ok ? told.value : []);
        }
        if (
          frames.get(stack)!.some(({ filename, line }) => filename === frame.filename && line === frame.line)
        )
          expected++;
      }
      expect(answer.value.total).toBe(expected);
      tried += expected;
    }
    expect(tried).toBeGreaterThan(0);
  });

  it('adds its term once', () => {
    expect(withTerm('size>1MiB ', 'frame:a')).toBe('size>1MiB frame:a');
    expect(withTerm('size>1MiB frame:a', 'frame:a')).toBe('size>1MiB frame:a');
    expect(withTerm('', 'frame:a')).toBe('frame:a');
  });
});

describe('the table', () => {
  it('shows the widest path at first, and all of it when all is open', () => {
    const links = linksOf(tree.nodes);
    const first = treeRows(tree, links, firstOpen(tree, links), 'binary');
    expect(first.rows.length).toBeGreaterThan(1);
    expect(first.rows[0]).toMatchObject({ level: 1, place: 1 });
    const all = new Set<string>();
    let { rows } = first;
    for (let count = -1; count < rows.length;) {
      count = rows.length;
      for (const { key, open } of rows) if (open !== null) all.add(key);
      ({ rows } = treeRows(tree, links, all, 'binary'));
    }
    expect(rows.length).toBe(Math.min(1000, tree.nodes.length));
    const titles = rows.map(({ cells }) => cells[0].title);
    expect(titles[0]).toBe(`${tree.nodes.total[0].toLocaleString('en')} bytes`);
    for (const { cells } of rows) expect(cells).toHaveLength(rowHeads(tree).length);
  });

  it('opens what leads to a node', () => {
    const links = linksOf(tree.nodes);
    const deepest = places(tree).reduce(
      (best, at) => (pathOf(tree, at).length > pathOf(tree, best).length ? at : best),
      0,
    );
    const { rows } = treeRows(tree, links, firstOpen(tree, links, deepest), 'binary');
    expect(rows.some(({ node }) => node === deepest)).toBe(true);
  });
});

describe('the page of a line', () => {
  const told = async (label: string): Promise<LineAnswer> => {
    const answer = await engine.line({
      ...{ device: DEVICE, filter: '', axis: 'event', range: null, columns: 50 },
      ...{ of: { kind: 'label', label }, marks: [0, 100, 200] },
    });
    if (!answer.ok) throw new Error(answer.error.message);
    return answer.value;
  };

  it('says its figures, and draws what it holds', async () => {
    const [{ label }] = await allLives(engine);
    const answer = await told(label);
    expect(lineWords(answer, 'binary')).toMatch(/^[\d,]+ allocations?, .* in all; at most .* at the end\.$/);
    expect(curvePath(answer, 100, 50)).toMatch(/^M[\d. L]+Z$/);
    expect(areaPath(answer, 100, 50)).toMatch(/^M0 50L[\d. L]+L100 50Z$/);
    const bars = sizeBars(answer, 'binary');
    expect(Math.max(...bars.map(({ share }) => share))).toBe(1);
  });

  it('says what stays of each iteration', () => {
    const MIB = 2 ** 20;
    expect(iterationWords(Float64Array.of(0, MIB, 3 * MIB), 'binary')).toBe(
      'From 0 B to 3 MiB over 2 iterations: +1.5 MiB per iteration; it grew in 2 of them.',
    );
    expect(iterationWords(Float64Array.of(MIB, MIB, MIB), 'binary')).toContain('does not grow');
    expect(iterationWords(Float64Array.of(3 * MIB, MIB), 'binary')).toContain('−2 MiB per iteration');
    expect(iterationWords(Float64Array.of(MIB), 'binary')).toBe('');
  });
});
