/** Growth that logs and monitors show: a leak by the program's own lines, or a device whose use goes on growing. */
import type { GaugeGrowth, PrintedGrowth } from '../analyze/server-facts-growth.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import type { GrowthVerdict } from '../analyze/growth-verdict.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { count, exactSize, size } from './words.ts';

function untilText({ untilLimit }: GrowthVerdict): string {
  if (untilLimit === null) return '';
  const minutes = untilLimit.ns === null ? '' : `, ${(untilLimit.ns / 60e9).toFixed(0)} minutes`;
  return ` The limit is ${count(Math.ceil(untilLimit.iterations), 'sample')}${minutes} away.`;
}

function leakOf(
  { allocated, reserved, conclusion, what, device, source }: PrintedGrowth,
  { input }: ServerFacts,
): Finding[] {
  const recording = input.recordingOf(source.id);
  const { verdict } = allocated;
  const slope = verdict.slopePerIteration;
  if (conclusion.conclusion !== 'leak' || slope === null) return [];
  return [
    aboutServer({
      id: 'gauge-growth',
      device,
      severity: 'problem',
      title: `Allocated memory grows by ${size(Math.round(slope))} a line: a leak`,
      verdict: `${what}: ${conclusion.sentence}${untilText(verdict)} Which allocations these are the lines do not tell${recording === null ? ': record a snapshot for that' : `; ${recording}, which is of the same run, does`}.`,
      confidence: conclusion.confidence,
      confidenceWhy: verdict.why.join(' '),
      evidence: [
        evidence(`Allocated, ${allocated.values.length} values: ${verdict.why.join(' ')}`),
        evidence(`Reserved: ${reserved.verdict.why.join(' ')}`),
      ],
      remedy:
        recording === null
          ? "torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot('snapshot.pickle') after: the snapshot names the line. empty_cache() gives none of it back."
          : `See the findings about ${recording}: they name the line. empty_cache() gives none of it back.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Allocated memory that falls back after a request.',
    }),
  ];
}

function deviceOf(growth: GaugeGrowth, printed: readonly PrintedGrowth[]): Finding[] {
  const { verdict, measures, source, device, label } = growth;
  if (measures !== 'device_used' && measures !== 'process_used') return [];
  if (verdict.kind === 'warm_up_plateau' && verdict.bound !== null && verdict.confidence !== 'low')
    return [
      aboutServer({
        id: 'gauge-growth',
        device,
        severity: 'good',
        title: `${label} grew to ${size(verdict.bound)} and stayed`,
        verdict: `${source.file}: what grew has come to an end at ${exactSize(verdict.bound)}.`,
        confidence: verdict.confidence,
        confidenceWhy: verdict.why.join(' '),
        evidence: [evidence(`${count(growth.values.length, 'sample')}: ${verdict.why.join(' ')}`)],
        remedy: null,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'Larger requests than those of this time.',
      }),
    ];
  if (verdict.kind !== 'linear_leak' || verdict.slopePerIteration === null) return [];
  const cache = printed.find(({ conclusion }) => conclusion.conclusion === 'caching_allocator');
  return [
    aboutServer({
      id: 'gauge-growth',
      device,
      severity: 'risk',
      title: `${label} grows by ${size(Math.round(verdict.slopePerIteration))} a sample`,
      verdict: `${source.file} shows steady growth${verdict.slopePerSecond === null ? '' : `, ${size(Math.round(verdict.slopePerSecond * 3600))} an hour`}.${untilText(verdict)} ${
        cache === undefined
          ? 'The driver counts what a process has taken, cached or in use: whether it is a leak or the cache of the allocator follows from allocated and reserved, not from this.'
          : `${cache.what} tells that allocated memory is flat: it is the cache of the allocator.`
      }`,
      confidence: verdict.confidence,
      confidenceWhy: verdict.why.join(' '),
      evidence: [evidence(`${count(growth.values.length, 'sample')}: ${verdict.why.join(' ')}`)],
      remedy:
        'Print torch.cuda.memory_allocated() and memory_reserved() beside it, or record a snapshot: they tell which it is.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A plateau in a longer recording.',
    }),
  ];
}

export const gaugeGrowth: ServerRule = (facts) => [
  ...facts.printedGrowth.flatMap((growth) => leakOf(growth, facts)),
  ...facts.gaugeGrowth.flatMap((growth) => deviceOf(growth, facts.printedGrowth)),
];
