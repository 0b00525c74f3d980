/** What tables are made of, and the columns that say where a row comes from. */
import type { DeviceTrace, SourceData } from '../capture.ts';
import { NONE } from '../schema.ts';
import type { StackTable } from '../stack-table.ts';
import { arrayOf, coded, type Column, indices, Names, noneOf, numbers, recoded } from './column.ts';
import type { TextType } from './fields.ts';

export interface TableSource {
  /** In the order of opening, from 0, whether or not the files before it are among those asked for. */
  readonly number: number;
  readonly file: string;
  readonly format: string | null;
  readonly data: SourceData;
  /** Those asked for. */
  readonly devices: readonly DeviceTrace[];
}

/** Columns that are the same in all rows of a file or a device: one array of each value, cut to length. */
export class Origins {
  private readonly files = new Names('files', 'dictionary16');
  private readonly made = new Map<string, Uint16Array | Int32Array>();

  constructor(sources: readonly TableSource[]) {
    for (const { file } of sources) this.files.code(file);
  }

  private same<V extends Uint16Array | Int32Array>(
    kind: new (length: number) => V,
    value: number,
    length: number,
  ): V {
    const key = `${kind.name} ${value}`;
    let values = this.made.get(key) as V | undefined;
    if (values === undefined || values.length < length) {
      values = new kind(length).fill(value) as V;
      this.made.set(key, values);
    }
    return values.subarray(0, length) as V;
  }

  of(
    { number, file }: TableSource,
    length: number,
  ): { source: Column<'uint16'>; file: Column<'dictionary16'> } {
    return {
      source: numbers(this.same(Uint16Array, number, length)),
      file: coded(this.same(Uint16Array, this.files.code(file), length), this.files.list),
    };
  }

  device(device: number, length: number): Column<'int32'> {
    return numbers(this.same(Int32Array, device, length));
  }
}

/** Row numbers [from, to). */
export const rowNumbers = (from: number, to: number): Column<'uint32'> =>
  numbers(Uint32Array.from({ length: to - from }, (_, i) => from + i));

/**
 * One dictionary over lists that each source or device has of its own (streams, kernels, frames). Codes stay as they
 * lie where the lists agree, else they are written in the words of the common one. It is whole before the first
 * column is made: a file of Arrow may not change a dictionary.
 */
export class CommonNames {
  private readonly codes = new Map<readonly string[], Uint32Array | null>();
  private readonly names: Names;

  constructor(what: string, type: TextType, lists: Iterable<readonly string[]>) {
    this.names = new Names(what, type);
    for (const list of lists) if (!this.codes.has(list)) this.codes.set(list, this.names.add(list));
  }

  /** No value in any of `length` rows, in the words of all the others. */
  none(length: number): Column<'dictionary32'> {
    return { ...noneOf(arrayOf('dictionary32', length)), names: this.names.list };
  }

  column<V extends Uint8Array | Uint16Array | Uint32Array>(
    values: V,
    list: readonly string[],
    valid: Uint8Array | null = null,
  ): { readonly values: V; readonly names: readonly string[]; readonly valid: Uint8Array | null } {
    return coded(recoded(values, this.codes.get(list)!), this.names.list, valid);
  }
}

/** The stacks of rows and their innermost frames. */
export class Frames {
  private readonly texts = new Map<StackTable, readonly string[]>();
  private readonly names: CommonNames;

  constructor(sources: readonly TableSource[]) {
    for (const { data } of sources)
      this.texts.set(
        data.stacks,
        data.stacks.frames.map(({ name, filename, line }) => `${name} ${filename}:${line}`),
      );
    this.names = new CommonNames('frames', 'dictionary32', this.texts.values());
  }

  /** `stack` lies over `nodes` as they are. */
  of(
    { data: { stacks } }: TableSource,
    nodes: Uint32Array,
  ): { stack: Column<'uint32'>; frame: Column<'dictionary32'> } {
    const stack = indices(nodes, NONE);
    const frames = nodes.map((node) => (node === NONE ? 0 : stacks.frameOf(node)));
    return { stack, frame: this.names.column(frames, this.texts.get(stacks)!, stack.valid) };
  }
}
