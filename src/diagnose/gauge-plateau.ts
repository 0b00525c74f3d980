/** A device or a process whose use grew and then stayed, by what monitors print. */
import type { GaugeGrowth } from '../analyze/server/facts-growth.ts';
import { evidence, type Finding } from './finding.ts';
import { isToldByDevice } from './gauge-told.ts';
import { fromTo } from './growth-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { exactSize, size } from './words.ts';

/** Of fewer samples a level is no plateau. */
const LEAST_LEVEL = 10;

/** The longest stretch of one level, to the printed digit; null: it is less than half of the samples. */
function levelOf({
  values,
  granularity,
}: GaugeGrowth): { readonly from: number; readonly to: number } | null {
  let [from, to, start] = [0, -1, 0];
  for (let i = 1; i <= values.length; i++) {
    if (i < values.length && Math.abs(values[i] - values[start]) <= granularity / 2) continue;
    if (i - start > to - from + 1) [from, to] = [start, i - 1];
    start = i;
  }
  return to - from + 1 >= Math.max(LEAST_LEVEL, values.length / 2) ? { from, to } : null;
}

/** A long level between a rise and another, of which no verdict on growth speaks. */
function levelFinding(growth: GaugeGrowth): Finding[] {
  const { values, source, device, label, verdict } = growth;
  const level = levelOf(growth);
  if (level === null || level.from === 0 || level.to === values.length - 1) return [];
  if (verdict.kind === 'linear_leak' || verdict.kind === 'none') return [];
  const [at, last] = [values[level.from], values[values.length - 1]];
  const samples = `${level.to - level.from + 1} of ${values.length} samples`;
  return [
    aboutServer({
      id: 'gauge-plateau',
      device,
      severity: 'info',
      title: `${label} stayed at ${size(at)} for ${samples}`,
      verdict: `${source.file}: ${size(values[0])} at first, then ${exactSize(at)} for ${samples}, and ${size(last)} at the end${last > at ? `, ${size(last - at)} more` : ''}. What a process takes and keeps looks like this; one step behind a long level tells neither a leak nor that it ends.`,
      confidence: 'medium',
      confidenceWhy:
        'The level is as printed; whether the last step is the last one only a longer log shows.',
      evidence: [evidence(fromTo(growth))],
      remedy: null,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Further steps of the same size.',
    }),
  ];
}

export const gaugePlateau: ServerRule = (facts) =>
  facts.gaugeGrowth.flatMap((growth) => {
    const { verdict, measures, source, device, label, ended } = growth;
    if (isToldByDevice(growth, facts.gaugeGrowth)) return [];
    if (measures !== 'device_used' && measures !== 'process_used') return [];
    if (verdict.kind !== 'warm_up_plateau' || verdict.bound === null || verdict.confidence === 'low')
      return levelFinding(growth);
    return [
      aboutServer({
        id: 'gauge-plateau',
        device,
        severity: 'good',
        title: `${label} grew to ${size(verdict.bound)} and stayed`,
        verdict: `${source.file}: it came to ${exactSize(verdict.bound)} at most and stayed near that ${ended ? 'until it was given back' : 'to the end'}. What a process takes and keeps, cached or in use, looks like this; a leak that goes on does not.`,
        confidence: verdict.confidence,
        confidenceWhy: verdict.why.join(' '),
        evidence: [evidence(fromTo(growth))],
        remedy: null,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'Larger requests than those of this time.',
      }),
    ];
  });
