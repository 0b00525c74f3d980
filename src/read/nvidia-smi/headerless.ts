/**
 * Rows of `nvidia-smi --query-* --format=csv,noheader[,nounits]`: nothing says what the columns are, so they are
 * judged when all rows are known, by units, by magnitude, by what stays the same, and by used <= total.
 * What was taken for what is a warning, and the note of each series: it is a guess, if a good one.
 *   2026/11/21 09:12:29.980, 0, 7 %, 2 %, 4199 MiB, 81559 MiB
 *   0, 4199, 81559
 */
import {
  cellFigure,
  type CellFigure,
  MEMORY_FREE,
  MEMORY_RESERVED,
  MEMORY_TOTAL,
  MEMORY_USED,
} from './columns.ts';
import { POWER_DRAW, UTILIZATION_GPU, UTILIZATION_MEMORY } from './columns.ts';
import type { SmiProcesses } from './processes.ts';
import { NO_LABELS, rowLabels } from './query.ts';
import type { Moment, Quantity, SmiSamples } from './samples.ts';
import { slashTime } from '../lines/printed-time.ts';

const MOST_CELLS = 40;
/** Smaller than the memory of any GPU that nvidia-smi tells of, in MiB. */
const SMALLEST_TOTAL = 500;
const LARGEST_TOTAL = 4 << 20;

type Kind =
  'time' | 'uuid' | 'bus' | 'name' | 'text' | 'number' | 'missing' | 'MiB' | '%' | 'W' | 'MHz' | 'C';

