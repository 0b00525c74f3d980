/**
 * The program changed, on paper: all allocations of a site left out, freed earlier, made smaller, or moved. Edits make
 * new requests and leave the old ones alone; allocations keep their numbers, so that edits can follow one another.
 * Times are steps of the requests: a program's own order, not its clock.
 */
import { upperBound } from '../base/binary-search.ts';
import { NONE } from '../trace/schema.ts';
import type { StackTable } from '../trace/stack-table.ts';
import { OP, type Requests } from './requests.ts';

/** 1 for each allocation that is meant. */
export type AllocationMask = Uint8Array;

export type Edit =
  /** Never asked for. */
  | { readonly kind: 'drop' }
  /** Asks for `factor` (0 to 1) of its bytes, rounded down. */
  | { readonly kind: 'shrink'; readonly factor: number }
  /** Freed `steps` steps after it was asked for, where it lived longer; those never freed, too. */
  | { readonly kind: 'shorten'; readonly steps: number }
  /** Freed right after row `row` of the events, where it lived then. */
  | { readonly kind: 'free_at'; readonly row: number }
  /** Asked for and freed past `steps` steps of the other allocations; earlier where negative. */
  | { readonly kind: 'move'; readonly steps: number };

/** Which allocations: every one of a stack, of all stacks that run through a node, or of a group of stacks. */
export function allocationsWhere(requests: Requests, meant: (stack: number) => boolean): AllocationMask {
  const known = new Map<number, number>();
  return Uint8Array.from(requests.stack, (stack) => {
    let is = known.get(stack);
    if (is === undefined) known.set(stack, (is = meant(stack) ? 1 : 0));
    return is;
  });
}

/** Whether a stack runs through `node`: its callers up to there are the same. */
export function runsThrough(stacks: StackTable, stack: number, node: number): boolean {
  for (let at = stack; at !== NONE; at = stacks.parent(at)) if (at === node) return true;
  return false;
}

export function applyEdit(requests: Requests, mask: AllocationMask, edit: Edit): Requests {
  switch (edit.kind) {
    case 'drop':
      return dropped(requests, mask);
    case 'shrink':
      return {
        ...requests,
        requested: requests.requested.map((bytes, at) =>
          mask[at] === 1 ? Math.floor(bytes * edit.factor) : bytes,
        ),
      };
    case 'shorten':
      return freedEarlier(requests, mask, (made) => made + edit.steps);
    case 'free_at': {
      const at = lastStepOf(requests, edit.row);
      return freedEarlier(requests, mask, (made) => (made <= at ? at : Infinity));
    }
    case 'move':
      return moved(requests, mask, edit.steps);
  }
}

function dropped(requests: Requests, mask: AllocationMask): Requests {
  const kept: number[] = [];
  for (let step = 0; step < requests.length; step++) {
    const which = requests.allocation[step];
    if (which < 0 || mask[which] === 0) kept.push(step);
  }
  return {
    ...requests,
    length: kept.length,
    op: Uint8Array.from(kept, (step) => requests.op[step]),
    allocation: Int32Array.from(kept, (step) => requests.allocation[step]),
    row: Uint32Array.from(kept, (step) => requests.row[step]),
  };
}

/** A step that stands elsewhere than before: right after step `after` (-1: before all). */
interface Placed {
  readonly after: number;
  readonly op: number;
  readonly allocation: number;
}

/** The requests without the steps of `taken`, and with others in their places; rows stay ascending. */
function replaced(requests: Requests, taken: Uint8Array, placed: readonly Placed[]): Requests {
  const inOrder = [...placed].sort((a, b) => a.after - b.after);
  let left = 0;
  for (const one of taken) left += 1 - one;
  const length = left + inOrder.length;
  const op = new Uint8Array(length);
  const allocation = new Int32Array(length);
  const row = new Uint32Array(length);
  let to = 0;
  let next = 0;
  for (let step = -1; step < requests.length; step++) {
    if (step >= 0 && taken[step] === 0) {
      op[to] = requests.op[step];
      allocation[to] = requests.allocation[step];
      row[to++] = requests.row[step];
    }
    for (; next < inOrder.length && inOrder[next].after === step; next++) {
      op[to] = inOrder[next].op;
      allocation[to] = inOrder[next].allocation;
      row[to++] = requests.row[Math.max(step, 0)];
    }
  }
  return { ...requests, length, op, allocation, row };
}

/**
 * Frees allocations after step `until(step at which it was made)`, where they lived longer. A block that waited for
 * other streams after its free waits for as many steps as before, at most until it did.
 */
function freedEarlier(requests: Requests, mask: AllocationMask, until: (made: number) => number): Requests {
  const { op, allocation, length } = requests;
  const made = new Float64Array(requests.allocations).fill(-1);
  const requestedAt = new Float64Array(requests.allocations).fill(-1);
  const completedAt = new Float64Array(requests.allocations).fill(-1);
  for (let step = 0; step < length; step++) {
    const which = allocation[step];
    if (which < 0 || mask[which] === 0) continue;
    if (op[step] === OP.alloc) made[which] = step;
    else if (op[step] === OP.free_requested) requestedAt[which] = step;
    else if (op[step] === OP.free_completed) completedAt[which] = step;
  }
  const taken = new Uint8Array(length);
  const placed: Placed[] = [];
  for (let which = 0; which < requests.allocations; which++) {
    if (made[which] < 0) continue;
    const after = Math.max(until(made[which]), made[which]);
    const before = requestedAt[which] < 0 ? length : requestedAt[which];
    if (after + 1 >= before) continue;
    placed.push({ after, op: OP.free_requested, allocation: which });
    if (requestedAt[which] >= 0) taken[requestedAt[which]] = 1;
    const wait =
      requestedAt[which] < 0
        ? 1
        : completedAt[which] < 0
          ? Infinity
          : completedAt[which] - requestedAt[which];
    // Freed and still waiting at the end: nobody knows for how long it would have.
    if (wait === Infinity) continue;
    if (completedAt[which] >= 0) taken[completedAt[which]] = 1;
    placed.push({ after: after + wait - 1, op: OP.free_completed, allocation: which });
  }
  return replaced(requests, taken, placed);
}

/**
 * Moves whole lives past `steps` of the steps that stay, so that what followed at once still does: at most to before
 * the first of them; what would come behind the last one comes right after it.
 */
function moved(requests: Requests, mask: AllocationMask, steps: number): Requests {
  const { length, op, allocation } = requests;
  const taken = new Uint8Array(length);
  for (let step = 0; step < length; step++) {
    const which = allocation[step];
    if (which >= 0 && mask[which] === 1) taken[step] = 1;
  }
  const staying = Uint32Array.from([...taken.keys()].filter((step) => taken[step] === 0));
  const placed: Placed[] = [];
  /** By allocation: by how many steps it moves; NaN: not met yet. */
  const shift = new Float64Array(requests.allocations).fill(NaN);
  let before = 0;
  for (let step = 0; step < length; step++) {
    const which = allocation[step];
    if (taken[step] === 0) {
      before++;
      continue;
    }
    if (Number.isNaN(shift[which])) shift[which] = Math.max(steps, -before);
    const to = Math.min(before + shift[which], staying.length);
    placed.push({ after: to === 0 ? -1 : staying[to - 1], op: op[step], allocation: which });
  }
  return replaced(requests, taken, placed);
}

/** Last step that comes from `row` or an earlier one; -1: every step comes later. */
export const lastStepOf = (requests: Requests, row: number): number => upperBound(requests.row, row) - 1;
