/**
 * Names of a snapshot as the small numbers that columns hold: actions by their string, streams by their pointer; and
 * which keys were met. Asked at every event, by the machine and by the fast path alike.
 */
import { TraceError } from '../../base/trace-error.ts';
import { ACTION, ACTIONS } from '../../trace/schema.ts';
import { KEYS } from './keys.ts';
import { BIG, INT, type PickleMachine } from './pickle-machine.ts';

export class SnapshotNames {
  /** Stream pointers in order of first sight, as text. */
  readonly streams: string[] = [];
  readonly seenKeys = new Set<string>();
  readonly unknownActions = new Map<string, number>();

  /** By string id; the actions' ids follow the keys'. */
  private readonly actionOfString = new Uint8Array(KEYS.length + ACTIONS.length).fill(ACTION.unknown);
  private readonly streamOfNumber = new Map<number | string, number>();
  /** Direct-mapped: events of a few streams alternate. */
  private readonly streamCache = new Float64Array(64).fill(NaN);
  private readonly streamCacheIndex = new Uint16Array(64);
  private seenMask = 0;

  constructor(private readonly machine: PickleMachine) {
    const { strings } = machine;
    for (const key of KEYS) strings.internText(key);
    ACTIONS.forEach((action, index) => {
      // 'free' is Nsight's word, 'unknown' ours: neither is one of PyTorch's.
      if (action !== 'free' && action !== 'unknown') this.actionOfString[strings.internText(action)] = index;
    });
  }

  /** `mask`: bit i for KEYS[i]. */
  noteSeen(mask: number): void {
    if ((mask & ~this.seenMask) === 0) return;
    this.seenMask |= mask;
    KEYS.forEach((key, index) => {
      if (index < 32 && mask & (1 << index)) this.seenKeys.add(key);
    });
  }

  actionOf(string: number): number {
    const action = string < this.actionOfString.length ? this.actionOfString[string] : ACTION.unknown;
    if (action !== ACTION.unknown) return action;
    const text = this.machine.strings.text(string);
    this.unknownActions.set(text, (this.unknownActions.get(text) ?? 0) + 1);
    return ACTION.unknown;
  }

  /** Index of a stream given as an integer. */
  streamOf(num: number): number {
    const slot = ((num >>> 6) ^ num) & 63;
    return num === this.streamCache[slot] ? this.streamCacheIndex[slot] : this.streamIndex(INT, num);
  }

  streamIndex(tag: number, num: number): number {
    const key = tag === INT ? num : tag === BIG ? String(this.machine.bigs[num]) : 'unknown';
    let index = this.streamOfNumber.get(key);
    if (index === undefined) {
      index = this.streams.push(String(key)) - 1;
      if (index > 65535) throw new TraceError('unsupported', 'more than 65,536 streams');
      this.streamOfNumber.set(key, index);
    }
    if (tag === INT) {
      const slot = ((num >>> 6) ^ num) & 63;
      this.streamCache[slot] = num;
      this.streamCacheIndex[slot] = index;
    }
    return index;
  }
}