const UUID = /^(?:GPU|MIG)-[0-9a-fA-F/-]{8,72}$/;
const BUS = /^[0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d$/;
const NAME = /^(?:NVIDIA|Tesla|GeForce|Quadro|TITAN|GRID) [\w .()-]{1,60}$/;

/** Seconds since 1970, from 2014 to 2033. */
const EPOCH = /^1[4-9]\d{8}(?:\.\d{1,9})?$/;

const timeOf = (cell: string): number | null =>
  slashTime(cell) ?? (EPOCH.test(cell) ? Number(cell) * 1000 : null);

function kindOf(cell: string, figure: CellFigure | null): Kind | null {
  if (figure !== null) {
    if (Number.isNaN(figure.value)) return cell === '' ? null : 'missing';
    switch (figure.unit) {
      case null:
        return 'number';
      case 'MiB':
      case '%':
      case 'W':
      case 'MHz':
      case 'C':
        return figure.unit;
      default:
        return null;
    }
  }
  if (slashTime(cell) !== null) return 'time';
  if (UUID.test(cell)) return 'uuid';
  if (BUS.test(cell)) return 'bus';
  return NAME.test(cell) ? 'name' : 'text';
}

interface Shape {
  readonly kinds: Kind[];
  /** Figures by column; NaN where there is none. */
  readonly values: number[][];
  readonly digits: number[];
  /** Cells of columns that are no figures. */
  readonly texts: string[][];
  /** ms; NaN: the row has no time of its own, its moment is in `moments`. */
  readonly times: number[];
  readonly moments: Moment[];
  /** Ordinal of each row in its block. */
  readonly blockRows: number[];
  readonly offset: number;
}

export class SmiHeaderlessRows {
  anonymous = 0;
  private readonly shapes: Shape[] = [];

  constructor(
    private readonly samples: SmiSamples,
    private readonly processes: SmiProcesses,
  ) {}

  /** `trusted`: the line stands where only nvidia-smi's rows stand, so bare numbers may be taken. */
  row(text: string, offset: number, trusted: boolean, row: number): boolean {
    if (text.length > 2000) return false;
    // Cheap for the lines of others, of which a log has millions.
    if (!trusted && text[4] !== '/' && !text.includes(' MiB')) return false;
    // Other writers put no blank behind the comma; such rows are taken only among nothing else.
    const isTight = trusted && text.includes(',') && !text.includes(', ');
    const cells = text.split(isTight ? ',' : ', ');
    if (isTight && cells.length < 3) return false;
    if (cells.length > MOST_CELLS) return false;
    const kinds: Kind[] = [];
    const figures: (CellFigure | null)[] = [];
    for (const printed of cells) {
      const cell = printed.trim();
      const figure = cellFigure(cell);
      const kind = kinds.length === 0 && trusted && EPOCH.test(cell) ? 'time' : kindOf(cell, figure);
      if (kind === null) return false;
      kinds.push(kind);
      figures.push(kind === 'time' ? null : figure);
    }
    if (!this.isRow(cells, kinds, trusted)) return false;
    const timeAt = kinds.indexOf('time');
    const ms = timeAt < 0 ? null : timeOf(cells[timeAt].trim());
    if (ms !== null) this.samples.saw(ms, { isUnix: EPOCH.test(cells[timeAt].trim()) });
    const shape = this.shapeOf(kinds, offset);
    cells.forEach((text, i) => {
      const figure = figures[i];
      if (kinds[i] === 'missing') this.samples.isMissing(text.trim());
      shape.values[i].push(figure?.value ?? NaN);
      if (figure === null && kinds[i] !== 'time')
        shape.texts[i][shape.times.length] = text.trim().slice(0, 200);
      else if (figure !== null) shape.digits[i] = Math.max(shape.digits[i], figure.digit);
    });
    shape.times.push(ms ?? NaN);
    shape.moments.push(this.samples.now());
    shape.blockRows.push(row);
    return true;
  }

  private isRow(cells: readonly string[], kinds: readonly Kind[], trusted: boolean): boolean {
    const sizes = kinds.filter((kind) => kind === 'MiB').length;
    const texts = kinds.filter((kind) => kind === 'text').length;
    const hasTime = kinds[0] === 'time';
    if (kinds.length === 1) return sizes === 1 && /^\d+ MiB$/.test(cells[0].trim());
    // "21180, /root/memhog, 2296 MiB": a process. Its name may be any text, so the rest has to be exact.
    if (texts > 0)
      return texts === 1 && sizes <= 1 && isProcess(kinds) && (hasTime || /^\d+$/.test(cells[0]));
    if (hasTime || sizes > 0) return kinds.length > 1;
    return trusted && kinds.every((kind) => kind === 'number' || kind === 'missing' || kind === 'uuid');
  }

  private shapeOf(kinds: Kind[], offset: number): Shape {
    for (const shape of this.shapes) {
      if (shape.kinds.length !== kinds.length) continue;
      const fits = shape.kinds.every(
        (kind, i) => kind === kinds[i] || kind === 'missing' || kinds[i] === 'missing',
      );
      if (!fits) continue;
      kinds.forEach((kind, i) => {
        if (kind !== 'missing') shape.kinds[i] = kind;
      });
      return shape;
    }
    const shape = {
      kinds: [...kinds],
      values: kinds.map(() => []),
      digits: kinds.map(() => 0),
      texts: kinds.map(() => []),
      times: [],
      moments: [],
      blockRows: [],
      offset,
    };
    this.shapes.push(shape);
    return shape;
  }

  /** Judges the columns and hands the rows over. */
  end(): void {
    for (const shape of this.shapes) {
      if (isProcess(shape.kinds)) this.keepProcesses(shape);
      else this.keepRows(shape);
    }
  }

  private keepProcesses(shape: Shape): void {
    const { kinds, values, texts } = shape;
    const nameAt = kinds.indexOf('text');
    const uuidAt = kinds.indexOf('uuid');
    this.forEachRow(shape, (n, ms) => {
      const gpu = { index: null, uuid: uuidAt < 0 ? null : texts[uuidAt][n], bus: null };
      const place = { gpu, ms, labels: NO_LABELS, offset: shape.offset };
      this.processes.add(place, String(values[nameAt - 1][n]), texts[nameAt][n], null, values[nameAt + 1][n]);
    });
  }

  private keepRows(shape: Shape): void {
    const { kinds, values, digits, texts, offset } = shape;
    const indexAt = indexColumn(kinds, values);
    const roles = judge(kinds, values, indexAt);
    if (roles === null) {
      this.samples.warnings.add(
        'Rows of numbers that may be nvidia-smi without header and units: no column of them can be the total memory of a GPU, so they were left out.',
        offset,
      );
      this.samples.skipped += shape.times.length;
      return;
    }
    const taken = kinds.map((kind, i) => {
      if (i === indexAt) return 'index';
      return roles[i]?.id ?? (kind === 'time' ? 'timestamp' : kind === 'number' ? 'not known' : kind);
    });
    this.samples.warnings.add(
      `The columns of nvidia-smi have no names here (noheader). By units, magnitude and used <= total they were taken as: ${taken.join(', ')}. Leave noheader out to be certain.`,
      offset,
    );
    const uuidAt = kinds.indexOf('uuid');
    const busAt = kinds.indexOf('bus');
    const burst = indexAt < 0 && uuidAt < 0 && busAt < 0 ? burstOf(shape.times) : null;
    if (burst !== null)
      this.samples.warnings.add(
        `The rows name no GPU and come in bursts of ${burst}: they were taken for ${burst} GPUs in turn, as nvidia-smi lists them (inferred). To be certain: --query-gpu=index,...`,
        offset,
      );
    this.forEachRow(shape, (n, ms) => {
      const index = indexAt < 0 ? NaN : values[indexAt][n];
      const gpu = {
        index: Number.isNaN(index) ? null : index,
        uuid: indexAt < 0 && uuidAt >= 0 ? texts[uuidAt][n] : null,
        bus: indexAt < 0 && uuidAt < 0 && busAt >= 0 ? texts[busAt][n] : null,
      };
      const isNamed = gpu.index !== null || gpu.uuid !== null || gpu.bus !== null;
      if (!isNamed && burst === null) this.anonymous++;
      const labels = isNamed
        ? NO_LABELS
        : burst === null
          ? rowLabels(shape.blockRows[n])
          : { row: `${(n % burst) + 1} of ${burst}` };
      const place = { gpu, ms, labels, offset };
      roles.forEach((quantity, i) => {
        if (quantity === null) return;
        const note = `The column has no name; it was taken for ${quantity.id}.`;
        this.samples.add(quantity, place, values[i][n], digits[i], 1000, note);
      });
    });
  }

  private forEachRow(shape: Shape, keep: (n: number, ms: number | null) => void): void {
    for (let n = 0; n < shape.times.length; n++) {
      this.samples.rows++;
      const ms = shape.times[n];
      this.samples.goBackTo(shape.moments[n]);
      keep(n, Number.isNaN(ms) ? null : ms);
    }
  }
}

const isProcess = (kinds: readonly Kind[]): boolean => {
  const at = kinds.indexOf('text');
  return at > 0 && kinds[at - 1] === 'number' && (kinds[at + 1] === 'MiB' || kinds[at + 1] === 'missing');
};

const known = (column: readonly number[]): number[] => column.filter((value) => !Number.isNaN(value));
const isConstant = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

/** Small whole numbers before any amount, which either never change or run through the GPUs again and again. */
function indexColumn(kinds: readonly Kind[], columns: readonly (readonly number[])[]): number {
  const numbers = kinds.flatMap((kind, i) => (kind === 'number' ? [i] : []));
  const isBare = !kinds.includes('MiB');
  // Of bare numbers there must be at least a used and a total besides.
  if (isBare && numbers.length < 3) return -1;
  const first = numbers[0];
  if (first === undefined) return -1;
  const values = known(columns[first]);
  if (values.length === 0 || !values.every((value) => Number.isInteger(value) && value >= 0 && value < 64))
    return -1;
  const count = values.reduce((a, b) => Math.max(a, b), 0) + 1;
  const cycles = values.every((value, i) => i === 0 || value === (values[i - 1] + 1) % count || value === 0);
  return isConstant(values) || cycles ? first : -1;
}

/** What each column is; null for those not known. null for all: nothing here looks like memory. */
function judge(
  kinds: readonly Kind[],
  columns: readonly (readonly number[])[],
  indexAt: number,
): (Quantity | null)[] | null {
  const roles: (Quantity | null)[] = kinds.map(() => null);
  const isBare = !kinds.includes('MiB');
  let sizes = kinds.flatMap((kind, i) => (kind === (isBare ? 'number' : 'MiB') && i !== indexAt ? [i] : []));
  const shares = kinds.flatMap((kind, i) => (kind === '%' ? [i] : []));
  const most = (i: number): number => known(columns[i]).reduce((a, b) => Math.max(a, b), -Infinity);
  const total = totalColumn(sizes, columns, indexAt >= 0 || kinds.includes('uuid') || kinds.includes('bus'));
  if (isBare && total < 0) return judgeBare(roles, sizes, columns, kinds);
  if (isBare) {
    // Of bare numbers, amounts are those beyond 100; where none is, the one beside the total.
    const others = sizes.filter((i) => i !== total);
    let amounts = others.filter((i) => most(i) > 100 && most(i) <= most(total));
    if (amounts.length === 0)
      amounts = [others.includes(total - 1) ? total - 1 : others.includes(total + 1) ? total + 1 : -1];
    sizes = [total, ...amounts.filter((i) => i >= 0)];
    const rest = others.filter((i) => !sizes.includes(i) && most(i) <= 100);
    if (rest.length <= 2) shares.push(...rest);
  }
  if (total >= 0) roles[total] = MEMORY_TOTAL;
  const amounts = sizes.filter((i) => i !== total);
  if (amounts.length === 3) {
    // total, reserved, used, free: what the driver reserves hardly ever changes.
    const reserved = amounts.find((i) => isConstant(known(columns[i]))) ?? amounts[0];
    roles[reserved] = MEMORY_RESERVED;
    amounts.splice(amounts.indexOf(reserved), 1);
  }
  if (amounts[0] !== undefined) roles[amounts[0]] = MEMORY_USED;
  if (amounts[1] !== undefined && amounts.length === 2) roles[amounts[1]] = MEMORY_FREE;
  if (shares[0] !== undefined) roles[shares[0]] = UTILIZATION_GPU;
  if (shares[1] !== undefined) roles[shares[1]] = UTILIZATION_MEMORY;
  const watts = kinds.indexOf('W');
  if (watts >= 0) roles[watts] = POWER_DRAW;
  return roles;
}

/** One column of thousands beside shares: what is used. Anything else is not told. */
function judgeBare(
  roles: (Quantity | null)[],
  sizes: readonly number[],
  columns: readonly (readonly number[])[],
  kinds: readonly Kind[],
): (Quantity | null)[] | null {
  const isShare = (i: number): boolean =>
    known(columns[i]).every((value) => Number.isInteger(value) && value >= 0 && value <= 100);
  const amounts = sizes.filter((i) => !isShare(i));
  const shares = sizes.filter(isShare);
  const values = amounts.length === 1 ? known(columns[amounts[0]]) : [];
  const fits = values.every((value) => Number.isInteger(value) && value >= 0 && value <= LARGEST_TOTAL);
  if (
    kinds[0] !== 'time' ||
    values.length < 3 ||
    !fits ||
    shares.length > 2 ||
    !values.some((value) => value >= SMALLEST_TOTAL)
  )
    return null;
  roles[amounts[0]] = MEMORY_USED;
  if (shares[0] !== undefined) roles[shares[0]] = UTILIZATION_GPU;
  if (shares[1] !== undefined) roles[shares[1]] = UTILIZATION_MEMORY;
  return roles;
}

const MOST_GPUS = 16;

/**
 * Rows that come in bursts of n within a fraction of the pause between them are n GPUs in turn.
 *
 *   10:00:00.120  10:00:00.121  10:00:00.122  10:00:00.123     10:00:01.120 ...      four GPUs
 *
 * n, or null where the times show no such bursts.
 */
export function burstOf(times: readonly number[]): number | null {
  if (times.length < 4 || times.some(Number.isNaN)) return null;
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  const longest = gaps.reduce((a, b) => Math.max(a, b), 0);
  if (longest <= 0 || gaps.some((gap) => gap < 0)) return null;
  const isPause = (gap: number): boolean => gap > longest / 4;
  const first = gaps.findIndex(isPause);
  const burst = first + 1;
  if (burst < 2 || burst > MOST_GPUS || times.length < 2 * burst) return null;
  return gaps.every((gap, i) => isPause(gap) === ((i + 1) % burst === 0)) ? burst : null;
}

/** The amount that no other exceeds and that is the same whenever the row is about the same GPU; -1: none. */
function totalColumn(
  sizes: readonly number[],
  columns: readonly (readonly number[])[],
  isIndexed: boolean,
): number {
  if (sizes.length < 2) return -1;
  const best = sizes.reduce((a, b) => (known(columns[b])[0] > known(columns[a])[0] ? b : a));
  const values = known(columns[best]);
  if (values.length === 0) return -1;
  // A total is that of the GPU: where rows name no GPU and it differs from row to row, it is none.
  const distinct = new Set(values);
  if (distinct.size > (isIndexed ? 16 : 1)) return -1;
  if (values.some((value) => value < SMALLEST_TOTAL || value > LARGEST_TOTAL || !Number.isInteger(value)))
    return -1;
  return sizes.every((i) => columns[i].every((value, n) => !(value > columns[best][n]))) ? best : -1;
}
