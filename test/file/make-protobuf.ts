/** Protobuf fields written by hand. */
import { join } from './pieces.ts';

export function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

export const varintField = (number: number, value: bigint): Uint8Array =>
  join(varint(BigInt(number) << 3n), varint(value));

export const bytesField = (number: number, bytes: Uint8Array): Uint8Array =>
  join(varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes);
