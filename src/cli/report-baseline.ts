/** A run beside its baseline as rows of a table, for text and Markdown. */
import { formatBytes } from '../base/units.ts';
import { percentChange } from '../base/words.ts';
import type { AnalysisBaseline, BaselineDevice } from '../engine/document/baseline.ts';
import { textTable } from './text-table.ts';

const bytes = (value: number | null): string => (value === null ? 'not known' : formatBytes(value, 'binary'));

export function changeText(was: number | null, now: number | null): string {
  if (was === null || now === null) return '';
  if (was === now) return '0';
  const size = `${now < was ? '−' : '+'}${formatBytes(Math.abs(now - was), 'binary')}`;
  return was === 0 ? size : `${size} (${percentChange((now - was) / was)})`;
}

/** Lines that are shown of a device. */
const MOST_LINES = 10;

export const deviceName = ({ device }: Pick<BaselineDevice, 'device'>): string =>
  device < 0 ? 'pinned host memory' : `device ${device}`;

export const figureCells = ({ figures }: BaselineDevice): string[][] =>
  figures.map(({ figure, was_bytes: was, now_bytes: now, note }) => [
    `${figure} at its peak${note === null ? '' : ` (${note})`}`,
    bytes(was),
    bytes(now),
    changeText(was, now),
  ]);

export const lineCells = ({ lines }: BaselineDevice): string[][] =>
  (lines ?? [])
    .slice(0, MOST_LINES)
    .map(({ place, was_bytes: was, now_bytes: now, is_new: fresh }) => [
      place,
      fresh ? 'new' : bytes(was),
      bytes(now),
      changeText(was, now),
    ]);

/** How many more lines differ; "" where none does. */
export const moreLines = ({ lines }: BaselineDevice): string => {
  const more = (lines ?? []).length - MOST_LINES;
  return more <= 0 ? '' : `${more} more lines differ`;
};

export function baselineLines(baseline: AnalysisBaseline): string[] {
  const all = ['', `Against ${baseline.file}`];
  for (const device of baseline.devices) {
    all.push(...textTable([deviceName(device), 'baseline', 'this run', 'change'], figureCells(device)));
    const lines = lineCells(device);
    if (lines.length > 0)
      all.push('', ...textTable(['line, at the peak', 'baseline', 'this run', 'change'], lines));
    if (moreLines(device) !== '') all.push(`  ${moreLines(device)}`);
  }
  for (const device of baseline.unknown_devices)
    all.push(`  device ${device}: the baseline has no such device`);
  return all;
}
