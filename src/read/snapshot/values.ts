/**
 * Values of a snapshot that are neither rows nor stacks: settings and the like as plain JavaScript, tuples as their
 * text. Every text is kept once. Never asked for the values of an event but of its private pool.
 */
import type { SnapshotArena } from './arena.ts';
import { ROLE_OTHER, ROW_MASK } from './arena.ts';
import type { DetailColumns } from './details.ts';
import {
  BIG,
  DICT,
  FALSE,
  FLOAT,
  INT,
  LIST,
  NIL,
  type PickleMachine,
  STR,
  TRUE,
  TUPLE,
} from './pickle-machine.ts';

/** Two numbers below this make one exact number. */
const SMALL = 1 << 26;
const isSmall = (num: number): boolean => num >= 0 && num < SMALL;
/** Tuples hold a few small things. */
const MOST_PARTS = 16;
const LONGEST_PART = 64;
/** Values of a list in the settings that are kept. */
const MOST_LISTED = 64;
/** A dict as metadata is kept up to this length. */
const LONGEST_METADATA = 4096;

export class SnapshotValues {
  /** Dicts of no role. */
  readonly others: Map<string, unknown>[] = [];
  private readonly texts: string[] = [];
  private readonly idOfText = new Map<string, number>();
  private readonly idOfPair = new Map<number, number>();
  /** By tuple, as `details` counts them. */
  private readonly pools: number[] = [];

  constructor(
    private readonly machine: PickleMachine,
    private readonly arena: SnapshotArena,
    private readonly details: DetailColumns,
  ) {}

  /** Id of the tuple of the stack's values [from, to). */
  tuple(from: number, to: number): number {
    const { tags, nums } = this.machine;
    if (to - from === 2 && tags[from] === INT && tags[from + 1] === INT)
      return this.pair(nums[from], nums[from + 1]);
    const parts: string[] = [];
    // Bounded: a tuple of tuples of tuples would double its text at every level.
    for (let i = from; i < to && i < from + MOST_PARTS; i++)
      parts.push(String(this.plain(tags[i], nums[i])).slice(0, LONGEST_PART));
    return this.idOf(`(${parts.join(', ')})`);
  }

  /** Id of the tuple (a, b): the pool id that newer versions write with every event. */
  pair(a: number, b: number): number {
    if (!isSmall(a) || !isSmall(b)) return this.idOf(`(${a}, ${b})`);
    const key = a * SMALL + b;
    let id = this.idOfPair.get(key);
    if (id === undefined) this.idOfPair.set(key, (id = this.idOf(`(${a}, ${b})`)));
    return id;
  }

  private idOf(text: string): number {
    let id = this.idOfText.get(text);
    if (id === undefined) this.idOfText.set(text, (id = this.texts.push(text) - 1));
    return id;
  }

  /** "(a, b)" of a tuple or of a list of two; "" of anything else. */
  poolId(tag: number, num: number): string {
    return tag === TUPLE ? this.texts[num] : tag === LIST ? this.listText(num) : '';
  }

  /** Private pool that a value names, as `details` counts them; 0 where it is none. */
  pool(tag: number, num: number): number {
    if (tag === TUPLE) return (this.pools[num] ??= this.details.poolOf(this.texts[num]));
    return tag === LIST ? this.details.poolOf(this.listText(num)) : 0;
  }

  /** A value as plain JavaScript; lists of scalars as arrays, rows as null. */
  plain(tag: number, num: number): unknown {
    switch (tag) {
      case NIL:
        return null;
      case TRUE:
      case FALSE:
        return tag === TRUE;
      case INT:
      case FLOAT:
        return num;
      case BIG:
        return this.machine.bigs[num];
      case STR:
        return this.machine.strings.text(num);
      case TUPLE:
        return this.texts[num];
      case DICT: {
        const ref = this.arena.dictRef[num];
        return ref >>> 28 === ROLE_OTHER ? this.others[ref & ROW_MASK] : null;
      }
      case LIST:
        return this.listed(num, MOST_LISTED);
      default:
        return null;
    }
  }

  private listed(list: number, most: number): unknown[] {
    const { machine } = this;
    return [...this.arena.valuesOf(list, most)].map((packed) => {
      const tag = machine.tagOf(packed);
      return tag === LIST || tag === DICT ? null : this.plain(tag, machine.numOf(packed));
    });
  }

  private listText(list: number): string {
    return `(${this.listed(list, MOST_PARTS).map(String).join(', ')})`;
  }

  /** Metadata that is no text, as JSON. */
  metadata(tag: number, num: number): string {
    const value = this.plain(tag, num);
    const text = JSON.stringify(
      value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value,
      (_name, part: unknown) => (typeof part === 'bigint' ? String(part) : part),
    );
    return text.slice(0, LONGEST_METADATA);
  }
}
