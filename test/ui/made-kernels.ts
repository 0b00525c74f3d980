/**
 * A real Nsight export, given kernels of the test's own in place of its six: 4,000 that fill the recording's first
 * half, every tenth on a second stream and three times as long, so that it runs over its neighbours.
 */
import { fileAt } from './fixture-file.ts';

const KERNELS = 4000;
const NAMES = [
  'ampere_sgemm_128x64_tn',
  'void vectorized_elementwise_kernel<4>(int)',
  'softmax_warp_forward',
] as const;

interface Line {
  readonly data?: readonly string[];
  readonly CudaMemoryUsageEvent?: { readonly startNs: string };
  readonly CudaEvent?: { readonly deviceId: number; readonly kernel: Readonly<Record<string, unknown>> };
}

export async function madeKernels(): Promise<File> {
  const text = await (await fileAt('test/fixtures/nsys-forms/torch.json')).text();
  const lines = text.split('\n').filter((line) => line !== '');
  const [strings, ...events] = lines.map((line) => JSON.parse(line) as Line);
  const names = strings.data!;
  const pattern = events.find(({ CudaEvent }) => CudaEvent !== undefined)!.CudaEvent!;
  const times = events.flatMap(({ CudaMemoryUsageEvent: event }) => (event ? [Number(event.startNs)] : []));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const each = Math.floor((to - from) / 2 / KERNELS);
  const kernels = Array.from({ length: KERNELS }, (_, i) => {
    const long = i % 10 === 0;
    const name = String(names.length + (long ? 0 : 1 + (i % 2)));
    const startNs = from + i * each;
    const timed = { startNs: String(startNs), endNs: String(startNs + (long ? 3 * each : each - 200)) };
    const kernel = { ...pattern.kernel, demangledName: name, shortName: name };
    return { Type: 79, CudaEvent: { ...pattern, ...timed, streamId: long ? '20' : '7', kernel } };
  });
  const kept = lines.slice(1).filter((_, i) => events[i].CudaEvent === undefined);
  const made = [{ data: [...names, ...NAMES] }, ...kernels];
  return new File([[...made.map((one) => JSON.stringify(one)), ...kept].join('\n')], 'nsys.json');
}
