/**
 * What PyTorch says when memory runs out, every version: the figures of one message, wherever it stands.
 *
 *   <= 2.0  CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 10.76 GiB total capacity; ...
 *      2.1  CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacty of 10.76 GiB of which ...
 *   >= 2.2  ... total capacity of 79.18 GiB of which 74.71 GiB is free. Including non-PyTorch memory, this process ...
 *   cudaMallocAsync  Allocation on device 0 would exceed allowed memory. (out of memory)\nCurrently allocated : ...
 *
 * c10/cuda/CUDACachingAllocator.cpp, c10/cuda/CUDAMallocAsyncAllocator.cpp. Figures are rounded to 0.01 of their unit.
 */
import { figureOf, unitBytes } from '../lines/printed-figure.ts';

export interface OomMessage {
  /** "CUDA", "HIP", "XPU", "NPU". */
  readonly backend: string;
  readonly device: number | null;
  /** Bytes by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Names of figures that were printed as huge numbers: negative ones, in unsigned arithmetic. */
  readonly underflows: readonly string[];
}

export const OOM_START =
  /\b(CUDA|HIP|XPU|MPS|NPU|MLU|MUSA|HPU|GCU|SDAA)(?: backend)? out of memory(?=\. Tried|\.?\s*$| \(MPS| occurred when)|\bCUDA [Ee]rror: out of memory|\bAllocation on device(?=\s*$| \d+ would exceed allowed memory)/;

const SIZE = String.raw`(\d+(?:\.\d+)?) ?([KMGT]i?B|bytes)`;
const clause = (before: string, after: string): RegExp => new RegExp(`${before}${SIZE}${after}`);

const FIGURES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['requested', clause('Tried to allocate ', '')],
  ['requested', clause(String.raw`Requested\s*: `, '')],
  ['total', clause(String.raw`(?:GPU|[A-Z]{3,4}) \d+; `, ' total capacity')],
  ['total', clause('total capaci?ty of ', '')],
  ['total', clause(String.raw`Device limit\s*: `, '')],
  ['allocated', clause('; ', ' already allocated')],
  ['allocated', clause('Of the allocated memory ', ' is allocated by PyTorch')],
  ['allocated', clause(String.raw`Currently allocated\s*: `, '')],
  ['free', clause('; ', ' free')],
  ['free', clause('of which ', ' is free')],
  ['free', clause(String.raw`Free \(according to CUDA\)\s*: `, '')],
  ['reserved', clause('; ', ' reserved in total')],
  ['process', clause('this process has ', ' memory in use')],
  ['allowed', clause('', ' allowed; ')],
  ['allowed', clause(String.raw`PyTorch limit \(set by user-supplied memory fraction\)\s*: `, '')],
  ['allowed', clause('max allowed: ', '')],
  ['private_pools', clause('with ', ' allocated in private pools')],
  ['reserved_unallocated', clause('and ', ' is reserved by PyTorch but unallocated')],
  ['allocated', clause('MPS allocated: ', '')],
  ['other_allocations', clause('other allocations: ', '')],
];
/** What "cached" is depends on the version: up to 1.2 what is cached and not allocated, in 1.3 all that is reserved. */
const CACHED = clause('; ', ' cached');
const PROCESS = new RegExp(String.raw`\bProcess (\d+) has ${SIZE} memory in use`, 'g');
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;
/** Half a hundredth of a GiB, and what a double loses at 2^64. */
const NEAR = 2 ** 30 / 100;

/** By arithmetic: what is reserved holds what is allocated, and all fits the device. Else it is not known which. */
function nameOfCached(
  { total, allocated, free }: Readonly<Record<string, number | undefined>>,
  [, digits, unit]: readonly string[],
): string {
  const cached = figureOf(digits, unitBytes(unit) ?? 1)?.value ?? 0;
  const rounding = 2 ** 30 / 50;
  if (allocated === undefined) return 'cached';
  if (cached < allocated - rounding) return 'reserved_unallocated';
  return total !== undefined && cached + allocated + (free ?? 0) > total + rounding ? 'reserved' : 'cached';
}

/** Reads the message at the beginning of `text`. */
export function readOom(text: string): OomMessage | null {
  const start = OOM_START.exec(text);
  if (start === null) return null;
  const figures: Record<string, number> = {};
  const underflows: string[] = [];
  const keep = (name: string, digits: string, unit: string): void => {
    // The allocator of Apple's GPUs divides by 2^30 and prints "GB".
    const bytes = unitBytes(start[1] === 'MPS' && unit.length === 2 ? `${unit[0]}iB` : unit);
    const figure = figureOf(digits, bytes ?? 1);
    if (figure === null || name in figures) return;
    if (figure.value < TWO_63) figures[name] = figure.value;
    // 2^64 - 1: no limit is set, or the driver does not tell (NVML_VALUE_NOT_AVAILABLE, as on Windows and WSL).
    else if (name === 'allowed' || figure.value >= TWO_64 - NEAR) return;
    else {
      underflows.push(name);
      figures[name] = figure.value - TWO_64;
    }
  };
  for (const [name, pattern] of FIGURES) {
    const match = pattern.exec(text);
    if (match !== null) keep(name, match[1], match[2]);
  }
  const cached = CACHED.exec(text);
  if (cached !== null) keep(nameOfCached(figures, cached), cached[1], cached[2]);
  for (const [, pid, digits, unit] of text.matchAll(PROCESS)) keep(`process ${pid}`, digits, unit);
  const device = /\b(?:GPU|NPU|MLU|MUSA|HPU|GCU|SDAA) (\d+)|\bdevice (\d+)/.exec(text);
  return {
    backend: start[1] ?? 'CUDA',
    device: device === null ? null : Number(device[1] ?? device[2]),
    figures,
    underflows,
  };
}
