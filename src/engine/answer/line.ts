/** The page of one line: what it holds over time, which sizes it asks for, how long they live, what stays of each iteration. */
import { curveColumns, curvePeak, heldBefore, lineCurve } from '../../analyze/lives/line-curve.ts';
import { lifetimeClass } from '../../analyze/lives/life-groups.ts';
import { type Lives, NEVER } from '../../analyze/lives/lives.ts';
import { NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import type { LineAnswer, LineOf, LineQuery } from '../stacks-protocol.ts';

/** Sizes that are listed. */
const MOST_SIZES = 24;

/** Stacks in which a node or a frame is: a caller's node comes before that of what it calls. */
function stacksBelow(stacks: StackTable, isIt: (node: number) => boolean): Uint8Array {
  const { parent } = stacks.columns(0, stacks.length);
  const passes = new Uint8Array(stacks.length);
  for (let node = 0; node < passes.length; node++)
    passes[node] = isIt(node) || (parent[node] !== NONE && passes[parent[node]] === 1) ? 1 : 0;
  return passes;
}

/** Lives of a line among those that pass the filter. */
function livesOfLine(session: DeviceSession, some: Uint32Array, of: LineOf): Uint32Array {
  const { stacks } = session.source;
  const { stack } = session.lives;
  if (of.kind === 'label') return some.filter((life) => session.labelOf(stack[life]) === of.label);
  let passes: Uint8Array;
  if (of.kind === 'stack') passes = stacksBelow(stacks, (node) => node === of.node);
  else {
    const { name, filename, line } = of.frame;
    const frames = stacks.frames.map(
      (one) => one.name === name && one.filename === filename && one.line === line,
    );
    passes = stacksBelow(stacks, (node) => frames[stacks.frameOf(node)]);
  }
  return some.filter((life) => stack[life] !== NONE && passes[stack[life]] === 1);
}

interface Sum {
  count: number;
  bytes: number;
}

const sumOf = ({ requested }: Lives, some: Uint32Array, isIn: (life: number) => boolean): Sum => {
  const sum = { count: 0, bytes: 0 };
  for (const life of some) {
    if (!isIn(life)) continue;
    sum.count++;
    sum.bytes += requested[life];
  }
  return sum;
};

function sizesOf({ requested }: Lives, some: Uint32Array): Pick<LineAnswer, 'sizes' | 'otherSizes'> {
  const counts = new Map<number, number>();
  for (const life of some) counts.set(requested[life], (counts.get(requested[life]) ?? 0) + 1);
  const all = [...counts]
    .map(([size, count]) => ({ size, count }))
    .sort((a, b) => b.size * b.count - a.size * a.count || b.size - a.size);
  const rest = all.slice(MOST_SIZES);
  return {
    sizes: all.slice(0, MOST_SIZES),
    otherSizes: {
      sizes: rest.length,
      count: rest.reduce((sum, { count }) => sum + count, 0),
      bytes: rest.reduce((sum, { size, count }) => sum + size * count, 0),
    },
  };
}

function lifetimesOf(lives: Lives, some: Uint32Array, times: Float64Array): LineAnswer['lifetimes'] {
  const classes = new Map<string, Sum & { order: number }>();
  for (const life of some) {
    const { label, order } = lifetimeClass(lives, life, times);
    let sum = classes.get(label);
    if (sum === undefined) classes.set(label, (sum = { count: 0, bytes: 0, order }));
    sum.count++;
    sum.bytes += lives.requested[life];
  }
  return [...classes]
    .sort(([, a], [, b]) => a.order - b.order)
    .map(([label, { count, bytes }]) => ({ label, count, bytes }));
}

/** A filter that cannot be read lets nothing pass, and says where it fails. */
export async function lineOn(session: DeviceSession, query: LineQuery): Promise<LineAnswer> {
  const { lives, aggregate } = session;
  const selected = (await session.selections()).select(query.filter);
  const some = selected.ok ? livesOfLine(session, selected.selection.lives, query.of) : new Uint32Array(0);
  const { range, x, offsets } = pixelRows(session, query);
  const curve = lineCurve(lives, some);
  const peak = curvePeak(curve);
  return {
    device: session.key,
    range,
    x,
    ...curveColumns(curve, offsets),
    made: sumOf(lives, some, (life) => lives.rowFrom[life] >= 0),
    earlier: sumOf(lives, some, (life) => lives.rowFrom[life] < 0),
    atEnd: sumOf(lives, some, (life) => lives.rowTo[life] === NEVER),
    peak: { ...peak, xNs: peak.row < 0 ? 0 : session.timeOf(peak.row) },
    ...sizesOf(lives, some),
    lifetimes: lifetimesOf(lives, some, aggregate.times),
    atMarks: heldBefore(curve, query.marks),
    fault: selected.ok ? null : selected.fault,
  };
}
