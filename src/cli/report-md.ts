/** A run as Markdown for a pull request or the summary of a job: the checks, the figures, the lines, the findings. */
import { count } from '../base/words.ts';
import { brief } from '../base/amounts.ts';
import { visible } from '../base/visible.ts';
import type { Report } from './checks.ts';
import { deviceName, figureCells, lineCells, moreLines } from './report-baseline.ts';

/** Text of a file never becomes markup, a link, a mention of somebody, or the end of a cell. */
const text = (words: string): string =>
  visible(words)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_[\]|~#]/g, (mark) => `\\${mark}`)
    .replaceAll('@', '@\u200b');

/** As code, where backticks would end it. */
const code = (words: string): string => `\`${visible(words).replaceAll('`', "'").replaceAll('|', '\\|')}\``;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `| --- |${' ---: |'.repeat(head.length - 1)}`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
];

const STATES = { holds: '❌ holds', not_known: '⚠️ not known', passes: '✅ passes' } as const;
const SHOWN = ['problem', 'risk'];

export function markdown({ analysis, baseline, checks }: Report): string {
  const failed = checks.filter(({ state }) => state === 'holds').length;
  const open = checks.filter(({ state }) => state === 'not_known').length;
  const title =
    checks.length === 0
      ? 'GPU memory'
      : failed > 0
        ? `GPU memory: ${failed} of ${count(checks.length, 'check')} failed`
        : open > 0
          ? `GPU memory: no check failed, ${open} could not be judged`
          : 'GPU memory: all checks passed';
  const all = [`### ${title}`, ''];
  if (checks.length > 0)
    all.push(
      '| condition | | why |',
      '| --- | --- | --- |',
      ...checks.map(
        ({ condition, state, reasons, not_known: unknown }) =>
          `| ${code(condition)} | ${STATES[state]} | ${[...reasons, ...unknown].map((why) => text(brief(why).replace(/^not known: /, ''))).join('<br>')} |`,
      ),
      '',
    );
  for (const device of baseline?.devices ?? []) {
    all.push(
      ...table(
        [text(deviceName(device)), 'baseline', 'this run', 'change'],
        figureCells(device).map((row) => row.map(text)),
      ),
      '',
    );
    const lines = lineCells(device);
    if (lines.length > 0)
      all.push(
        ...table(
          ['line, at the peak', 'baseline', 'this run', 'change'],
          lines.map(([place, ...cells]) => [code(place), ...cells.map(text)]),
        ),
        ...(moreLines(device) === '' ? [] : ['', moreLines(device)]),
        '',
      );
  }
  for (const device of baseline?.unknown_devices ?? [])
    all.push(`- device ${device}: the baseline has no such device`, '');
  if (baseline === null)
    for (const { device, memory_stats: stats } of analysis.devices) {
      const rows = figureCells({
        source: 0,
        device,
        lines: null,
        figures: (['allocated', 'requested', 'reserved'] as const).map((figure) => ({
          figure,
          was_bytes: null,
          now_bytes:
            stats[`${figure}_bytes.all.peak`] === undefined
              ? null
              : Number(stats[`${figure}_bytes.all.peak`]),
          difference_bytes: null,
          note: null,
        })),
      });
      all.push(
        ...table(
          [text(deviceName({ device })), 'this run'],
          rows.map(([name, , now]) => [text(name), text(now)]),
        ),
        '',
      );
    }
  const findings = analysis.findings.filter(({ severity }) => SHOWN.includes(severity));
  for (const { severity, title: what, device, verdict, remedy } of findings) {
    all.push(
      `- **${severity}**${device === null ? '' : ` (${text(deviceName({ device }))})`}: ${text(what)}. ${text(brief(verdict))}`,
    );
    if (remedy !== null) all.push(`  What to do: ${text(brief(remedy))}`);
  }
  for (const { file, error, damage } of analysis.sources) {
    const why = error?.message ?? damage;
    if (why !== undefined) all.push(`- ${code(file)} was not read whole: ${text(why)}`);
  }
  return `${all.join('\n').trimEnd()}\n`;
}
