/**
 * The places of a program that ask for memory, with what tells each of them from its neighbours. A place is the frame
 * that names a stack (user-frames.ts), or what was done where no frame does:
 *
 *   linear   torch/nn/functional.py:2282    inner
 *   forward  model.py:97                    <- the site: function, file, line
 *   main     train.py:41                    callers
 */
import { u64At } from '../../base/u64.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { Frame, StackTable } from '../../trace/stack-table.ts';
import { visitLive } from '../live.ts';
import { frameLabel, holderName } from '../user-frames.ts';
import type { CompareSide } from './side.ts';

export interface Site {
  /** Place in the list of the side's sites. */
  readonly index: number;
  /** "forward  model.py:97", "ConvolutionBackward0 in the backward pass", "no stack recorded ...". */
  readonly label: string;
  /** null: no line is known. */
  readonly frame: Frame | null;
  /** One of its stacks; NONE: there is none. */
  readonly stack: number;
  /** Names of the functions that the line called, and of those that called it, as they were met. */
  readonly inner: Set<string>;
  readonly callers: Set<string>;
  /** Allocations by size, in the whole recording. */
  readonly sizes: Map<number, number>;
  allocations: number;
}

/** Sizes that are told apart; more say no more. */
const MOST_SIZES = 256;
const MOST_CALLERS = 4;

export class Sites {
  readonly all: Site[] = [];
  private readonly byKey = new Map<string, Site>();
  private readonly byStack = new Map<number, Site>();

  constructor(private readonly stacks: StackTable) {}

  of(stack: number): Site {
    const known = this.byStack.get(stack);
    if (known !== undefined) return known;
    const frames = stack === NONE ? [] : this.stacks.stack(stack);
    const name = holderName(frames);
    const site = this.site(name, stack);
    if (typeof name !== 'string') {
      const at = frames.indexOf(name);
      site.inner.add(
        frames
          .slice(0, at)
          .map((frame) => frame.name)
          .join('<'),
      );
      site.callers.add(
        frames
          .slice(at + 1, at + 1 + MOST_CALLERS)
          .map((frame) => frame.name)
          .join('<'),
      );
    }
    this.byStack.set(stack, site);
    return site;
  }

  private site(name: Frame | string, stack: number): Site {
    const frame = typeof name === 'string' ? null : name;
    const key =
      frame === null ? `${name as string}` : `${frame.line}\u0000${frame.name}\u0000${frame.filename}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const site: Site = {
      index: this.all.length,
      label: frame === null ? (name as string) : frameLabel(frame),
      frame,
      stack,
      inner: new Set(),
      callers: new Set(),
      sizes: new Map(),
      allocations: 0,
    };
    this.byKey.set(key, site);
    this.all.push(site);
    return site;
  }
}

/** All that ask for memory in the recording, or hold some from before it. */
export function sitesOf({ trace, stacks, lifetimes, earlier }: CompareSide): Sites {
  const sites = new Sites(stacks);
  const { events } = trace;
  const count = (stack: number, size: number): void => {
    const site = sites.of(stack);
    site.allocations++;
    const seen = site.sizes.get(size);
    if (seen !== undefined || site.sizes.size < MOST_SIZES) site.sizes.set(size, (seen ?? 0) + 1);
  };
  for (let row = 0; row < events.length; row++)
    if (events.action[row] === ACTION.alloc) count(events.stack_index[row], u64At(events.size, row));
  visitLive(trace, lifetimes, earlier, 0, (_address, size, stack) => count(stack, size));
  return sites;
}
