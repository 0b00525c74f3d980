/** Stacks as a tree by one measure: which rows it speaks of, the tree itself, and what of it can be seen. */
import { DEFAULT_RULES, frameRules, RULE_SETS } from '../../analyze/frame-rules.ts';
import { cutTree, type Hits, searchTree } from '../../analyze/lives/stack-cut.ts';
import { NODE, type StackTree, stackTreeOf } from '../../analyze/lives/stack-tree.ts';
import { type StackWeights, type Weighed, weighStacks } from '../../analyze/lives/stack-weights.ts';
import { isInternalFrame, isNativeFrame, isOwnFrame, packageOf } from '../../analyze/user-frames.ts';
import { isFaithful } from '../../replay/replay-result.ts';
import { NONE } from '../../trace/schema.ts';
import type { Frame } from '../../trace/stack-table.ts';
import type { DeviceSession } from '../device-session.ts';
import type { Range } from '../range.ts';
import type { MadeTree } from '../stack-trees.ts';
import type {
  FrameOwner,
  StackTotal,
  StackTreeAnswer,
  StackTreeNodes,
  StackTreeQuery,
  TreeFrame,
} from '../stacks-protocol.ts';

/** Nodes that one answer holds at most. */
const MOST_NODES = 10_000;
function ownerOf(frame: Frame): FrameOwner {
  if (isOwnFrame(frame)) return isNativeFrame(frame) ? 'native' : 'own';
  if (isNativeFrame(frame)) return 'native';
  return isInternalFrame(frame) ? 'framework' : 'package';
}

const treeFrame = (frame: Frame): TreeFrame => ({
  ...frame,
  owner: ownerOf(frame),
  package: packageOf(frame),
});

interface Asked {
  readonly rows: readonly [number, number];
  readonly moment: number;
  readonly a: number;
  readonly b: number;
}

/** Rows that a question is about; a moment beyond the recording is its end. */
async function askedRows(session: DeviceSession, query: StackTreeQuery): Promise<Asked> {
  const rows = session.rowsOf(query.range);
  const last = session.rows - 1;
  const inside = (row: number): number => Math.min(Math.max(-1, Math.floor(row)), last);
  const moment = query.measure === 'peak' ? await session.peakRow() : (query.moment ?? last);
  return {
    rows,
    moment: inside(moment),
    a: inside(query.a ?? rows[0] - 1),
    b: inside(query.b ?? rows[1] - 1),
  };
}

/** Window of a range in nanoseconds, within the recording. */
function windowOf(
  session: DeviceSession,
  range: Range | null,
  [from, to]: readonly [number, number],
): [number, number] {
  const { times } = session.aggregate;
  const end = times.at(-1) ?? 0;
  const inside = (ns: number): number => Math.min(Math.max(0, ns), end);
  if (range?.axis === 'time') return [inside(range.from), inside(range.to)];
  return [times[from] ?? end, times[to] ?? end];
}

/** What is weighed; a text: why it cannot be. */
function weighedBy(session: DeviceSession, query: StackTreeQuery, asked: Asked): Weighed | string {
  const { rows, moment, a, b } = asked;
  switch (query.measure) {
    case 'live':
    case 'peak':
      return { by: 'live', row: moment };
    case 'allocated':
    case 'freed':
    case 'count':
      return { by: query.measure, from: rows[0], to: rows[1] };
    case 'grown':
      return { by: 'grown', a, b };
    case 'byte_time': {
      const { times } = session.aggregate;
      const [fromNs, toNs] = windowOf(session, query.range, rows);
      return (times.at(-1) ?? 0) === 0
        ? 'The recording has no times: how long bytes were held is not known.'
        : { by: 'byte_time', fromNs, toNs, times };
    }
    case 'rounding': {
      if (session.trace.producer !== 'torch')
        return 'Only a snapshot of PyTorch tells how large the blocks are that requests were served with.';
      const { replay } = session;
      const isLast = moment === session.rows - 1;
      if (!isLast && (replay === null || !isFaithful(replay)))
        return 'The allocator could not be led along this recording to the byte: how large blocks were is known at its end alone.';
      return { by: 'rounding', row: moment, blocks: session.knownBlocks };
    }
  }
}

const totalOf = (tree: StackTree, isIn: (node: number) => boolean): StackTotal => {
  let [total, up, down, count] = [0, 0, 0, 0];
  for (let node = 0; node < tree.length; node++) {
    if (tree.parent[node] !== NONE || !isIn(node)) continue;
    total += tree.total[node];
    up += tree.up[node];
    down += tree.down[node];
    count += tree.count[node];
  }
  return { total, up, down, count };
};

const UNIT = { byte_time: 'byte_seconds', count: 'count' } as const;

const EMPTY: StackTree = {
  length: 0,
  parent: new Uint32Array(0),
  frame: new Uint32Array(0),
  frames: [],
  kind: new Uint8Array(0),
  stack: new Uint32Array(0),
  own: new Float64Array(0),
  total: new Float64Array(0),
  up: new Float64Array(0),
  down: new Float64Array(0),
  count: new Float64Array(0),
  seenFrames: 0,
  hiddenFrames: 0,
};

