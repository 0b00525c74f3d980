/** Memory that the program keeps more of with every iteration: how much, until when, and which line. */
import type { LeakSuspect } from '../analyze/leak-suspects.ts';
import { formatDuration } from '../base/units.ts';
import { type Evidence, evidence, type Finding } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { count, exactSize, size } from './words.ts';

const suspectEvidence = (suspect: LeakSuspect): Evidence =>
  evidence(
    `${suspect.label}: ${exactSize(Math.round(suspect.bytesPerIteration))} an iteration in ${count(Math.round(suspect.countPerIteration), 'allocation')}, ${exactSize(suspect.bytes)} now.`,
    {
      row: suspect.lastRow,
      rows: [suspect.firstRow, suspect.lastRow],
      stack: suspect.stack === 0xffffffff ? null : suspect.stack,
    },
  );

function remedyOf(suspect: LeakSuspect | undefined): string {
  if (suspect === undefined)
    return 'Record with stacks (stacks="python") to see which line keeps the memory.';
  const { line, hint } = suspect;
  const place =
    line === null ? 'What is kept' : `${line.filename.split('/').pop()}:${line.line} (${line.name})`;
  return hint === 'autograd_graph'
    ? `${place} keeps results with their autograd graph: run it under torch.no_grad() or torch.inference_mode(), or keep x.detach() or x.item() instead of x.`
    : `${place}: drop the reference (a list, a cache, a global, a hook's closure) once the result is used.`;
}

export const linearLeak: DeviceRule = (facts) => {
  const growth = facts.growthOf('allocated')?.atEnd ?? null;
  const growing = facts.leaks.suspects.filter(({ kind }) => kind === 'grows');
  const linear = growth?.kind === 'linear_leak';
  if (!linear && (growing.length === 0 || growth?.kind !== 'sub_linear')) return [];
  const slope = growth?.slopePerIteration ?? 0;
  const bytes = growing.reduce((sum, suspect) => sum + suspect.bytes, 0);
  const until = growth?.untilLimit ?? null;
  const [first] = growing;
  const finding: Finding = about(facts, {
    id: 'linear-leak',
    severity: 'problem',
    title: `A leak: ${size(slope)} an iteration`,
    verdict: `The program keeps ${exactSize(Math.round(slope))} more after every iteration and nothing in the recording bounds it.${
      first === undefined ? '' : ` First to look at: ${first.label}.`
    }${
      until === null
        ? ''
        : ` At this pace memory ends in ${count(Math.floor(until.iterations), 'iteration')}${until.ns === null ? '' : `, ${formatDuration(until.ns)}`}.`
    }`,
    confidence: growth?.confidence ?? 'low',
    confidenceWhy: [
      ...(growth?.why ?? []),
      ...(first === undefined ? ['No single stack grows with the iterations.'] : first.why),
    ].join(' '),
    evidence: [
      evidence(
        `${count(facts.iterations.count, 'iteration')} found (${facts.iterations.method}): allocated at their ends grows by ${size(slope)} each, R² ${growth?.statistics.rSquared.toFixed(3) ?? '-'} over ${count(growth?.statistics.n ?? 0, 'value')}.`,
        growth?.window == null
          ? {}
          : {
              rows: [
                facts.iterations.rows[growth.window[0]],
                facts.iterations.rows[growth.window[1] + 1] - 1,
              ],
            },
      ),
      ...growing.slice(0, 5).map(suspectEvidence),
    ],
    remedy: remedyOf(first),
    gainBytes: growing.length === 0 ? null : bytes,
    gainHow: growing.length === 0 ? null : 'what the growing stacks hold at the end of the recording',
    wouldChange:
      'Iterations after which allocated stays flat, or frees of these allocations later than the recording.',
  });
  return [finding];
};
