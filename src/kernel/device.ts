/**
 * The only place that asks for a GPU. It refuses no adapter, but tells a software one apart: there the CPU twins
 * are 6 to 440 times faster, so whoever chooses should not choose it.
 */
import { createGpuKernels } from './gpu-kernels.ts';
import type { Kernels } from './kernels.ts';

/** Chromium restarts its GPU process under some flags: the first request then fails, one a second later does not. */
const RETRY_MS = 1000;

export interface OpenDevice {
  readonly device: GPUDevice;
  /** Adapter in words. */
  readonly adapter: string;
  /** A software rasteriser, no GPU. */
  readonly software: boolean;
  /** Resolves with the reason when the device is lost or destroyed; of `openGpu` never where it was closed on purpose. */
  readonly lost: Promise<string>;
}

export interface OpenGpu extends Omit<OpenDevice, 'device'> {
  readonly kernels: Kernels;
}

/** Why there is no GPU. */
export interface NoGpu {
  readonly reason: string;
}

/** The kernels on the GPU, or why there are none. `gpu` is for Node, where a WebGPU implementation is loaded by hand. */
export async function openGpu(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
  retryMs = RETRY_MS,
): Promise<OpenGpu | NoGpu> {
  const opened = await openDevice(gpu, retryMs);
  if ('reason' in opened) return opened;
  const { device, adapter, software, lost } = opened;
  const kernels = createGpuKernels(device);
  let isClosed = false;
  return {
    kernels: {
      ...kernels,
      close: () => {
        isClosed = true;
        kernels.close();
      },
    },
    adapter,
    software,
    // A device that was closed on purpose is not lost; one that somebody else destroyed is.
    lost: new Promise((resolve) => void lost.then((why) => isClosed || resolve(why))),
  };
}

/** A device with the adapter's own limits for buffers, or why there is none. */
export async function openDevice(
  gpu: GPU | undefined = globalThis.navigator?.gpu,
  retryMs = RETRY_MS,
): Promise<OpenDevice | NoGpu> {
  if (!gpu) return { reason: 'This environment has no WebGPU.' };
  const found = await findAdapter(gpu, retryMs);
  if ('reason' in found) return found;
  const { maxStorageBufferBindingSize, maxBufferSize } = found.limits;
  let device: GPUDevice;
  try {
    device = await found.requestDevice({
      label: 'vramscope',
      requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
    });
  } catch (error) {
    return { reason: `The GPU gave no device: ${messageOf(error)}` };
  }
  const { vendor, architecture, description, isFallbackAdapter } = found.info;
  const words = [vendor, architecture, description].filter((word) => word !== '');
  const software =
    isFallbackAdapter || architecture === 'swiftshader' || /llvmpipe|swiftshader/i.test(description);
  return { device, adapter: words.join(' ') || 'unnamed adapter', software, lost: watchLoss(device) };
}

async function findAdapter(gpu: GPU, retryMs: number): Promise<GPUAdapter | NoGpu> {
  const first = await requestAdapter(gpu);
  if (!('reason' in first)) return first;
  await new Promise((resolve) => setTimeout(resolve, retryMs));
  return requestAdapter(gpu);
}

async function requestAdapter(gpu: GPU): Promise<GPUAdapter | NoGpu> {
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    return adapter ?? { reason: 'WebGPU found no adapter.' };
  } catch (error) {
    return { reason: `WebGPU failed to look for an adapter: ${messageOf(error)}` };
  }
}

function watchLoss(device: GPUDevice): Promise<string> {
  return new Promise((resolve) => {
    void device.lost.then(({ message }) => resolve(message || 'The GPU device was lost.'));
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether this context (window or worker) offers WebGPU at all; an adapter may still be refused. */
export const hasWebGpu = (): boolean => globalThis.isSecureContext && globalThis.navigator?.gpu !== undefined;
