/** How the KV cache of an engine was used over time: the state in a word, why, and the windows that show it. */
import type { ByteUnit } from '../../base/units.ts';
import { formatDuration, formatInteger, formatNumber } from '../../base/units.ts';
import { list } from '../../base/words.ts';
import type { Extent, EngineUsage, UsageWindow } from '../../engine/protocol.ts';
import type { Clock } from '../readings/clock.ts';
import { formatMomentBetween } from '../readings/clock.ts';
import { formatQuantity } from '../parts/quantity.ts';
import { rangeText } from './serving.ts';
import type { Cell, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

export interface UsageModel {
  readonly heading: string;
  readonly verdict: string;
  /** It keeps requests from being served: the only states that are no expected behaviour. */
  readonly bad: boolean;
  readonly words: readonly string[];
  readonly windows: TableModel | null;
}

const STATE_WORD: Readonly<Record<string, string>> = {
  idle: 'Idle',
  running: 'Running',
  filling: 'Filling',
  full: 'Full, and serving',
  preempting: 'Preempting',
  stuck: 'Stuck',
  held: 'Held without a request',
  unknown: 'Cannot tell',
};

const BAD: ReadonlySet<string> = new Set(['stuck', 'preempting', 'held']);

/** A state that is not known here yet is said as it is. */
export const stateWord = (state: string): string =>
  Object.hasOwn(STATE_WORD, state) ? STATE_WORD[state] : state.replaceAll('_', ' ');

const extentCell = (extent: Extent | null, text: (value: number) => string): Cell =>
  extent === null
    ? cell('–', -Infinity, { title: 'not recorded' })
    : cell(rangeText({ least: extent.min, most: extent.max }, text), extent.max, {
        title: `first ${text(extent.first)}, last ${text(extent.last)}`,
      });

function windowsTable(windows: readonly UsageWindow[], clock: Clock, unit: ByteUnit): TableModel | null {
  if (windows.length === 0) return null;
  const [first, last] = [windows[0].startNs, windows[windows.length - 1].endNs];
  const moment = (at: bigint): string => formatMomentBetween(clock, at, first, last);
  const share = (value: number): string => formatQuantity(value, 'ratio', unit);
  const hits = windows.some(({ hitRate }) => hitRate !== null);
  const preempts = windows.some(({ preemptions }) => preemptions > 0);
  return {
    caption: 'Windows of one state',
    columns: [
      { id: 'state', label: 'State', numeric: false },
      { id: 'from', label: 'From', numeric: false },
      { id: 'to', label: 'To', numeric: false },
      ...(clock === 'none' ? [] : [{ id: 'length', label: 'Length', numeric: true }]),
      { id: 'samples', label: 'Samples', numeric: true },
      { id: 'usage', label: 'KV cache used', numeric: true },
      { id: 'running', label: 'Running', numeric: true },
      { id: 'waiting', label: 'Waiting', numeric: true },
      { id: 'generation', label: 'Tokens/s', numeric: true },
      ...(hits ? [{ id: 'hits', label: 'Prefix cache hits', numeric: true }] : []),
      ...(preempts ? [{ id: 'preemptions', label: 'Preemptions', numeric: true }] : []),
    ],
    rows: windows.map((one, index) => {
      const length = Number(one.endNs - one.startNs);
      return {
        key: String(index),
        cells: [
          cell(stateWord(one.state)),
          cell(moment(one.startNs), index),
          cell(moment(one.endNs), index),
          ...(clock === 'none' ? [] : [cell(length === 0 ? '–' : formatDuration(length), length)]),
          cell(formatInteger(one.samples), one.samples),
          extentCell(one.usage, share),
          extentCell(one.running, formatNumber),
          extentCell(one.waiting, formatNumber),
          extentCell(one.generation, formatNumber),
          ...(hits ? [extentCell(one.hitRate, share)] : []),
          ...(preempts ? [cell(formatInteger(one.preemptions), one.preemptions)] : []),
        ],
      };
    }),
    total: null,
    sort: null,
  };
}

export function usageModel(usage: EngineUsage, clock: Clock, unit: ByteUnit): UsageModel {
  const { labels, verdict, last, sentence, prefixCache, missing, windows } = usage;
  const names = Object.entries(labels).map(([name, value]) => `${name} ${value}`);
  return {
    heading: ['Use of the KV cache', ...names].join(', '),
    verdict: stateWord(verdict),
    bad: BAD.has(verdict),
    words: [
      sentence,
      last === verdict ? '' : `At the end: ${stateWord(last).toLowerCase()}.`,
      prefixCache ?? '',
      missing.length === 0 ? '' : `Not recorded: ${list(missing)}.`,
    ].filter((text) => text !== ''),
    windows: windowsTable(windows, clock, unit),
  };
}
