/**
 * Which of many needles a line holds, found in one pass over its bytes: an Aho-Corasick automaton of all needles at
 * once, folded. It answers "perhaps", never wrongly "no": case, digits and slashes are not told apart.
 *
 *   needle "0 MiB" is in "used 4199 MiB" and in "7 mib";  "2000-00-00" is in "2026-11-21" and in "1999/01/02"
 *
 * https://doi.org/10.1145/360825.360855
 */

const LF = 10;
const CR = 13;
/** Rows of the table are this long: more classes of bytes than the needles use. */
const WIDTH_BITS = 6;
const WIDTH = 1 << WIDTH_BITS;

/** What is not told apart: letters in either case, all digits, "/" and "-". */
function fold(byte: number): number {
  if (byte >= 0x41 && byte <= 0x5a) return byte + 32;
  if (byte >= 0x30 && byte <= 0x39) return 0x30;
  return byte === 0x2f ? 0x2d : byte;
}

interface Node {
  readonly next: Map<number, number>;
  fail: number;
  mask: number;
}

const node = (): Node => ({ next: new Map(), fail: 0, mask: 0 });

export class LineNeedles {
  /** Class of each byte: 0 for those in no needle. */
  readonly classes = new Uint8Array(256);
  /**
   * By state (a multiple of the width) plus class: the state that follows. Where something is found there, or a line
   * ends, its bitwise complement.
   */
  readonly table: Int32Array;
  /** Bits of what is found, by state >> WIDTH_BITS. */
  private readonly masks: Int32Array;

  /** ASCII needles, each with the bits (at most 31 different) that it sets. Throws RangeError where they have too many different characters. */
  constructor(needles: Iterable<readonly [needle: string, bits: number]>) {
    const nodes = [node()];
    // A line's end is a needle like any other, but sets no bit.
    const classOf = new Map<number, number>([
      [LF, 1],
      [CR, 2],
    ]);
    for (const [needle, bits] of needles) {
      let at = 0;
      for (const char of needle) {
        const byte = fold(char.charCodeAt(0));
        let known = classOf.get(byte);
        if (known === undefined) classOf.set(byte, (known = classOf.size + 1));
        let to = nodes[at].next.get(known);
        if (to === undefined) {
          to = nodes.push(node()) - 1;
          nodes[at].next.set(known, to);
        }
        at = to;
      }
      nodes[at].mask |= bits;
    }
    if (classOf.size >= WIDTH) throw new RangeError('the needles have too many different characters');
    for (let byte = 0; byte < 256; byte++) this.classes[byte] = classOf.get(fold(byte)) ?? 0;
    this.masks = new Int32Array(nodes.length);
    this.table = tableOf(nodes, this.masks);
  }

  /** Bits of what ends in this state. */
  maskOf(state: number): number {
    return this.masks[state >> WIDTH_BITS];
  }
}

/** The automaton as one dense table: a breadth-first walk, in which each state inherits where it has no way of its own. */
function tableOf(nodes: readonly Node[], masks: Int32Array): Int32Array {
  const table = new Int32Array(nodes.length * WIDTH);
  const queue = [0];
  for (const at of queue) {
    const { next, fail } = nodes[at];
    for (let c = 0; c < WIDTH; c++) {
      const to = next.get(c);
      const inherited = at === 0 ? 0 : table[fail * WIDTH + c];
      if (to === undefined) {
        table[at * WIDTH + c] = inherited;
        continue;
      }
      nodes[to].fail = inherited / WIDTH;
      nodes[to].mask |= nodes[nodes[to].fail].mask;
      table[at * WIDTH + c] = to * WIDTH;
      queue.push(to);
    }
  }
  nodes.forEach(({ mask }, at) => (masks[at] = mask));
  for (let i = 0; i < table.length; i++) {
    const c = i % WIDTH;
    const to = c === 1 || c === 2 ? 0 : table[i];
    table[i] = c === 1 || c === 2 || masks[to / WIDTH] !== 0 ? ~to : to;
  }
  return table;
}
