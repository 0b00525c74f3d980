/** Trees of stacks worked out naively: every allocation walked by itself, every path a text. What the engine is held to. */
import type { Engine } from '../../../src/engine/engine.ts';
import type { LifeRow, StackTreeAnswer, StackTreeQuery, TreeFrame } from '../../../src/engine/protocol.ts';
import type { Frame } from '../../../src/trace/stack-table.ts';

export const DEVICE = '1:0';

export const PLAIN: StackTreeQuery = {
  device: DEVICE,
  measure: 'live',
  range: null,
  moment: null,
  a: null,
  b: null,
  filter: '',
  direction: 'top-down',
  hide: [],
  collapseRecursion: false,
  cpp: true,
  search: '',
  within: null,
  mark: null,
};

export async function askTree(engine: Engine, more: Partial<StackTreeQuery> = {}): Promise<StackTreeAnswer> {
  const answer = await engine.stackTree({ ...PLAIN, ...more });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

/** Every allocation of a device. */
export async function allLives(engine: Engine, device = DEVICE): Promise<LifeRow[]> {
  const found: LifeRow[] = [];
  for (;;) {
    const query = {
      device,
      filter: '',
      sort: 'made',
      descending: false,
      from: found.length,
      limit: 5000,
    } as const;
    const answer = await engine.lives(query);
    if (!answer.ok) throw new Error(answer.error.message);
    found.push(...answer.value.rows);
    if (found.length >= answer.value.total) return found;
  }
}

export const isAlive = (life: LifeRow, row: number): boolean =>
  (life.madeRow ?? -1) <= row && row < (life.endedRow ?? Infinity);

/** Frames of stacks, outermost first; asked of the engine once each. */
export async function framesOf(
  engine: Engine,
  lives: readonly LifeRow[],
  device = DEVICE,
): Promise<Map<number, readonly Frame[]>> {
  const frames = new Map<number, readonly Frame[]>();
  for (const { stack } of lives) {
    if (stack === null || frames.has(stack)) continue;
    const answer = await engine.frames(device, stack);
    if (!answer.ok) throw new Error(answer.error.message);
    frames.set(stack, [...answer.value].reverse());
  }
  return frames;
}

export const STACKLESS = 'no stack recorded';
export const nameOf = ({ name, filename, line }: Frame): string => `${name} ${filename}:${line}`;

export interface NaiveNode {
  total: number;
  own: number;
  count: number;
}

/** By path ("a > b > c"). `weigh`: of one allocation; NaN: not in it. `path`: of its frames, outermost first. */
export function naiveTree(
  lives: readonly LifeRow[],
  frames: ReadonlyMap<number, readonly Frame[]>,
  weigh: (life: LifeRow) => number,
  path: (frames: readonly Frame[]) => readonly string[] = (all) => all.map(nameOf),
  sign: (life: LifeRow) => number = () => 1,
): Map<string, NaiveNode> {
  const nodes = new Map<string, NaiveNode>();
  for (const life of lives) {
    const weight = weigh(life);
    if (Number.isNaN(weight)) continue;
    const names = life.stack === null ? [STACKLESS] : path(frames.get(life.stack)!);
    names.forEach((_, depth) => {
      const key = names.slice(0, depth + 1).join(' > ');
      const node = nodes.get(key) ?? { total: 0, own: 0, count: 0 };
      node.total += weight;
      node.count += sign(life);
      if (depth === names.length - 1) node.own += weight;
      nodes.set(key, node);
    });
  }
  return nodes;
}

const labelOf = (frame: TreeFrame | undefined, kind: number): string =>
  frame === undefined ? 'more' : kind === 0 ? nameOf(frame) : frame.name;

/** The same of an answer; "more" nodes under their own name. */
export function answeredTree({ nodes, frames }: StackTreeAnswer): Map<string, NaiveNode> {
  const paths: string[] = [];
  const told = new Map<string, NaiveNode>();
  for (let place = 0; place < nodes.length; place++) {
    const name = labelOf(frames[nodes.frame[place]], nodes.kind[place]);
    paths.push(nodes.parent[place] < 0 ? name : `${paths[nodes.parent[place]]} > ${name}`);
    if (told.has(paths[place])) throw new Error(`${paths[place]} comes twice`);
    told.set(paths[place], {
      total: nodes.total[place],
      own: nodes.own[place],
      count: nodes.count[place],
    });
  }
  return told;
}

/** What children and own leave over of each node, and roots of the whole: all 0 where no byte is lost. */
export function lostBytes({ nodes, total }: StackTreeAnswer): number[] {
  const left = Array.from(nodes.total, (value, place) =>
    nodes.kind[place] === 4 ? 0 : value - nodes.own[place],
  );
  let roots = total.total;
  for (let place = 0; place < nodes.length; place++) {
    if (nodes.parent[place] < 0) roots -= nodes.total[place];
    else left[nodes.parent[place]] -= nodes.total[place];
  }
  return [roots, ...left].filter((value) => value !== 0);
}
