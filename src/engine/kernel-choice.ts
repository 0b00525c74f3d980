/** CPU or GPU, and why: by availability and by what was measured on this machine, or as the user forces it. */
import { formatInteger } from '../base/units.ts';
import { count } from '../base/words.ts';
import type { Crossovers, Question } from '../kernel/crossover.ts';
import type { Kernels } from '../kernel/kernels.ts';
import type { EngineStatus, GpuMode } from './protocol.ts';

export interface KernelState {
  readonly cpu: Kernels;
  readonly gpu: Kernels | null;
  readonly status: EngineStatus;
  readonly crossovers: Crossovers;
}

export interface Chosen {
  readonly kernels: Kernels;
  readonly reason: string;
}

/** What answers each kind of question about one device. */
export type ChosenBy = Readonly<Record<Question, Chosen>>;

export function chooseKernels(state: KernelState, rows: number, question: Question): Chosen {
  const { cpu, gpu, status, crossovers } = state;
  const mode: GpuMode = status.mode;
  if (mode === 'off') return { kernels: cpu, reason: 'the GPU is switched off (?gpu=off)' };
  if (gpu === null) return { kernels: cpu, reason: status.adapter };
  if (rows > gpu.maxLength)
    return {
      kernels: cpu,
      reason: `${count(rows, 'row')} are more than this GPU binds at once (${formatInteger(gpu.maxLength)})`,
    };
  if (mode === 'on') return { kernels: gpu, reason: 'the GPU is switched on (?gpu=on)' };
  if (status.gpu === 'software')
    return {
      kernels: cpu,
      reason: `the WebGPU adapter is software (${status.adapter}): slower than plain code`,
    };
  const from = crossovers[question];
  if (rows < from)
    return {
      kernels: cpu,
      reason: Number.isFinite(from)
        ? `${count(rows, 'row')}: below ${formatInteger(from)} the CPU answers sooner on this machine`
        : 'the CPU answers sooner on this machine',
    };
  return { kernels: gpu, reason: `${count(rows, 'row')} on ${status.adapter}` };
}

/** Every kind of question of a device with so many rows. */
export const chooseAll = (state: KernelState, rows: number): ChosenBy => ({
  curves: chooseKernels(state, rows, 'curves'),
  histogram: chooseKernels(state, rows, 'histogram'),
  lives: chooseKernels(state, rows, 'lives'),
});

/** One answers all. */
export const chosenAlike = (one: Chosen): ChosenBy => ({ curves: one, histogram: one, lives: one });
