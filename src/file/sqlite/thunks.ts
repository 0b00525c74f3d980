/**
 * JavaScript functions as function pointers of a WebAssembly module. A table takes functions of WebAssembly
 * only, so a module is assembled here that imports each function with its signature and exports it again:
 * it has no code of its own. (WebAssembly.Function would do this, and no browser has it switched on.)
 */

// `any` parameters: pointers and ints arrive as number, 64-bit integers as bigint.
export type ThunkFunction = (...args: never[]) => number | void;

export interface Thunk {
  /** As SQLite describes its own: result and parameters, "i(ppij)"; j: i64, v: none, else i32. */
  readonly signature: string;
  readonly call: ThunkFunction;
}

const I32 = 0x7f;
const I64 = 0x7e;

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

const vector = (items: readonly (readonly number[])[]): number[] => [
  ...leb128(items.length),
  ...items.flat(),
];
const name = (text: string): number[] => vector([...text].map((character) => [character.charCodeAt(0)]));
const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...leb128(content.length),
  ...content,
];

function functionType(signature: string): number[] {
  const match = /^([a-z])\(([a-z]*)\)$/.exec(signature);
  if (!match) throw new Error(`"${signature}" is not a signature.`);
  const valueType = (letter: string): number[] => [letter === 'j' ? I64 : I32];
  const parameters = [...match[2]].map(valueType);
  return [0x60, ...vector(parameters), ...vector(match[1] === 'v' ? [] : [valueType(match[1])])];
}

/** Puts the functions into `table`; their indices in it, which are the pointers. */
export function installThunks(table: WebAssembly.Table, thunks: readonly Thunk[]): number[] {
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(thunks.map((thunk) => functionType(thunk.signature)))),
    ...section(2, vector(thunks.map((_thunk, i) => [...name('f'), ...name(String(i)), 0, ...leb128(i)]))),
    ...section(7, vector(thunks.map((_thunk, i) => [...name(String(i)), 0, ...leb128(i)]))),
  ];
  const imports = Object.fromEntries(thunks.map((thunk, i) => [String(i), thunk.call]));
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  const { exports } = new WebAssembly.Instance(module, { f: imports });
  const first = table.grow(thunks.length);
  return thunks.map((_thunk, i) => {
    table.set(first + i, exports[String(i)]);
    return first + i;
  });
}