const NO_WEIGHTS: StackWeights = {
  value: new Float64Array(0),
  count: new Float64Array(0),
  unknown: { count: 0, bytes: 0 },
};

type Fault = NonNullable<StackTreeAnswer['fault']>;

/** Place in the answer of a stack, or of the nearest caller that is in it. Only calls from above can be followed. */
function markedPlace(
  session: DeviceSession,
  tree: StackTree,
  nodes: StackTreeNodes,
  mark: number | null,
): number {
  const { stacks } = session.source;
  if (mark === null || mark >= stacks.length) return -1;
  const places = new Map<number, number>();
  for (let place = nodes.length - 1; place >= 0; place--)
    if (nodes.kind[place] !== NODE.more) places.set(nodes.id[place], place);
  const nodeOf = new Map<number, number>();
  tree.stack.forEach((stack, node) => {
    if (!nodeOf.has(stack) || tree.kind[node] === NODE.frame) nodeOf.set(stack, node);
  });
  for (let at = mark; at !== NONE; at = stacks.parent(at)) {
    // A call that is shown, else the one shown above it in the tree.
    for (let node = nodeOf.get(at) ?? NONE; node !== NONE; node = tree.parent[node]) {
      const place = places.get(node);
      if (place !== undefined) return place;
    }
  }
  return -1;
}

const timeAfter = (session: DeviceSession, row: number): number | null =>
  row < 0 || row >= session.rows ? null : session.timeOf(row);

function answered(
  session: DeviceSession,
  query: StackTreeQuery,
  asked: Asked,
  { tree, weights }: MadeTree,
  more: { readonly why?: string; readonly fault?: Fault; readonly hits?: Hits },
): StackTreeAnswer {
  const within = query.within !== null && query.within < tree.length ? query.within : null;
  const cut = cutTree(tree, MOST_NODES, within, more.hits ?? null);
  // Only frames that are shown travel.
  const places = new Map<number, number>();
  const frames: TreeFrame[] = [];
  const frame = cut.frame.map((index) => {
    if (index === NONE) return NONE;
    let place = places.get(index);
    if (place === undefined) {
      places.set(index, (place = frames.length));
      frames.push(treeFrame(tree.frames[index]));
    }
    return place;
  });
  const nodes: StackTreeNodes = { ...cut, frame };
  return {
    device: session.key,
    measure: query.measure,
    unit: query.measure === 'byte_time' || query.measure === 'count' ? UNIT[query.measure] : 'bytes',
    ...asked,
    momentNs: timeAfter(session, asked.moment),
    aNs: timeAfter(session, asked.a),
    bNs: timeAfter(session, asked.b),
    atEnd: asked.moment === session.rows - 1,
    total: totalOf(tree, () => true),
    stackless: totalOf(tree, (node) => tree.kind[node] === NODE.stackless),
    allNodes: tree.length,
    nodes,
    frames,
    found: more.hits?.found ?? null,
    marked: markedPlace(session, tree, nodes, query.mark),
    seenFrames: tree.seenFrames,
    hiddenFrames: tree.hiddenFrames,
    rules: DEFAULT_RULES,
    ruleSets: RULE_SETS,
    unknown: weights.unknown,
    why: more.why ?? null,
    fault: more.fault ?? null,
  };
}

export async function stackTree(session: DeviceSession, query: StackTreeQuery): Promise<StackTreeAnswer> {
  const asked = await askedRows(session, query);
  const none = (more: { readonly why?: string; readonly fault?: Fault }): StackTreeAnswer =>
    answered(session, query, asked, { tree: EMPTY, weights: NO_WEIGHTS }, more);
  const selected = (await session.selections()).select(query.filter);
  if (!selected.ok) return none({ fault: { of: 'filter', why: selected.fault.why, at: selected.fault } });
  const hide = query.hide ?? DEFAULT_RULES;
  const rules = frameRules(hide);
  if (!rules.ok) return none({ fault: { of: 'rules', why: `Line ${rules.line}: ${rules.why}`, at: null } });
  const weighed = weighedBy(session, query, asked);
  if (typeof weighed === 'string') return none({ why: weighed });
  const { filter, direction, collapseRecursion, cpp, measure, range } = query;
  const key = JSON.stringify([
    measure,
    asked,
    measure === 'byte_time' ? range : null,
    filter.trim(),
    direction,
    hide,
    collapseRecursion,
    cpp,
  ]);
  const made = session.stackTrees.of(key, () => {
    const { stacks } = session.source;
    const weights = weighStacks(session.lives, selected.selection.lives, stacks.length, weighed);
    const source = { stacks, weights, packageOf, labelOf: (stack: number) => session.labelOf(stack) };
    const hides = (frame: Frame): boolean => (!cpp && isNativeFrame(frame)) || rules.hides(frame);
    return { weights, tree: stackTreeOf(source, { direction, collapseRecursion, hides }) };
  });
  const search = query.search.trim();
  if (search === '') return answered(session, query, asked, made, {});
  try {
    return answered(session, query, asked, made, { hits: searchTree(made.tree, search) });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return answered(session, query, asked, made, { fault: { of: 'search', why, at: null } });
  }
}
