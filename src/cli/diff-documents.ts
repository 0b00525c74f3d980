/**
 * `vramscope diff A B` where one of them, or both, is what `analyze --json` printed: what documents hold of a run is held
 * against each other, where the recordings are not at hand any more. Figures and lines at the peak, and the ledger.
 */
import { percentOf } from '../base/words.ts';
import { formatBytes } from '../base/units.ts';
import { TraceError } from '../base/trace-error.ts';
import {
  againstBaseline,
  type BaselineDevice,
  type BaselineDocument,
  pairsOf,
} from '../engine/document/baseline.ts';
import type { Analysis, AnalysisLedger } from '../engine/document/analysis.ts';
import { isDocument, readBaseline } from './baseline.ts';
import type { DiffArguments } from './diff-arguments.ts';
import { json, lines as printed } from './terminal.ts';
import { textTable } from './text-table.ts';

interface Output {
  write(text: string): unknown;
}

const EXIT_READ = 0;
const EXIT_FAILED = 3;

interface Both {
  readonly a: number;
  readonly b: number;
  readonly difference: number;
}

interface PartDifference extends Both {
  /** peak: where most was reserved; end. */
  readonly when: string;
  readonly part: string;
}

interface DeviceDifference {
  readonly device: number;
  readonly sentence: string;
  /** At the peaks; null: one of the two does not know it exactly. */
  readonly requested: Both | null;
  readonly allocated: Both | null;
  readonly reserved: Both | null;
  /** null: one of the two does not tell lines. */
  readonly lines: readonly (Both & { readonly place: string; readonly is_new: boolean })[] | null;
  readonly ledger: readonly PartDifference[];
}

const change = (bytes: number): string =>
  `${formatBytes(Math.abs(bytes), 'binary')} ${bytes < 0 ? 'less' : 'more'}`;

function sentenceOf({ figures, lines }: BaselineDevice): string {
  const figure = ['requested', 'allocated', 'reserved'].flatMap(
    (name) => figures.find((one) => one.figure === name && one.difference_bytes !== null) ?? [],
  )[0];
  if (figure === undefined) return 'Neither tells its peak exactly: what differs cannot be said.';
  const difference = figure.difference_bytes!;
  const first = lines?.find(
    ({ difference_bytes: bytes }) => difference === 0 || bytes > 0 === difference > 0,
  );
  if (difference === 0)
    return first === undefined
      ? `B holds as much as A at its peak${lines === null ? '' : ', line by line'}.`
      : `B holds as much as A at its peak; lines differ, \`${first.place}\` most: ${change(first.difference_bytes)}.`;
  const by =
    first === undefined
      ? ''
      : `; ${percentOf(Math.abs(first.difference_bytes), Math.abs(difference))} of it is \`${first.place}\``;
  return `B holds ${change(difference)} (${figure.figure}) at its peak${by}.`;
}

function ledgersOf(document: BaselineDocument, source: number, device: number): readonly AnalysisLedger[] {
  const all: unknown = (document as Partial<Analysis>).ledger;
  return Array.isArray(all)
    ? (all as readonly AnalysisLedger[]).filter((one) => one.source === source && one.device === device)
    : [];
}

function ledgerDifference(a: readonly AnalysisLedger[], b: readonly AnalysisLedger[]): PartDifference[] {
  return a.flatMap((before) => {
    const after = b.find(({ when }) => when === before.when);
    if (after === undefined) return [];
    return Object.entries(before.parts).flatMap(([part, was]): PartDifference[] => {
      const now = after.parts[part];
      return was == null || now == null
        ? []
        : [{ when: before.when, part, a: was, b: now, difference: now - was }];
    });
  });
}

