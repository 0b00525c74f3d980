/** Programs written as allocations: a trace with stacks, as an allocator would record it. */
import { lifetimesOf, type Lifetimes } from '../../../src/analyze/lifetimes.ts';
import type { DeviceTrace } from '../../../src/trace/capture.ts';
import { NONE } from '../../../src/trace/schema.ts';
import { StackTable } from '../../../src/trace/stack-table.ts';
import { type EventSpec, traceOf } from '../../trace/events-for-test.ts';

export class Program {
  readonly stacks = new StackTable();
  private readonly events: EventSpec[] = [];
  private next = 0x1000;
  private readonly sizes = new Map<number, number>();

  constructor(private readonly step = 1000) {
    // As a real recording: a segment comes before the first block.
    this.events.push({ action: 'segment_alloc', address: 0x1000, size: 2 ** 30, time: 0 });
  }

  /** "main:3 forward:7": outermost first, each a frame "name file.py:line". A leading "torch." is PyTorch's own. */
  private stack(path: string): number {
    let node = NONE;
    for (const part of path.split(' ')) {
      const [name, line] = part.split(':');
      const torch = name.startsWith('torch.');
      const file = torch
        ? '/usr/lib/python3.12/site-packages/torch/nn/modules/module.py'
        : '/home/user/app.py';
      node = this.stacks.child(
        node,
        this.stacks.internFrame(torch ? name.slice(6) : name, file, Number(line)),
      );
    }
    return node;
  }

  private push(event: EventSpec): void {
    this.events.push({ ...event, time: this.events.length * this.step });
  }

  /** The address, for `free`. `path` null: no stack. */
  alloc(path: string | null, size: number): number {
    const address = this.next;
    this.next += 0x1000;
    this.sizes.set(address, size);
    this.push({ action: 'alloc', address, size, stack: path === null ? NONE : this.stack(path) });
    return address;
  }

  free(address: number): void {
    const size = this.sizes.get(address)!;
    this.push({ action: 'free_requested', address, size });
    this.push({ action: 'free_completed', address, size });
  }

  /** Freed by the program, waiting for another stream. */
  giveUp(address: number): void {
    this.push({ action: 'free_requested', address, size: this.sizes.get(address)! });
  }

  /** Allocated and freed at once. */
  touch(path: string | null, size: number): void {
    this.free(this.alloc(path, size));
  }

  get length(): number {
    return this.events.length;
  }

  trace(more: Partial<DeviceTrace> = {}): DeviceTrace {
    return traceOf(this.events, more);
  }

  /** The trace with its first `rows` events lost, as a ring loses them. */
  tail(rows: number): DeviceTrace {
    return traceOf(this.events.slice(rows));
  }
}

export const livesOf = (trace: DeviceTrace): Lifetimes => lifetimesOf(trace.events);
