/**
 * Four forms whose figures have no label of their own. The rows that Ultralytics and the YOLO repositories before it print under a header with GPU_mem:
 *
 *         Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size
 *         1/100      7.51G      1.245      2.871      1.377         58        640: 100%|####| 925/925 [03:11<00:00]
 *
 * torch.cuda.memory_reserved() in three digits. ultralytics/engine/trainer.py divides by 2**30 now, and divided by 1E9
 * as YOLOv5 and YOLOv7 do: the line does not say which.
 */
import type { PrintedFigure } from './printed-figures.ts';
import type { Program } from './programs.ts';

const ROW = /^\s{0,40}(\d{1,6})\/(\d{1,6})\s{1,20}(\d{1,4}(?:\.\d{1,3})?)G\s{1,20}[\d.]/;

export const ULTRALYTICS: Program = {
  name: 'Ultralytics',
  sign: ROW,
  units: 'binary',
  unitsNote:
    'its older versions, YOLOv5 and YOLOv7 divide by 10^9, and then every figure is 6.9 % less: the line does not say which it is',
};

export function progressRowOf(
  text: string,
): { readonly step: number; readonly figure: PrintedFigure } | null {
  const row = ROW.exec(text);
  if (row === null) return null;
  const figure: PrintedFigure = {
    meaning: { quantity: 'reserved', peak: false, scope: 'program', named: true },
    digits: row[3],
    unit: 'G',
    from: 0,
    at: 0,
    label: 'GPU_mem',
  };
  return { step: Number(row[1]), figure };
}

/** axolotl/utils/bench.py log_gpu_memory_usage(): / 1024.0**3; usage, then what comes on top of it. */
export const AXOLOTL: Program = {
  name: 'axolotl',
  sign: /\bmemory usage\b/,
  units: 'binary',
};

const SUMS =
  /\bmemory usage (.{0,80}?): ([\d.]{1,12})GB \((?:\+([\d.]{1,12})GB cache)?(?:, )?(?:\+([\d.]{1,12})GB misc)?\)/;

/** "GPU memory usage after model load: 3.767GB (+0.155GB cache, +0.720GB misc)". */
export function sumsOf(
  text: string,
): { readonly tag: string; readonly figures: readonly PrintedFigure[] } | null {
  const found = SUMS.exec(text);
  if (found === null) return null;
  const [, tag, usage, cache, misc] = found;
  const decimals = usage.split('.')[1]?.length ?? 0;
  const figure = (quantity: 'allocated' | 'reserved' | 'used', value: number): PrintedFigure => ({
    meaning: { quantity, peak: false, scope: quantity === 'used' ? 'device' : 'program', named: true },
    digits: value.toFixed(decimals),
    unit: 'GB',
    from: found.index,
    at: found.index,
    label: tag,
  });
  const reserved = Number(usage) + Number(cache ?? 0);
  return {
    tag,
    figures: [
      figure('allocated', Number(usage)),
      figure('reserved', reserved),
      ...(misc === undefined ? [] : [figure('used', reserved + Number(misc))]),
    ],
  };
}

/** What torch.cuda.mem_get_info() returns, printed beside its name: bytes that are free, and of the whole device. */
const MEM_GET_INFO = /\bmem_get_info\b\D{0,40}(\d{6,18})(?![\d.])\D{1,20}(\d{6,18})(?![\d.])/;

/** "mem_get_info: (84934656, 25430786048)". */
export function memGetInfoOf(text: string): readonly PrintedFigure[] | null {
  const found = MEM_GET_INFO.exec(text);
  if (found === null || Number(found[1]) > Number(found[2])) return null;
  const figure = (quantity: 'free' | 'total', digits: string): PrintedFigure => ({
    meaning: { quantity, peak: false, scope: 'device', named: true },
    digits,
    unit: 'B',
    from: found.index,
    at: found.index,
    label: quantity,
  });
  return [figure('free', found[1]), figure('total', found[2])];
}

/** TensorRT's and TensorRT-LLM's lines on memory: MiB of the process, and of the whole GPU. */
export const TENSORRT: Program = { name: 'TensorRT', sign: /MemUsage/, units: 'binary' };

/** "[MemUsageChange] Init cuBLAS/cuBLASLt: CPU +8, GPU +10, now: CPU 1234, GPU 15678 (MiB)". */
export function tensorRtOf(text: string): PrintedFigure | null {
  const found = /\bnow: CPU \d{1,9}, GPU (\d{1,9}) \(MiB\)/.exec(text);
  if (found === null) return null;
  return {
    meaning: { quantity: 'used', peak: false, scope: 'device', named: true },
    digits: found[1],
    unit: 'MiB',
    from: found.index,
    at: found.index,
    label: 'GPU',
  };
}
