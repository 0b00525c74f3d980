/** Our reading of Arrow streams against apache-arrow's own: streams are made by it and compared value by value. */
import * as arrow from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { arrowHead, indexArrow } from '../../../src/read/nsys/arrow-ipc.ts';
import { arrowRows } from '../../../src/read/nsys/arrow-stream.ts';
import { bytesOfInput } from '../../../src/read/nsys/positioned-bytes.ts';
import { inputFromBytes, type InputOptions } from '../open-for-test.ts';

const breathe = (): Promise<void> => Promise.resolve();
const ROWS = 70_001;

function vectorOf<T extends arrow.DataType>(
  type: T,
  value: (row: number) => unknown,
  everyNull = 0,
  rows = ROWS,
): arrow.Vector<T> {
  const builder = arrow.makeBuilder({ type, nullValues: [null] });
  for (let row = 0; row < rows; row++)
    builder.append(everyNull > 0 && row % everyNull === 0 ? null : value(row));
  return builder.finish().toVector() as arrow.Vector<T>;
}

const COLUMNS = {
  int64: vectorOf(new arrow.Int64(), (row) => BigInt(row) * 1_000_003n - 5n, 7),
  uint64: vectorOf(new arrow.Uint64(), (row) => 2n ** 63n + BigInt(row)),
  int32: vectorOf(new arrow.Int32(), (row) => -row, 3),
  uint32: vectorOf(new arrow.Uint32(), (row) => 4294967295 - row),
  int16: vectorOf(new arrow.Int16(), (row) => (row % 65536) - 32768),
  uint8: vectorOf(new arrow.Uint8(), (row) => row % 256),
  float64: vectorOf(new arrow.Float64(), (row) => row / 4, 5),
  float32: vectorOf(new arrow.Float32(), (row) => row / 2),
  bool: vectorOf(new arrow.Bool(), (row) => row % 3 === 0, 11),
  text: vectorOf(new arrow.Utf8(), (row) => (row % 50 === 0 ? '' : `é${row}`), 13),
  nothing: vectorOf(new arrow.Utf8(), () => null, 1),
};

const streamOf = (columns: Record<string, arrow.Vector>, name = 'StringIds'): Uint8Array => {
  const table = new arrow.Table(columns);
  const schema = new arrow.Schema(table.schema.fields, new Map([['table_name', name]]));
  return arrow.tableToIPC(new arrow.Table(schema, table.batches), 'stream');
};

/** Every value of the columns as `[isNull, number, bigint, text]`. */
async function valuesIn(
  file: Uint8Array,
  columns: readonly string[],
  options: InputOptions = {},
): Promise<unknown[][]> {
  const bytes = bytesOfInput(inputFromBytes('x', file, options));
  const { streams, error } = await indexArrow(bytes, () => true, breathe);
  expect(error).toBeNull();
  const values: unknown[][] = [];
  for (const stream of streams) {
    for await (const rows of arrowRows(bytes, stream, columns)) {
      while (rows.step())
        values.push(
          columns.map((_name, i) => [
            rows.isNull(i),
            rows.number(i),
            rows.bigint(i),
            rows.text(i),
            rows.int(i),
          ]),
        );
    }
  }
  return values;
}

const expected = (name: keyof typeof COLUMNS, row: number): unknown[] => {
  const value: unknown = COLUMNS[name].get(row);
  if (value === null) return [true, 0, 0n, '', 0];
  if (typeof value === 'string') return [false, 0, 0n, value, 0];
  const number = Number(typeof value === 'bigint' ? BigInt.asIntN(64, value) : value);
  const bigint = typeof value === 'bigint' ? BigInt.asIntN(64, value) : BigInt(Math.trunc(Number(value)));
  const text = typeof value === 'bigint' ? bigint.toString() : String(Number(value));
  return [
    false,
    number,
    bigint,
    text,
    typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : number | 0,
  ];
};

describe('streams made by apache-arrow', () => {
  const file = streamOf(COLUMNS);
  const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

  it.each([
    ['by position', {}],
    ['compressed, in order', { randomAccess: false, chunkBytes: 65_537 }],
  ])('%s: every type, with and without nulls, over windows of rows', async (_how, options) => {
    const values = await valuesIn(file, names, options);
    expect(values).toHaveLength(ROWS);
    let wrong = 0;
    for (let row = 0; row < ROWS; row += row < 200 || row > 65_000 ? 1 : 61) {
      names.forEach((name, i) => {
        const want = expected(name, row);
        const got = values[row][i] as unknown[];
        if (want.some((value, k) => !Object.is(value, got[k]) && value !== got[k])) wrong++;
      });
    }
    expect(wrong).toBe(0);
  });

  it('columns that are not there are null, in any order and twice', async () => {
    const values = await valuesIn(file, ['missing', 'text', 'int32', 'text']);
    expect(values[1]).toEqual([
      [true, 0, 0n, '', 0],
      [false, 0, 0n, 'é1', 0],
      [false, -1, -1n, '-1', -1],
      [false, 0, 0n, 'é1', 0],
    ]);
  });

  it('several streams in one file and several batches in one stream', async () => {
    const one = streamOf({ a: vectorOf(new arrow.Int32(), (row) => row, 0, 5) }, 'A');
    const batches = new arrow.Table({ a: vectorOf(new arrow.Int32(), (row) => row + 5, 0, 3) }).concat(
      new arrow.Table({ a: vectorOf(new arrow.Int32(), (row) => row + 8, 0, 4) }),
    );
    const two = arrow.tableToIPC(batches, 'stream');
    const both = new Uint8Array([...one, ...two]);
    const values = await valuesIn(both, ['a']);
    expect(values.map(([cell]) => (cell as unknown[])[1])).toEqual([...Array(12).keys()]);
    const bytes = bytesOfInput(inputFromBytes('x', both));
    const { streams } = await indexArrow(
      bytes,
      ({ metadata }) => metadata.get('table_name') === 'A',
      breathe,
    );
    expect(streams.map((stream) => stream.batches.length)).toEqual([1, 0]);
    expect(arrowHead(both)?.metadata.get('table_name')).toBe('A');
  });

  it('columns of types that are not read are named as such and cost nothing else', async () => {
    const dictionary = vectorOf(
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
      (row) => `v${row % 3}`,
      0,
      50,
    );
    const dated = vectorOf(new arrow.DateMillisecond(), (row) => new Date(row * 86_400_000), 0, 50);
    const file = streamOf({ dictionary, dated, b: vectorOf(new arrow.Int32(), (row) => row, 0, 50) });
    const { streams } = await indexArrow(bytesOfInput(inputFromBytes('x', file)), () => true, breathe);
    expect(streams[0].fields.map(({ kind }) => kind)).toEqual(['unread', 'unread', 'int']);
    expect((await valuesIn(file, ['b']))[7]).toEqual([[false, 7, 7n, '7', 7]]);
  });

  it('an Arrow file (with ARROW1) and nonsense are no streams', () => {
    const table = new arrow.Table({ a: vectorOf(new arrow.Int32(), (row) => row, 0, 5) });
    expect(arrowHead(arrow.tableToIPC(table, 'file'))).toBeNull();
    expect(arrowHead(new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255]))).toBeNull();
    expect(arrowHead(new Uint8Array(3))).toBeNull();
  });
});
