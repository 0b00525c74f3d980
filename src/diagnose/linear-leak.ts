/** Memory that the program keeps more of with every iteration: how much, until when, and which line. */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import type { GrowthVerdict } from '../analyze/growth/verdict.ts';
import type { LeakHint } from '../analyze/growth/leak-hints.ts';
import type { LeakSuspect } from '../analyze/growth/leak-suspects.ts';
import { fileNameOf, frameLabel, NO_STACK } from '../analyze/user-frames.ts';
import { formatDuration } from '../base/units.ts';
import { count } from '../base/words.ts';
import { type Evidence, evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { code, exactSize, inSentence, size } from './words.ts';

/** Whether allocated memory grows without an end in sight: settings do not end that. */
export const isLeaking = (facts: DeviceFacts): boolean =>
  facts.growthOf('allocated')?.atEnd.kind === 'linear_leak';

export const suspectEvidence = (suspect: LeakSuspect): Evidence =>
  evidence(
    `${inSentence(suspect.label)}: ${size(Math.round(suspect.bytesPerIteration))} per iteration in ${count(Math.round(suspect.countPerIteration), 'allocation')}, ${exactSize(suspect.bytes)} at the end.`,
    {
      row: suspect.lastRow,
      rows: [suspect.firstRow, suspect.lastRow],
      stack: suspect.stack === NO_STACK ? null : suspect.stack,
    },
  );

/** "forward (model.py:45), called from evaluate (eval.py:12)": a line that others call is kept by one of them. */
export const nameOf = ({ label, calledFrom }: LeakSuspect): string =>
  `${inSentence(label)}${calledFrom === null ? '' : `, called from ${inSentence(frameLabel(calledFrom))}`}`;

/** What to do about what the stacks look like. */
const KEPT_BY: Readonly<Record<LeakHint, string>> = {
  autograd_graph:
    'what is kept there holds its autograd graph, the activations of the whole forward pass. Run it under torch.no_grad() or torch.inference_mode(), or keep x.detach() or x.item() instead of x.',
  hook: 'a hook made it, and what it keeps outlives the iteration. Let it keep numbers (x.item()) or x.detach().cpu(), clear its list after each iteration, and remove the hook (handle.remove()) when it has done its work.',
  activation:
    'one value of a forward pass is kept by itself, as a forward hook, an attribute of a module or a list of outputs does. Keep x.detach().cpu() or x.item() instead, or drop it once it is used.',
  data_loader:
    'it is made while data is loaded (torch.utils.data): batches, or what a dataset or a collate function keeps. Load into host memory, move a batch to the GPU in the loop, and keep none of them.',
  gradient:
    'it is a gradient, made in the backward pass: what keeps it is a hook (register_full_backward_hook, tensor.register_hook), retain_grad(), a .grad that is stored, or create_graph=True. Keep numbers (g.norm().item()) or g.detach().cpu(), and set .grad to None after each step.',
  no_python:
    'it was requested by a thread without Python frames, as the backward pass is: gradients that a hook, retain_grad() or a stored .grad keeps. Which operation made it shows a recording with C++ frames: `torch.cuda.memory._record_memory_history(stacks="all")`.',
};

/** What to do about a line that keeps more and more. */
export function remedyFor(suspect: LeakSuspect): string {
  const { line, hint } = suspect;
  const place = line === null ? inSentence(suspect.label) : `${fileNameOf(line)}:${line.line} (${line.name})`;
  return hint === null
    ? `${place}: drop the reference (a list, a cache, a global, a hook's closure) once the result is used.`
    : `${place}: ${KEPT_BY[hint]}`;
}

function remedyOf(facts: DeviceFacts, suspect: LeakSuspect | undefined): string {
  if (suspect !== undefined && facts.trace.producer === 'torch_host')
    return `${nameOf(suspect)}: drop the reference to the pinned tensor once it is copied, or make one buffer and copy into it (${code('buffer.copy_(batch)')}).`;
  if (suspect !== undefined) return remedyFor(suspect);
  return facts.trace.events.stack_index.some((stack) => stack !== NO_STACK)
    ? 'No single stack grows with it: compare who holds memory after an early iteration and at the end.'
    : `Record with stacks to see which line keeps the memory: ${code('torch.cuda.memory._record_memory_history(stacks="python")')}`;
}

/** How long memory lasts where nobody knows how much there is: "each 1.00 GiB of it lasts 30 iterations". */
function lasting({ limit }: DeviceFacts, growth: GrowthVerdict): string {
  const { slopePerIteration: slope, slopePerSecond: pace } = growth;
  if (limit !== null || slope === null || slope <= 0) return '';
  const iterations = Math.floor(2 ** 30 / slope);
  if (iterations < 1) return '';
  const time = pace === null || pace <= 0 ? '' : `, ${formatDuration((1e9 * 2 ** 30) / pace)} at this pace`;
  return ` The file does not say how large the GPU is: each ${size(2 ** 30)} of it lasts ${count(iterations, 'iteration')}${time}.`;
}

/** What is said of a suspect; the reasons of all that is allocated are not said twice. */
const whyOf = ({ why }: LeakSuspect, ofAll: readonly string[]): readonly string[] =>
  why.map((sentence) =>
    sentence === `Live after each iteration: ${ofAll.join(' ')}`
      ? 'What lives of this line after each iteration grows just as steadily.'
      : sentence,
  );

export const linearLeak: DeviceRule = (facts) => {
  const growth = facts.growthOf('allocated')?.atEnd ?? null;
  if (growth?.kind !== 'linear_leak') return [];
  const growing = facts.leaks.suspects.filter(({ kind }) => kind === 'grows');
  const slope = Math.round(growth.slopePerIteration ?? 0);
  const until = growth.untilLimit;
  const [first] = growing;
  const { iterations } = facts;
  return [
    about(facts, {
      id: 'linear-leak',
      severity: 'problem',
      title: `A leak: ${size(slope)} per iteration`,
      verdict: `The program keeps ${exactSize(slope)} more after every iteration, and nothing in the recording bounds it.${
        first === undefined ? '' : ` First to look at: ${nameOf(first)}.`
      }${
        until === null
          ? lasting(facts, growth)
          : until.iterations < 1
            ? ` ${size(facts.limit?.bytes ?? 0)} (${facts.limit?.how ?? 'the limit'}) is reached.`
            : ` At this pace ${size(facts.limit?.bytes ?? 0)} (${facts.limit?.how ?? 'the limit'}) is full in ${count(Math.floor(until.iterations), 'iteration')}${until.ns === null ? '' : `, ${formatDuration(until.ns)}`}.`
      }`,
      confidence: growth.confidence,
      confidenceWhy: [
        ...growth.why,
        ...(first === undefined ? ['No single stack grows with the iterations.'] : whyOf(first, growth.why)),
      ].join(' '),
      evidence: [
        evidence(
          `${count(iterations.count, 'iteration')} (${iterations.method}): allocated at their ends grows by ${size(slope)} each, R² ${growth.statistics.rSquared.toFixed(3)} over ${count(growth.statistics.n, 'value')}.`,
          growth.window === null
            ? {}
            : { rows: [iterations.rows[growth.window[0]], iterations.rows[growth.window[1] + 1] - 1] },
        ),
        ...growing.slice(0, 5).map(suspectEvidence),
      ],
      remedy: remedyOf(facts, first),
      gainBytes: growing.length === 0 ? null : growing.reduce((sum, { bytes }) => sum + bytes, 0),
      gainHow: growing.length === 0 ? null : 'what the growing stacks hold at the end of the recording',
      wouldChange:
        'Iterations after which allocated stays flat, or frees of these allocations later than the recording.',
    }),
  ];
};
