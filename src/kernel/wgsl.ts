/**
 * Reads from a shader's text what its host must know, so that nothing is typed twice: the layout of a struct and
 * the value of a constant. It knows the types the shaders here use in structs (u32 and vec2<u32>) and no others.
 */

export interface StructLayout {
  /** Words of one element of an array of it. */
  readonly words: number;
  /** First word of each member. */
  readonly at: Readonly<Record<string, number>>;
}

/** Words and alignment in words of the member types. */
const MEMBER_TYPES: Readonly<Record<string, readonly [number, number]>> = {
  u32: [1, 1],
  'vec2<u32>': [2, 2],
};

const alignTo = (words: number, alignment: number): number => Math.ceil(words / alignment) * alignment;

/** Layout of `struct name { ... }` by WGSL's rules. */
export function readStruct(source: string, name: string): StructLayout {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(source)?.[1];
  if (body === undefined) throw new Error(`The shader has no struct ${name}.`);
  const at: Record<string, number> = {};
  let words = 0;
  let largest = 1;
  for (const [, member, type] of body.matchAll(/\b(\w+): ([^,\n]+),/g)) {
    if (!Object.hasOwn(MEMBER_TYPES, type)) throw new Error(`Member ${name}.${member} is a ${type}.`);
    const [size, alignment] = MEMBER_TYPES[type];
    at[member] = alignTo(words, alignment);
    words = at[member] + size;
    largest = Math.max(largest, alignment);
  }
  return { words: alignTo(words, largest), at };
}

/** Value of `const name = 4u;`. */
export function readConstant(source: string, name: string): number {
  const digits = new RegExp(`^const ${name} = (\\d+)u;`, 'm').exec(source)?.[1];
  if (digits === undefined) throw new Error(`The shader has no constant ${name}.`);
  return Number(digits);
}

/** One struct as words. Every member must be given; a vec2<u32> as a bigint. */
export function packStruct(
  layout: StructLayout,
  values: Readonly<Record<string, number | bigint>>,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(layout.words);
  for (const [member, at] of Object.entries(layout.at)) {
    if (!Object.hasOwn(values, member)) throw new Error(`Member ${member} has no value.`);
    const value = values[member];
    if (typeof value === 'number') words[at] = value;
    else words.set([Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))], at);
  }
  return words;
}
