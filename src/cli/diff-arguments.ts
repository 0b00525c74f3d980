/** What `vramscope diff` was asked: options to plain values. */
import type { CompareMoment } from '../engine/protocol.ts';
import { takeOption } from './take-option.ts';

export interface DiffArguments {
  readonly a: string;
  readonly b: string;
  readonly at: readonly [CompareMoment, CompareMoment];
  /** Numbers of the devices in A and in B; null: all that both have. */
  readonly devices: readonly [number, number] | null;
  readonly lines: number;
  readonly json: boolean;
}

const SHOWN = 20;
/** In the object, where a script looks. */
const IN_OBJECT = 1000;

/** "peak", "end", "1200" (an event), "iteration:12". */
function momentOf(text: string): CompareMoment | null {
  if (text === 'peak' || text === 'end') return text;
  if (/^\d{1,10}$/.test(text)) return { row: Number(text) };
  const iteration = /^iteration:(\d{1,9})$/.exec(text)?.[1];
  return iteration === undefined ? null : { iteration: Number(iteration) };
}

/** A string is why the arguments cannot be used. */
export function diffArguments(rest: readonly string[]): DiffArguments | string {
  const end = rest.indexOf('--');
  const given = end < 0 ? [...rest] : rest.slice(0, end);
  const at = takeOption(given, '--at');
  const device = takeOption(given, '--device');
  const lines = takeOption(given, '--lines');
  const moments = (at ?? (at === null ? '' : 'peak')).split(',').map((text) => momentOf(text.trim()));
  const [first, second = first] = moments;
  if (first == null || second == null || moments.length > 2)
    return `--at needs peak, end, the number of an event or iteration:N, or two of them with a comma, not "${at ?? ''}"`;
  let devices: [number, number] | null = null;
  if (device !== undefined) {
    const found = /^(-?\d{1,4})(?:,(-?\d{1,4}))?$/.exec(device ?? '');
    if (found === null) return `--device needs a number, or two with a comma, not "${device ?? ''}"`;
    devices = [Number(found[1]), Number(found[2] ?? found[1])];
  }
  if (lines === null || (lines !== undefined && !/^[1-9]\d{0,5}$/.test(lines)))
    return `--lines needs how many lines to show, not "${lines ?? ''}"`;
  const isOption = (argument: string): boolean => argument.startsWith('-');
  const unknown = given.find((argument) => isOption(argument) && argument !== '--json');
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  const files = given.filter((argument) => !isOption(argument));
  if (end >= 0) files.push(...rest.slice(end + 1));
  if (files.length !== 2) return 'diff needs two files';
  const json = given.includes('--json');
  return {
    a: files[0],
    b: files[1],
    at: [first, second],
    devices,
    lines: lines === undefined ? (json ? IN_OBJECT : SHOWN) : Number(lines),
    json,
  };
}
