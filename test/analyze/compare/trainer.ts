/**
 * A small training program of which every line is known, run with and without one change. Lines are numbers in a file, so
 * that they can be moved; sizes follow from a seed, so that no two programs are alike.
 */
import { compareSideOf } from '../../../src/analyze/compare-side.ts';
import type { CompareSide } from '../../../src/analyze/compare/side.ts';
import { seeded } from '../../read/snapshot/fixtures.ts';
import { type Block, MIB, Recording, type RecordingOptions } from '../../diagnose/recording.ts';

export interface Trainer {
  readonly seed: number;
  readonly steps?: number;
  /** Times the samples. */
  readonly batch?: number;
  /** Bytes an element of the logits: 2 or 4. */
  readonly logits?: number;
  /** Every so many steps the loss is kept, at its line. */
  readonly keepEvery?: number;
  /** A line of its own that keeps a copy of the output in each step; the lines below it move by one. */
  readonly copies?: boolean;
  /** Layers, the first ones, of which the activation is not kept but made again in the backward pass. */
  readonly checkpoints?: number;
  /** The weights are loaded twice: the second time at another line. */
  readonly loadsTwice?: boolean;
  /** Times the gradients, which the backward thread makes. */
  readonly gradients?: number;
  /** Bytes more without any stack. */
  readonly stackless?: number;
  /** Lines that stand before everything else in the model's file. */
  readonly movedBy?: number;
  readonly folder?: string;
  /** empty_cache() after each step. */
  readonly empties?: boolean;
  /** The two buffers of a step in the other order. */
  readonly swapped?: boolean;
  readonly options?: RecordingOptions;
  /** First events that are lost. */
  readonly without?: number;
}

const LAYERS = 4;

export function trained(trainer: Trainer): { recording: Recording; side: CompareSide } {
  const {
    seed,
    steps = 24,
    batch = 1,
    logits = 2,
    checkpoints = 0,
    gradients = 1,
    movedBy = 0,
    folder = '/home/user/run',
  } = trainer;
  const random = seeded(seed);
  const size = (least: number): number => Math.ceil((least * MIB * (1 + random())) / 512) * 512;
  const recording = new Recording({ conf: '', ...trainer.options });
  const model = `${folder}/model.py`;
  const train = `${folder}/train.py`;
  const at = (name: string, line: number): string =>
    `main@${train}:40 step@${train}:52 ${name}@${model}:${line + movedBy}`;
  const [weights, layer, output, state] = [size(6), size(3), size(2), size(4)];
  const load = (line: number): void => {
    for (let i = 0; i < LAYERS; i++)
      recording.take(`main@${train}:12 load@${model}:${line + movedBy}`, weights);
  };
  load(8);
  if (trainer.loadsTwice === true) load(11);
  if (trainer.stackless !== undefined) recording.take(null, trainer.stackless);
  recording.take(null, 2 * MIB);
  for (let i = 0; i < LAYERS; i++) recording.take(`main@${train}:14 init@${folder}/optim.py:20`, state);
  // The line that keeps copies pushes those below it down.
  const below = trainer.copies === true ? 1 : 0;
  for (let step = 0; step < steps; step++) {
    const input = recording.take(`main@${train}:40 next_batch@${folder}/data.py:31`, batch * size(1));
    const activations = new Map<number, Block>();
    const kept: Block[] = [];
    for (let i = 0; i < LAYERS; i++) {
      const line = 60 + i;
      const activation = recording.take(at('forward', line), batch * layer);
      if (i >= checkpoints) activations.set(i, activation);
      else recording.drop(activation);
    }
    const buffers = [
      () => recording.take(at('mix', 80), batch * size(1)),
      () => recording.take(at('scale', 84), 3 * MIB),
    ];
    if (trainer.swapped === true) buffers.reverse();
    kept.push(...buffers.map((make) => make()));
    const out = recording.take(at('head', 70), (batch * output * logits) / 2);
    if (trainer.copies === true) recording.take(at('head', 71), output / 4);
    const loss = recording.take(at('head', 71 + below), output / 2);
    const scratch = recording.take(at('head', 72 + below), output);
    recording.drop(scratch);
    for (let i = LAYERS - 1; i >= 0; i--) {
      const activation = activations.get(i) ?? recording.take(at('forward', 60 + i), batch * layer);
      const gradient = recording.take(
        `torch::autograd::Engine::evaluate_function@??:0 torch::autograd::generated::MmBackward0::apply@??:0 at::_ops::mm::call@??:0`,
        gradients * layer,
      );
      recording.drop(gradient, activation);
    }
    recording.drop(out, ...kept, input);
    if (trainer.keepEvery === undefined || step % trainer.keepEvery !== trainer.keepEvery - 1)
      recording.drop(loss);
    if (trainer.empties === true) recording.model.emptyCache();
  }
  const facts = recording.facts(trainer.without === undefined ? {} : { without: trainer.without });
  const conf = trainer.options?.conf ?? '';
  return { recording, side: compareSideOf(facts, [['PYTORCH_CUDA_ALLOC_CONF', conf]], 'a test') };
}
