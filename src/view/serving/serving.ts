/**
 * The KV cache of a server's engine: what the log prints of it, whether those figures follow from each other, and what
 * other settings would change. Figures that digits leave open are ranges: "3.54 to 3.82".
 */
import { amountsIn } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger, formatNumber } from '../../base/units.ts';
import { count, list } from '../../base/words.ts';
import type { Bounds } from '../../base/measured.ts';
import { rankText, startText } from '../../base/rank.ts';
import type { KvCheck, KvView, KvWhatIf } from '../../engine/protocol.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

export interface ServingFact {
  readonly label: string;
  readonly text: string;
  /** Every digit, or where the figure is from; "": nothing more. */
  readonly title: string;
}

export interface KvModel {
  /** "KV cache", "KV cache, DP1, start 2". */
  readonly heading: string;
  readonly facts: readonly ServingFact[];
  /** Sentences: what is not printed, what config.json adds, or why it could not be used. */
  readonly words: readonly string[];
  /** config.json was given and could not be used; null: it was used, or none was given. */
  readonly error: string | null;
  readonly checks: TableModel | null;
  readonly whatIfs: TableModel | null;
  /** What rows of that table have in common, and what could not be computed. */
  readonly whatIfWords: readonly string[];
}

const signedBytes = (bytes: number, unit: ByteUnit): string =>
  `${bytes < 0 ? '−' : ''}${formatBytes(Math.abs(Math.round(bytes)), unit)}`;

const gainBytes = (bytes: number, unit: ByteUnit): string =>
  `${bytes > 0 ? '+' : ''}${signedBytes(bytes, unit)}`;

/** "a to b"; one figure where both ends read the same. */
export function rangeText({ least, most }: Bounds, text: (value: number) => string): string {
  const ends = [text(least), text(most)];
  return ends[0] === ends[1] ? ends[0] : `${ends[0]} to ${ends[1]}`;
}

const whole = (value: number): string => formatInteger(Math.round(value));
const wholeBytes = (value: number): string => (value < 0 ? `−${whole(-value)}` : whole(value));

function factsOf(kv: KvView, unit: ByteUnit): ServingFact[] {
  const facts: ServingFact[] = [];
  const add = (label: string, text: string, title = ''): void => void facts.push({ label, text, title });
  const { bytes, bytesPerToken, tokens, blocks, blockSize, maxModelLen, concurrency } = kv;
  if (bytes !== null) {
    const leastRank = kv.leastRank === null ? '' : rankText(kv.leastRank);
    const open = bytes.error === 0 ? '' : ` ± ${whole(bytes.error)} (printed digits)`;
    const which =
      kv.ranks < 2
        ? ''
        : leastRank === ''
          ? ' on the rank that has least'
          : ` on ${leastRank}, which has least`;
    add(
      'KV cache',
      `${formatBytes(Math.round(bytes.value), unit)}${which}`,
      `${whole(bytes.value)}${open} bytes`,
    );
  }
  if (tokens !== null) add('Tokens', formatInteger(tokens));
  if (blocks !== null)
    add(
      'Blocks',
      blockSize === null ? formatInteger(blocks) : `${formatInteger(blocks)} of ${count(blockSize, 'token')}`,
    );
  if (bytesPerToken !== null)
    add(
      'Bytes a token, one rank',
      rangeText(bytesPerToken, (value) => formatBytes(Math.round(value), unit)),
      `${rangeText(bytesPerToken, (value) => formatNumber(value))} bytes, from the log`,
    );
  const planned = kv.model?.bytesPerTokenPerRank ?? null;
  // Unless the log prints it, how the model is split is taken as not at all: it must be seen.
  const split = `tensor parallel ${kv.tensorParallel}, pipeline parallel ${kv.pipelineParallel}`;
  if (planned !== null)
    add(
      bytesPerToken === null ? `Bytes a token by config.json, ${split}` : 'The same by config.json',
      formatBytes(planned, unit),
      `${formatNumber(planned)} bytes, ${split}`,
    );
  const held = kv.model?.tokens ?? null;
  if (held !== null)
    add(
      'Tokens by config.json',
      rangeText(held, whole),
      `In the printed bytes, ${split}, blocks of ${count(blockSize ?? 16, 'token')}`,
    );
  if (maxModelLen !== null) add('Full length', `${formatInteger(maxModelLen)} tokens`, '--max-model-len');
  if (concurrency !== null)
    add(
      'Requests of full length at once',
      `${formatNumber(concurrency.value)}, as printed`,
      concurrency.error === 0 ? '' : `± ${formatNumber(concurrency.error, 3)} (printed digits)`,
    );
  if (kv.maxNumSeqs !== null) add('Most requests at once', formatInteger(kv.maxNumSeqs), '--max-num-seqs');
  if (kv.kvDtype !== null) add('Type of the cache', kv.kvDtype);
  if (kv.tensorParallel * kv.pipelineParallel > 1)
    add('Parallel', `tensor ${kv.tensorParallel}, pipeline ${kv.pipelineParallel}`);
  if ((kv.model?.copies ?? 1) > 1)
    add(
      'Copies of each KV head',
      formatInteger(kv.model?.copies ?? 1),
      'Tensor-parallel ranks that keep the same head',
    );
  return facts;
}

/** The one check whose first figure is computed from config.json and whose second is what the log leaves open. */
const BY_CONFIG = 'bytes per token and rank';

