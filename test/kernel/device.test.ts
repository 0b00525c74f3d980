/** What opening a GPU does where there is none, or one that fails: with stand-ins for `navigator.gpu`. */
import { describe, expect, it } from 'vitest';
import { openDevice, openGpu } from '../../src/kernel/device.ts';

type Answer = GPUAdapter | null | Error;

/** A GPU whose adapter requests are answered one after the other. */
function fakeGpu(...answers: Answer[]): { gpu: GPU; requests: () => number } {
  let requests = 0;
  const requestAdapter = (): Promise<GPUAdapter | null> => {
    const answer = answers[Math.min(requests++, answers.length - 1)];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { gpu: { requestAdapter } as unknown as GPU, requests: () => requests };
}

function fakeAdapter(info: Partial<GPUAdapterInfo>, device: GPUDevice | Error): GPUAdapter {
  return {
    info: { vendor: '', architecture: '', description: '', isFallbackAdapter: false, ...info },
    limits: { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 },
    requestDevice: () => (device instanceof Error ? Promise.reject(device) : Promise.resolve(device)),
  } as unknown as GPUAdapter;
}

const fakeDevice = (lost: Promise<Pick<GPUDeviceLostInfo, 'reason' | 'message'>>): GPUDevice =>
  ({ lost }) as unknown as GPUDevice;

const never = new Promise<never>(() => undefined);

describe('opening a GPU', () => {
  it('says that there is none', async () => {
    // Null stands for an environment without one: undefined would mean "look for it".
    expect(await openGpu(null as unknown as GPU, 0)).toEqual({
      reason: 'This environment has no WebGPU.',
    });
  });

  it('asks twice before it gives up, and says why', async () => {
    const none = fakeGpu(null);
    expect(await openGpu(none.gpu, 0)).toEqual({ reason: 'WebGPU found no adapter.' });
    expect(none.requests()).toBe(2);
    const broken = fakeGpu(new Error('A valid external Instance reference no longer exists.'));
    expect(await openGpu(broken.gpu, 0)).toEqual({
      reason: 'WebGPU failed to look for an adapter: A valid external Instance reference no longer exists.',
    });
    expect(broken.requests()).toBe(2);
  });

  it.each([[null], [new Error('restarting')]])('takes the second answer after %o', async (first) => {
    const { gpu, requests } = fakeGpu(first, fakeAdapter({ vendor: 'acme' }, fakeDevice(never)));
    expect(await openDevice(gpu, 0)).toMatchObject({ adapter: 'acme', software: false });
    expect(requests()).toBe(2);
  });

  it.each([
    [{ vendor: 'nvidia', architecture: 'hopper' }, 'nvidia hopper', false],
    [{ vendor: 'google', architecture: 'swiftshader' }, 'google swiftshader', true],
    [{ vendor: 'mesa', description: 'llvmpipe (LLVM 19)' }, 'mesa llvmpipe (LLVM 19)', true],
    [{ vendor: 'acme', isFallbackAdapter: true }, 'acme', true],
    [{}, 'unnamed adapter', false],
  ])('names the adapter %o', async (info, adapter, software) => {
    const { gpu } = fakeGpu(fakeAdapter(info, fakeDevice(never)));
    expect(await openDevice(gpu, 0)).toMatchObject({ adapter, software });
  });

  it('says that the adapter gave no device', async () => {
    const { gpu } = fakeGpu(fakeAdapter({}, new Error('limits')));
    expect(await openGpu(gpu, 0)).toEqual({ reason: 'The GPU gave no device: limits' });
  });

  it('tells the loss of a device, also of one that somebody destroyed', async () => {
    const open = async (reason: GPUDeviceLostReason): Promise<string> => {
      const device = fakeDevice(Promise.resolve({ reason, message: 'driver reset' }));
      const opened = await openDevice(fakeGpu(fakeAdapter({}, device)).gpu, 0);
      return 'reason' in opened ? opened.reason : opened.lost;
    };
    expect(await open('unknown')).toBe('driver reset');
    expect(await open('destroyed')).toBe('driver reset');
  });
});
