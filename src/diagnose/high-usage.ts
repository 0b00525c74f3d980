/** A device more than 90 % full for more than five minutes: what alarms are set to, and whether it means anything. */
import { percent } from '../base/words.ts';
import { FULL_NS, FULL_SHARE, type Fullness } from '../analyze/server/facts-fullness.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { size } from './words.ts';

const MINUTE = 60e9;

/** A server that takes that much at its start by intent; null: none of the logs says so. */
const plannedBy = ({ servers }: ServerFacts): string | null => {
  for (const { latest, source } of servers)
    for (const { utilization } of latest)
      if (utilization !== null && utilization >= FULL_SHARE - 0.05)
        return `${source.file}: --gpu-memory-utilization ${utilization}`;
  return null;
};

function findingOf({ longest, total, source, device, gauge, peak }: Fullness, facts: ServerFacts): Finding[] {
  if (longest === null || longest.endNs - longest.startNs < FULL_NS) return [];
  const minutes = Number(longest.endNs - longest.startNs) / MINUTE;
  const planned = plannedBy(facts);
  const growth = facts.gaugeGrowth.find(
    (one) => one.gauge === gauge.id && one.device === device && one.source.id === source.id,
  );
  const grows = growth?.verdict.kind === 'linear_leak' || growth?.verdict.kind === 'sub_linear';
  const isPlanned = planned !== null && !grows;
  return [
    aboutServer({
      id: 'high-usage',
      device,
      severity: isPlanned ? 'info' : 'risk',
      title: `${device === null ? 'A GPU' : `GPU ${device}`} more than ${percent(FULL_SHARE)} full for ${minutes.toFixed(1)} minutes`,
      verdict: isPlanned
        ? 'A server that takes its KV cache at the start fills the GPU by intent, and it stays so: a restart by a threshold of use would change nothing.'
        : grows
          ? 'It still grows: find what grows before restarting it.'
          : 'It does not say why: a cache that is full by intent and a leak look the same here.',
      confidence: 'high',
      confidenceWhy: 'Used and total are printed by the driver.',
      evidence: [
        evidence(
          `${source.file}: from ${size(longest.least)} up in ${longest.samples} samples in a row, of ${size(total)}; at most ${percent(peak)}.`,
        ),
        ...(planned === null ? [] : [evidence(planned)]),
      ],
      remedy: isPlanned
        ? null
        : 'See who holds it (a list of processes, a snapshot of the allocator) before restarting by a threshold.',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A use that falls between requests.',
    }),
  ];
}

export const highUsage: ServerRule = (facts) => facts.fullness.flatMap((one) => findingOf(one, facts));
