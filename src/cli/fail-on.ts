/**
 * `--fail-on 'leak,peak>70GiB'`: conditions under which the exit code says that a run is not in order.
 *
 *   leak, growth, oom             a finding of that kind, whatever file shows it
 *   problem, risk                 a finding of that severity
 *   any id of a finding           e.g. setting-in-force; one that no rule has is refused
 *   peak>70GiB                    reserved bytes at the peak of any device
 *   allocated>60GiB               allocated bytes at the peak
 *   requested>60GiB               bytes asked for at the peak
 *   leak>1MiB                     bytes per iteration of a leak
 *   allocated>+1%, ...            more than a baseline (fail-on-baseline.ts)
 */
import type { Analysis } from '../engine/document/analysis.ts';
import { isFindingId } from '../diagnose/finding-ids.ts';
import { sizeOf } from '../base/size.ts';
import type { Condition } from './condition.ts';
import { baselineCondition, BASELINE_FIGURES } from './fail-on-baseline.ts';

type Told = Analysis['findings'][number];

const LEAKS = ['linear-leak', 'linear-leak-printed', 'masked-leak'];
const OOMS = ['out-of-memory', 'log-out-of-memory', 'summary-out-of-memory', 'failed-allocation'];

/** Said only of what was read whole: with damage in the file they are not judged. An error of memory is a fact. */
const JUDGED = [...LEAKS, 'gauge-growth', 'fragmentation-growth', 'pending-free'];

const isOpen = ({ id, damage }: Told): boolean => damage !== undefined && JUDGED.includes(id);

/** What a word stands for, and what leaves it open. */
const KINDS: Readonly<
  Record<string, { readonly holds: (finding: Told) => boolean; readonly unclear: (finding: Told) => boolean }>
> = {
  leak: {
    holds: ({ id }) => LEAKS.includes(id),
    // A monitor counts what is cached and what is in use alike.
    unclear: ({ id }) => id === 'gauge-growth' || id === 'growth-unclear' || id === 'printed-rise',
  },
  growth: {
    holds: ({ id, severity }) =>
      LEAKS.includes(id) ||
      id === 'gauge-growth' ||
      id === 'fragmentation-growth' ||
      (id === 'pending-free' && severity === 'problem'),
    unclear: ({ id }) => id === 'growth-unclear',
  },
  oom: { holds: ({ id }) => OOMS.includes(id), unclear: () => false },
};

const about = ({ id, device, title }: Told): string =>
  `${id}${device === null ? '' : ` (device ${device})`}: ${title}`;
const SEVERITIES = ['problem', 'risk'];
const FIGURES = ['peak', 'allocated', 'leak', 'requested'] as const;

/** Bytes of "70GiB", "500 MB", "1024"; null where it is none. */
export function parseSize(text: string): number | null {
  const bytes = sizeOf(text);
  return bytes === null ? null : Math.round(bytes);
}

function figureCondition(text: string, figure: (typeof FIGURES)[number], limit: number): Condition {
  const key = `${figure === 'peak' ? 'reserved' : figure}_bytes.all.peak`;
  return {
    text,
    open: ({ devices, findings }) =>
      figure === 'leak'
        ? findings.flatMap((finding) =>
            finding.id === 'linear-leak-printed'
              ? `not known, a line of a log need not be an iteration: ${about(finding)}`
              : finding.id === 'growth-unclear'
                ? `not known: ${about(finding)}`
                : [],
          )
        : devices
            .filter(({ device, memory_stats }) => device >= 0 && memory_stats[key] === undefined)
            .map(({ device }) => `device ${device}: not known, the recording does not hold its peak`),
    met: ({ devices, growth, sources }) =>
      figure === 'leak'
        ? growth
            .filter(
              ({ by, series, kind, source, slope_bytes_per_iteration: slope }) =>
                // Streams and lines of code are parts of the device's.
                by === 'device' &&
                series === 'allocated' &&
                kind === 'linear_leak' &&
                (slope ?? 0) > limit &&
                (source === null || sources[source].damage === undefined),
            )
            .map(
              ({ device, slope_bytes_per_iteration: slope }) =>
                `device ${device}: ${slope} bytes per iteration`,
            )
        : devices
            .filter(({ memory_stats }) => Number(memory_stats[key] ?? 0) > limit)
            .map(({ device, memory_stats }) => `device ${device}: ${memory_stats[key]} bytes`),
  };
}

/** What was not read whole may hold what would meet the condition. */
const judged = ({ met, open, ...rest }: Condition): Condition => ({
  ...rest,
  met,
  open: (analysis, baseline) => [
    ...open(analysis, baseline),
    ...(met(analysis, baseline).length > 0
      ? []
      : analysis.sources.flatMap(({ file, damage, error }) => {
          const why = damage ?? error?.message;
          return why === undefined ? [] : [`not known of all of it: ${file} was not read whole: ${why}`];
        })),
  ],
});

/** Conditions of the option, or what is wrong with it. */
export function parseFailOn(option: string): readonly Condition[] | string {
  const conditions: Condition[] = [];
  for (const part of option.split(',').map((one) => one.trim())) {
    const beyond = baselineCondition(part, parseSize);
    if (typeof beyond === 'string') return `--fail-on: ${beyond}`;
    if (beyond !== null) {
      conditions.push(beyond);
      continue;
    }
    const compared = /^([a-z-]+)\s*>\s*(.+)$/.exec(part);
    if (compared !== null) {
      const figure = FIGURES.find((name) => name === compared[1]);
      const limit = parseSize(compared[2]);
      if (figure === undefined)
        return `--fail-on: "${compared[1]}" is no figure; there are ${[...FIGURES, ...BASELINE_FIGURES.map((name) => `${name} (with +)`), 'new-line'].join(', ')}`;
      if (limit === null) return `--fail-on: "${compared[2]}" is no size; write 70GiB or 500MB`;
      conditions.push(figureCondition(part, figure, limit));
    } else if (/^[a-z]+(-[a-z]+)*$/.test(part)) {
      const severity = SEVERITIES.includes(part);
      const kind = Object.hasOwn(KINDS, part) ? KINDS[part] : null;
      // A misspelt condition would never hold, and nobody would notice.
      if (!severity && kind === null && !isFindingId(part))
        return `--fail-on: "${part}" is no finding, leak, growth, oom, problem or risk (docs/cli.md lists them)`;
      const holds = (finding: Told): boolean =>
        severity ? finding.severity === part : (kind?.holds(finding) ?? finding.id === part);
      conditions.push({
        text: part,
        open: ({ findings }) =>
          findings
            .filter((finding) => (kind?.unclear(finding) ?? false) || (isOpen(finding) && holds(finding)))
            .map((finding) => `not known: ${about(finding)}`),
        met: ({ findings }) => findings.filter((finding) => !isOpen(finding) && holds(finding)).map(about),
      });
    } else return `--fail-on: "${part}" is no condition; write leak, growth, oom, problem, peak>70GiB, ...`;
  }
  return conditions.map(judged);
}