function differencesOf(a: BaselineDocument, b: BaselineDocument, name: string): readonly DeviceDifference[] {
  const pairs = pairsOf(a, b).flatMap(([now, was]) =>
    was === null ? [] : [[b.devices[now], a.devices[was]] as const],
  );
  return againstBaseline(b, a, name).devices.map((one, at) => {
    const figure = (asked: string): Both | null => {
      const found = one.figures.find(({ figure: own }) => own === asked)!;
      const { was_bytes: was, now_bytes: now, difference_bytes: difference } = found;
      return was === null || now === null || difference === null ? null : { a: was, b: now, difference };
    };
    const [, before] = pairs[at];
    return {
      device: one.device,
      sentence: sentenceOf(one),
      requested: figure('requested'),
      allocated: figure('allocated'),
      reserved: figure('reserved'),
      lines:
        one.lines?.map((line) => ({
          place: line.place,
          a: line.was_bytes,
          b: line.now_bytes,
          difference: line.difference_bytes,
          is_new: line.is_new,
        })) ?? null,
      ledger: ledgerDifference(
        ledgersOf(a, before.source, before.device),
        ledgersOf(b, one.source, one.device),
      ),
    };
  });
}

const bytes = (value: number): string => formatBytes(value, 'binary');
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${bytes(Math.abs(value))}`;

function printedDevice(one: DeviceDifference, named: boolean, most: number): string[] {
  const figures = (['requested', 'allocated', 'reserved'] as const).map((name) => {
    const both = one[name];
    return both === null
      ? [name, 'not known', 'not known', '']
      : [name, bytes(both.a), bytes(both.b), signed(both.difference)];
  });
  const rest = (one.lines?.length ?? 0) - most;
  return [
    `${named ? `device ${one.device}: ` : ''}${one.sentence}`,
    '',
    ...textTable(['at the peak', 'A', 'B', 'difference'], figures),
    ...(one.lines === null || one.lines.length === 0
      ? []
      : [
          '',
          ...textTable(
            ['line', 'A', 'B', 'difference'],
            one.lines
              .slice(0, most)
              .map((line) => [line.place, bytes(line.a), bytes(line.b), signed(line.difference)]),
          ),
          ...(rest > 0 ? [`  and ${rest} more (--lines N, or --json)`] : []),
        ]),
    ...(one.ledger.every(({ difference }) => difference === 0)
      ? []
      : [
          '',
          ...textTable(
            ['ledger', 'A', 'B', 'difference'],
            one.ledger
              .filter(({ difference }) => difference !== 0)
              .map((part) => [
                `${part.part}, ${part.when}`,
                bytes(part.a),
                bytes(part.b),
                signed(part.difference),
              ]),
          ),
        ]),
  ];
}

/** Returns the exit code; null: neither is a document. */
export async function diffDocuments(asked: DiffArguments, out: Output, err: Output): Promise<number | null> {
  try {
    if (![asked.a, asked.b].some(isDocument)) return null;
    if (asked.at.some((moment) => moment !== 'peak'))
      throw new TraceError('refused', 'A result of analyze --json tells of its peak alone.', {
        advice: 'Give the recordings for another moment, or leave --at out.',
      });
    const [a, b] = [await readBaseline(asked.a), await readBaseline(asked.b)];
    const all = differencesOf(a, b, asked.a);
    const chosen = asked.devices === null ? all : all.filter(({ device }) => device === asked.devices![1]);
    if (chosen.length === 0)
      throw new TraceError('refused', 'the two have no device in common', {
        advice: 'Results of analyze --json are paired by the numbers of their devices.',
      });
    if (asked.json) {
      const told = chosen.length === 1 ? chosen[0] : { devices: chosen };
      out.write(json({ schema: 1, a: { file: asked.a }, b: { file: asked.b }, at: 'peak', ...told }));
    } else
      out.write(chosen.map((one) => printed(printedDevice(one, chosen.length > 1, asked.lines))).join('\n'));
    return EXIT_READ;
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    const { message, advice } = thrown.toData();
    err.write(printed([`vramscope: ${message}`, ...(advice === null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
}
