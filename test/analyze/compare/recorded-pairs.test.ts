/**
 * Pairs of programs that ran on a GPU with one change each (test/fixtures/pairs/pairs.json says which, and where it holds
 * memory): the planted line comes first, and every figure is that of memory_stats().
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceAt } from '../../../src/cli/node-source.ts';
import { Engine } from '../../../src/engine/engine.ts';
import type { CompareLine, CompareView } from '../../../src/engine/protocol.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/pairs');

interface Place {
  readonly side: string;
  readonly file: string;
  readonly line: number;
  readonly function: string;
}
type Figures = Readonly<Record<string, number>>;
interface Pair {
  readonly name: string;
  readonly change: string;
  /** line: a line holds it; no_stack: the backward thread does; no_line: no line differs; measured: several at once. */
  readonly expected: 'line' | 'no_stack' | 'no_line' | 'measured';
  readonly holds: readonly Place[];
  readonly figures: { readonly a: Figures; readonly b: Figures };
}

const { pairs } = JSON.parse(readFileSync(join(FOLDER, 'pairs.json'), 'utf8')) as { pairs: readonly Pair[] };

async function compared({ name }: Pair): Promise<CompareView> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const ids: number[] = [];
  for (const side of ['a', 'b']) {
    const source = sourceAt(join(FOLDER, `${name}.${side}.pickle.gz`));
    ids.push((await engine.open(ids.length, source, () => undefined))[0].id);
    source.close();
  }
  const answer = await engine.compare({ a: ids[0], b: ids[1], at: 'peak', limit: 1000 });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const isAt = ({ place }: CompareLine, { function: name, file, line }: Place): boolean =>
  place.startsWith(`${name}  `) && place.endsWith(`/${file}:${line}`);

describe('pairs recorded on a GPU', () => {
  it('are enough of them', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(12);
  });

  it.each(pairs)('$name: $change', async (pair) => {
    const view = await compared(pair);
    const { requested, allocated, reserved } = view;
    for (const [name, figure] of [
      ['requested', requested],
      ['allocated', allocated!],
      ['reserved', reserved!],
    ] as const)
      expect([figure.peak.a, figure.peak.b]).toEqual([
        pair.figures.a[`stats_${name}_peak`],
        pair.figures.b[`stats_${name}_peak`],
      ]);
    const sum = view.lines.reduce((total, { difference }) => total + difference, 0);
    expect(sum).toBe(requested.at.difference);
    const differing = view.lines.filter(({ difference }) => difference !== 0);
    const [first] = differing;
    switch (pair.expected) {
      case 'line':
        expect(pair.holds.some((place) => isAt(first, place))).toBe(true);
        expect(view.sentence).toContain(`\`${first.place.replace('  ', ' (')})\``);
        break;
      case 'no_stack':
        expect(first.isLine).toBe(false);
        expect(differing).toHaveLength(1);
        break;
      case 'no_line':
        expect(differing).toEqual([]);
        expect(view.sentence).toMatch(
          /^(No line holds more or less|A and B hold the same) .*what differs is /i,
        );
        break;
      case 'measured':
        // Much of it has no stack, as the backward thread makes it: of the lines, the planted one is the first.
        if (pair.holds.length > 0)
          expect(
            pair.holds.some((place) =>
              isAt(
                differing.find(({ isLine }) => isLine)!,
                place,
              ),
            ),
          ).toBe(true);
        else expect(view.sentence).toContain('what differs is the streams');
    }
  });
});
