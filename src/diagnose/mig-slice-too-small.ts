/** A MIG instance has a part of a GPU's memory: what fits the GPU need not fit it. */
import { percent } from '../base/words.ts';
import { oomFigureBounds } from '../analyze/ledger/non-torch-oom.ts';
import type { Slice } from '../analyze/server/facts-cards.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { size } from './words.ts';

const FULL = 0.95;
/** cudaMemGetInfo's total of an instance is a little less than nvidia-smi's. */
const SAME = 0.05;

function findingOf(slice: Slice, { ooms }: ServerFacts): Finding[] {
  const failed = ooms.filter(({ event }) => {
    const total = event.figures['total'];
    return total !== undefined && Math.abs(total - slice.total) <= SAME * slice.total;
  });
  const share = slice.peak / slice.total;
  if (share < FULL && failed.length === 0) return [];
  const of = slice.gpuTotal === null ? '' : ` of the GPU's ${size(slice.gpuTotal)}`;
  const needed = failed.reduce((most, { event }) => {
    const { process, requested } = event.figures;
    return process === undefined || requested === undefined
      ? most
      : Math.max(most, oomFigureBounds(process + requested).least);
  }, 0);
  return [
    aboutServer({
      id: 'mig-slice-too-small',
      device: slice.device,
      severity: failed.length > 0 ? 'problem' : 'risk',
      title: `${slice.name} is ${percent(share)} full: ${size(slice.peak)} of ${size(slice.total)}`,
      verdict: `The process runs in a MIG instance with ${size(slice.total)}${of}. ${
        failed.length > 0
          ? `It ran out of memory there${needed > 0 ? `: it needed ${size(needed)} at least` : ''}.`
          : 'The instance is full, whatever else is free on the GPU.'
      }`,
      confidence: failed.length > 0 ? 'high' : 'medium',
      confidenceWhy:
        failed.length > 0
          ? "The message's total capacity is that of the instance."
          : 'It is full; whether more was requested is not in the logs. A server that plans with most of a device fills it by intent.',
      evidence: [
        evidence(
          `${slice.source.file}: ${slice.name} of GPU ${slice.device ?? '?'}, at most ${size(slice.peak)} of ${size(slice.total)}.`,
        ),
        ...failed.map(({ event }) => evidence(event.text)),
      ],
      remedy: `A larger MIG profile${needed > 0 ? ` (more than ${size(needed)})` : ''}, or the whole GPU.`,
      gainBytes:
        slice.gpuTotal === null || slice.gpuTotal <= slice.total ? null : slice.gpuTotal - slice.total,
      gainHow:
        slice.gpuTotal === null || slice.gpuTotal <= slice.total
          ? null
          : 'memory of the whole GPU less that of the instance, as nvidia-smi prints them',
      wouldChange: 'An instance with room.',
    }),
  ];
}

export const migSliceTooSmall: ServerRule = (facts) =>
  facts.slices.flatMap((slice) => findingOf(slice, facts));