function checksTable(checks: readonly KvCheck[]): TableModel | null {
  if (checks.length === 0) return null;
  const number = (value: number): string => formatNumber(value, 3);
  return {
    caption: 'Whether the printed figures follow from each other',
    columns: [
      { id: 'what', label: 'Check', numeric: false, breaks: true },
      { id: 'printed', label: 'As printed', numeric: true },
      { id: 'computed', label: 'As computed', numeric: true },
      { id: 'agrees', label: 'Agrees', numeric: false },
    ],
    rows: checks.map(({ what, printed, computed, agrees }, index) => {
      const byConfig = what === BY_CONFIG;
      const first = cell(`${number(printed)}${byConfig ? ' (config.json)' : ''}`, printed);
      const second = cell(
        `${rangeText(computed, number)}${byConfig ? ' (from the log)' : ''}`,
        computed.least,
        {
          title: rangeText(computed, (value) => formatNumber(value, 6)),
        },
      );
      return {
        key: String(index),
        cells: [cell(what), first, second, cell(agrees ? 'yes' : 'no')],
      };
    }),
    total: null,
    sort: null,
  };
}

/** Where nothing is computed the cell is a dash, and sorts below all figures. */
const rangeCell = (
  range: Bounds | null,
  text: (value: number) => string,
  exact: (value: number) => string,
): Cell =>
  range === null
    ? cell('–', -Infinity)
    : cell(rangeText(range, text), (range.least + range.most) / 2, { title: rangeText(range, exact) });

/** Nothing of it is computed: it is a sentence and no row. */
const isSilent = ({ bytes, bytesGained, tokens, concurrency }: KvWhatIf): boolean =>
  bytes === null && bytesGained === null && tokens === null && concurrency === null;

/** Notes that several rows share stand once, under the table. */
function sharedNotes(whatIfs: readonly KvWhatIf[]): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  for (const { setting, notes } of whatIfs)
    for (const note of notes) settings.set(note, [...(settings.get(note) ?? []), setting]);
  return new Map([...settings].filter(([, of]) => of.length > 1));
}

/** What several rows have in common, and what cannot be computed and why, one sentence a reason. */
function whatIfWords(whatIfs: readonly KvWhatIf[]): string[] {
  const shared = sharedNotes(whatIfs.filter((one) => !isSilent(one)));
  const refused = new Map<string, string[]>();
  for (const one of whatIfs.filter(isSilent)) {
    const reason = one.refused ?? 'Nothing can be computed.';
    refused.set(reason, [...(refused.get(reason) ?? []), one.setting]);
  }
  return [
    ...[...shared].map(([note, settings]) => `${list(settings)}: ${note}`),
    ...[...refused].map(([reason, settings]) => `Not computed for ${list(settings)}. ${reason}`),
  ];
}

function whatIfCells(one: KvWhatIf, shared: ReadonlyMap<string, readonly string[]>, unit: ByteUnit): Cell[] {
  const bytes = (value: number): string => `${wholeBytes(value)} bytes`;
  const { bytesGained: gained, refused } = one;
  const notes = one.notes.filter((note) => !shared.has(note));
  const unchanged = gained !== null && gained.least === 0 && gained.most === 0;
  return [
    cell(one.setting, one.setting, { mono: one.setting.startsWith('--') }),
    rangeCell(one.bytes, (value) => signedBytes(value, unit), bytes),
    unchanged ? cell('unchanged', 0) : rangeCell(gained, (value) => gainBytes(value, unit), bytes),
    rangeCell(one.tokens, whole, whole),
    rangeCell(
      one.concurrency,
      (value) => formatNumber(value),
      (value) => formatNumber(value, 6),
    ),
    cell([...(refused === null ? [] : [refused]), ...notes].join(' ')),
  ];
}

function whatIfTable(whatIfs: readonly KvWhatIf[], unit: ByteUnit): TableModel | null {
  const shown = whatIfs.filter((one) => !isSilent(one));
  if (shown.length === 0) return null;
  const shared = sharedNotes(shown);
  return {
    caption: 'What other settings would change, bytes on one rank',
    columns: [
      { id: 'setting', label: 'Setting', numeric: false },
      { id: 'bytes', label: 'KV cache, one rank', numeric: true },
      { id: 'gained', label: 'Change', numeric: true },
      { id: 'tokens', label: 'Tokens', numeric: true },
      { id: 'concurrency', label: 'Full-length requests', numeric: true },
      { id: 'notes', label: 'What to know', numeric: false, wraps: true },
    ],
    rows: shown.map((one, index) => ({ key: String(index), cells: whatIfCells(one, shared, unit) })),
    total: null,
    sort: null,
  };
}

export function kvModel(told: KvView, unit: ByteUnit): KvModel {
  const kv = amountsIn(told, unit);
  const disagree = kv.checks.filter(({ agrees }) => !agrees).length;
  return {
    heading: ['KV cache', kv.engine, startText(kv.start)].filter((part) => part !== '').join(', '),
    facts: factsOf(kv, unit),
    words: [
      kv.missing.length === 0 ? '' : `Not in the log: ${list(kv.missing)}.`,
      kv.shape === 'mixed' ? 'Layers cache different numbers of tokens, so bytes per token varies.' : '',
      disagree === 0 ? '' : `${count(disagree, 'check does', 'checks do')} not agree: see below.`,
      ...(kv.model?.notes ?? []),
    ].filter((sentence) => sentence !== ''),
    error: kv.model?.error ?? null,
    checks: checksTable(kv.checks),
    whatIfs: whatIfTable(kv.whatIfs, unit),
    whatIfWords: whatIfWords(kv.whatIfs),
  };
}
