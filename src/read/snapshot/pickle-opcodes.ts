/** Opcodes that import, call or build: what makes a pickle a program. Refused by name. */
const UNSAFE: ReadonlyMap<number, string> = new Map([
  [0x63, 'GLOBAL'],
  [0x93, 'STACK_GLOBAL'],
  [0x52, 'REDUCE'],
  [0x62, 'BUILD'],
  [0x69, 'INST'],
  [0x6f, 'OBJ'],
  [0x81, 'NEWOBJ'],
  [0x92, 'NEWOBJ_EX'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x50, 'PERSID'],
  [0x51, 'BINPERSID'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
]);

/** Opcodes whose argument, or the length in front of it, has a fixed size in bytes. */
const FIXED: readonly (readonly [size: number, opcodes: readonly number[]])[] = [
  [1, [0x68, 0x71, 0x4b, 0x8a, 0x8c, 0x55, 0x43, 0x80]], // BINGET BINPUT BININT1 LONG1 SHORT_* PROTO
  [2, [0x4d]], // BININT2
  [4, [0x6a, 0x72, 0x4a, 0x58, 0x54, 0x42, 0x8b]], // LONG_BINGET LONG_BINPUT BININT BINUNICODE BINSTRING BINBYTES LONG4
  [8, [0x95, 0x47, 0x8d, 0x8e, 0x96]], // FRAME BINFLOAT BINUNICODE8 BINBYTES8 BYTEARRAY8
];

/** Bytes that must follow an opcode before it can be looked at. */
export const argumentBytes = (op: number): number =>
  FIXED.find(([, opcodes]) => opcodes.includes(op))?.[0] ?? 0;

/** Name of an opcode that is refused, or null. */
export const unsafeOpcode = (op: number): string | null => UNSAFE.get(op) ?? null;
