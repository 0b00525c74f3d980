/** The text form of `vramscope replay`. */
import { formatBytes, formatDuration, formatInteger } from '../base/units.ts';
import type { ReplayAnswer, SitesAnswer, SweepAnswer, SweepRow, WhatIfAnswer } from '../engine/protocol.ts';
import type { DeviceReplay } from './replay-object.ts';
import { textTable as table } from './text-table.ts';

const bytes = (value: number): string => formatBytes(value, 'binary');
const named = (conf: string | null): string =>
  conf === null ? 'recorded settings' : conf === '' ? 'defaults' : conf;

type Cell = string;

const HEAD = ['settings', 'reserved peak', 'bytes', 'inactive split', 'calls', 'retries', 'failed'];

const figures = (conf: string, stats: ReplayAnswer['stats']): Cell[] => [
  conf,
  bytes(stats['reserved_bytes.all.peak']),
  formatInteger(stats['reserved_bytes.all.peak']),
  bytes(stats['inactive_split_bytes.all.peak']),
  formatInteger(stats['num_device_alloc'] + stats['num_device_free']),
  formatInteger(stats['num_alloc_retries']),
  formatInteger(stats['num_ooms']),
];

const sweepFigures = (row: SweepRow): Cell[] => [
  named(row.conf),
  bytes(row.reservedPeak),
  formatInteger(row.reservedPeak),
  bytes(row.inactiveSplitPeak),
  formatInteger(row.calls),
  formatInteger(row.retries),
  formatInteger(row.ooms),
];

function replayedLines({ answer, replayed }: DeviceReplay): string[] {
  const rows = [
    figures(`as recorded (${named(answer.settings.conf)})`, answer.stats),
    // What the others are to be compared with, where the model left alone does not do what was recorded.
    ...(answer.unled.largestDifference === 0 ? [] : [figures('the same, served again', answer.unled.stats)]),
    ...replayed.map(({ settings, stats }) => figures(named(settings.conf), stats)),
  ];
  const notes = replayed.flatMap(({ settings, sentences }: WhatIfAnswer) =>
    sentences.map((sentence) => `  ${named(settings.conf)}: ${sentence}`),
  );
  return [...table(HEAD, rows), ...notes];
}

function sweepLines(sweep: SweepAnswer): string[] {
  return [
    `  sweep of ${formatInteger(sweep.rows.length)} settings in ${formatDuration(sweep.milliseconds * 1e6)}`,
    ...sweep.sentences.map((sentence) => `  ${sentence}`),
    ...(sweep.line === null ? [] : [`  export ${sweep.line}`]),
    '  the least memory for so many calls of the driver:',
    ...table(
      HEAD,
      sweep.front.map((at) => sweepFigures(sweep.rows[at])),
    ),
  ];
}

function sitesLines(sites: SitesAnswer): string[] {
  if (!sites.hasStacks)
    return ['  sites: no stacks were recorded; record with stacks="all" to know which line holds what.'];
  const saved = (value: number): string => (value < 0 ? `-${bytes(-value)}` : bytes(value));
  return [
    `  sites: ${formatInteger(sites.sites)} allocate, ${formatInteger(sites.sitesAtPeak)} hold memory when the reserved peak is reached (event ${formatInteger(sites.peakRow ?? 0)}); the ${formatInteger(sites.rows.length)} that hold most were tried`,
    ...table(
      ['site', 'held at peak', 'allocations', 'saved without it', 'saved at half its size'],
      sites.rows.map((row) => [
        row.site,
        bytes(row.liveBytes),
        formatInteger(row.allocations),
        saved(row.dropped.saved),
        saved(row.halved.saved),
      ]),
    ),
  ];
}

export function replayLines(replay: DeviceReplay): string[] {
  return [
    `device ${replay.device}`,
    ...replay.answer.sentences.map((sentence) => `  ${sentence}`),
    ...replayedLines(replay),
    ...(replay.sweep === null ? [] : sweepLines(replay.sweep)),
    ...(replay.sites === null ? [] : sitesLines(replay.sites)),
  ];
}
