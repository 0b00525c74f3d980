/** CPU or GPU, and why: by size and availability, or as the user forces it. */
import { formatInteger } from '../base/units.ts';
import { count } from '../base/words.ts';
import type { Kernels } from '../kernel/kernels.ts';
import type { EngineStatus, GpuMode } from './protocol.ts';

/** Below so many rows a pass over them costs the CPU less than an upload costs the GPU. */
const GPU_ROWS = 1 << 20;

export interface KernelState {
  readonly cpu: Kernels;
  readonly gpu: Kernels | null;
  readonly status: EngineStatus;
}

export interface Chosen {
  readonly kernels: Kernels;
  readonly reason: string;
}

export function chooseKernels(state: KernelState, rows: number): Chosen {
  const { cpu, gpu, status } = state;
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
  if (rows < GPU_ROWS)
    return {
      kernels: cpu,
      reason: `${count(rows, 'row')}: below ${formatInteger(GPU_ROWS)} the upload costs more than the GPU saves`,
    };
  return { kernels: gpu, reason: `${count(rows, 'row')} on ${status.adapter}` };
}
