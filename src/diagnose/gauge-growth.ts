/** A device or a process whose use goes on growing by what monitors print: a leak or a cache, which they cannot tell. */
import type { GaugeGrowth, PrintedGrowth } from '../analyze/server/facts-growth.ts';
import { evidence, type Finding } from './finding.ts';
import { isToldByDevice } from './gauge-told.ts';
import { fromTo, slopeEachHour, untilLimitText } from './growth-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { size } from './words.ts';

function findingOf(growth: GaugeGrowth, printed: readonly PrintedGrowth[]): Finding[] {
  const { verdict, measures, source, device, label } = growth;
  if (measures !== 'device_used' && measures !== 'process_used') return [];
  if (verdict.kind !== 'linear_leak' || verdict.slopePerIteration === null) return [];
  const cache = printed.find(({ conclusion }) => conclusion.conclusion === 'caching_allocator');
  return [
    aboutServer({
      id: 'gauge-growth',
      device,
      severity: 'risk',
      title: `${label} grows by ${size(verdict.slopePerIteration)} a sample`,
      verdict: `${source.file} shows steady growth${slopeEachHour(verdict)}.${untilLimitText(verdict)} ${
        cache === undefined
          ? 'The driver counts what a process has taken, cached or in use: whether it is a leak, the cache of the allocator, or a program that still loads follows from allocated and reserved, not from this.'
          : `${cache.what} tells that allocated memory is flat: it is the cache of the allocator.`
      }`,
      // That it grows is sure; which of the causes it is is not.
      confidence: verdict.confidence === 'high' ? 'medium' : verdict.confidence,
      confidenceWhy: verdict.why.join(' '),
      evidence: [evidence(fromTo(growth))],
      remedy:
        'Print torch.cuda.memory_allocated() and torch.cuda.memory_reserved() beside it, or record a snapshot: they tell which it is.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A plateau in a longer recording.',
    }),
  ];
}

export const gaugeGrowth: ServerRule = (facts) =>
  facts.gaugeGrowth
    .filter((growth) => !isToldByDevice(growth, facts.gaugeGrowth))
    .flatMap((growth) => findingOf(growth, facts.printedGrowth));
