/** pprof's profile.proto (github.com/google/pprof/blob/main/proto/profile.proto) as its fields come, in any order. */
import { type Field, fieldsOf, repeated } from '../../file/protobuf.ts';

export interface ValueType {
  readonly type: number;
  readonly unit: number;
}

export interface Label {
  readonly key: number;
  readonly text: number;
  readonly number: bigint;
}

export interface Sample {
  /** Innermost first. */
  readonly locations: readonly bigint[];
  readonly values: readonly bigint[];
  readonly labels: readonly Label[];
}

export interface Line {
  readonly functionId: bigint;
  readonly line: bigint;
}

export interface FunctionOf {
  readonly name: number;
  readonly file: number;
}

const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Numbers of a message's varint fields by field number, 0 where absent; and its inner messages. */
function plain(bytes: Uint8Array, base: number): { numbers: Map<number, bigint>; inner: Field[] } {
  const numbers = new Map<number, bigint>();
  const inner: Field[] = [];
  for (const field of fieldsOf(bytes, base)) {
    if (field.kind === 'varint') numbers.set(field.number, field.value);
    else inner.push(field);
  }
  return { numbers, inner };
}

/** An index into the string table, which has fewer than 2^32 strings; anything else names none. */
const index = (value: bigint | undefined): number =>
  value === undefined ? 0 : value < 2n ** 32n ? Number(value) : -1;

export class Pprof {
  readonly sampleTypes: ValueType[] = [];
  readonly samples: Sample[] = [];
  /** Lines of a location, innermost (inlined) first. */
  readonly locations = new Map<bigint, readonly Line[]>();
  readonly functions = new Map<bigint, FunctionOf>();
  readonly strings: string[] = [];
  timeNanos = 0n;

  /** One top-level field. Throws TraceError 'corrupt'. */
  add(field: Field, offset: number): void {
    if (field.kind === 'varint') {
      if (field.number === 9) this.timeNanos = signed(field.value);
      return;
    }
    if (field.kind !== 'bytes') return;
    const { value } = field;
    if (field.number === 1) {
      const { numbers } = plain(value, offset);
      this.sampleTypes.push({ type: index(numbers.get(1)), unit: index(numbers.get(2)) });
    } else if (field.number === 2) this.addSample(value, offset);
    else if (field.number === 4) {
      const { numbers, inner } = plain(value, offset);
      const lines = inner
        .filter((line) => line.number === 4 && line.kind === 'bytes')
        .map((line) => plain(line.value as Uint8Array, offset).numbers)
        .map((line): Line => ({ functionId: line.get(1) ?? 0n, line: signed(line.get(2) ?? 0n) }));
      this.locations.set(numbers.get(1) ?? 0n, lines);
    } else if (field.number === 5) {
      const { numbers } = plain(value, offset);
      this.functions.set(numbers.get(1) ?? 0n, { name: index(numbers.get(2)), file: index(numbers.get(4)) });
    } else if (field.number === 6) this.strings.push(new TextDecoder().decode(value));
  }

  private addSample(bytes: Uint8Array, offset: number): void {
    const locations: bigint[] = [];
    const values: bigint[] = [];
    const labels: Label[] = [];
    for (const field of fieldsOf(bytes, offset)) {
      if (field.number === 1) for (const id of repeated(field, offset)) locations.push(id);
      else if (field.number === 2) for (const value of repeated(field, offset)) values.push(signed(value));
      else if (field.number === 3 && field.kind === 'bytes') {
        const { numbers } = plain(field.value, offset);
        labels.push({
          key: index(numbers.get(1)),
          text: index(numbers.get(2)),
          number: signed(numbers.get(3) ?? 0n),
        });
      }
    }
    this.samples.push({ locations, values, labels });
  }

  /** A string of the table; "" where there is none (index 0 is "" by the format). */
  text(at: number): string {
    return this.strings[at] ?? '';
  }
}
