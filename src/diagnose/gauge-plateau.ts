/** A device or a process whose use grew and then stayed, by what monitors print. */
import { evidence } from './finding.ts';
import { isToldByDevice } from './gauge-told.ts';
import { fromTo } from './growth-words.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { exactSize, size } from './words.ts';

export const gaugePlateau: ServerRule = (facts) =>
  facts.gaugeGrowth.flatMap((growth) => {
    const { verdict, measures, source, device, label, ended } = growth;
    if (isToldByDevice(growth, facts.gaugeGrowth)) return [];
    if (measures !== 'device_used' && measures !== 'process_used') return [];
    if (verdict.kind !== 'warm_up_plateau' || verdict.bound === null || verdict.confidence === 'low')
      return [];
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
