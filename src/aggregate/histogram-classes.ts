/** A histogram of sizes as the classes that hold anything, exact. */
import { asBigUint64 } from '../base/u64.ts';
import { CLASSES, type StreamHistogram } from '../kernel/kernels.ts';

export interface ExactClass {
  readonly from: bigint;
  readonly to: bigint;
  readonly count: number;
  readonly bytes: bigint;
}

/** Classes of one stream that hold anything, as [from, to) in bytes. Class 0 holds sizes 0 and 1. */
export function histogramClasses(histogram: StreamHistogram, stream: number): ExactClass[] {
  const bytes = asBigUint64(histogram.bytes);
  const classes: ExactClass[] = [];
  for (let k = 0; k < CLASSES; k++) {
    const at = stream * CLASSES + k;
    if (histogram.count[at] === 0) continue;
    classes.push({
      from: k === 0 ? 0n : 1n << BigInt(k),
      to: 1n << BigInt(k + 1),
      count: histogram.count[at],
      bytes: bytes[at],
    });
  }
  return classes;
}
