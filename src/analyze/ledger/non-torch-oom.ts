/**
 * The non-torch memory that an out-of-memory message tells by itself: what its process holds less what PyTorch
 * reserved, and what is neither free nor its. PyTorch prints two digits behind the point of the largest unit that
 * fits (format_size in c10/cuda/CUDACachingAllocator.cpp), so every figure is right to half a hundredth of it.
 */
import { type Bounds, minus, plus } from '../../base/measured.ts';
import { nonTorchAt, type NonTorch, type ProcessUse, withOthers } from './non-torch.ts';

/** Range of bytes that a figure of the message stands for. */
export function oomFigureBounds(bytes: number): Bounds {
  const size = Math.abs(bytes);
  const unit = size > 2 ** 30 ? 2 ** 30 : size > 2 ** 20 ? 2 ** 20 : size > 1024 ? 1024 : 0;
  // A figure at the border of its unit may have been printed in the smaller one; the wider range holds both.
  const apart = Math.ceil(unit / 200);
  return { least: bytes - apart, most: bytes + apart };
}

/** What PyTorch had reserved; null: the message does not say (it does since 1.5, in two figures since 2.1). */
export function reservedOfOom(figures: Readonly<Record<string, number>>): Bounds | null {
  if ('reserved' in figures) return oomFigureBounds(figures['reserved']);
  if (!('allocated' in figures && 'reserved_unallocated' in figures)) return null;
  // What lies in private pools is part of the allocated figure.
  return plus(oomFigureBounds(figures['allocated']), oomFigureBounds(figures['reserved_unallocated']));
}

/**
 * Figures by name as LogEvent has them: total, free, process, allocated, reserved_unallocated, reserved, and
 * "process N" of others. `reserved`: exact, where a recording of the same moment tells. null: the message and the
 * recording tell nothing of what was reserved.
 */
export function nonTorchOfOom(
  figures: Readonly<Record<string, number>>,
  momentNs: number,
  device: number | null,
  reserved: Bounds | null = reservedOfOom(figures),
): NonTorch | null {
  if (reserved === null) return null;
  const deviceUsed =
    'total' in figures && 'free' in figures
      ? minus(oomFigureBounds(figures['total']), oomFigureBounds(figures['free']))
      : null;
  const processes: ProcessUse[] = Object.entries(figures).flatMap(([name, bytes]) => {
    const pid = /^process (\d+)$/.exec(name)?.[1];
    return pid === undefined ? [] : [{ pid, name, bytes: oomFigureBounds(bytes) }];
  });
  const own = 'process' in figures ? oomFigureBounds(figures['process']) : null;
  if (own === null)
    return nonTorchAt({
      momentNs,
      device,
      reserved,
      deviceUsed,
      from: 'device_free',
      processes: null,
      pid: null,
    });
  const answer = nonTorchAt({
    momentNs,
    device,
    reserved,
    deviceUsed,
    from: 'device_free',
    processes: [{ pid: 'own', name: 'this process', bytes: own }, ...processes],
    pid: 'own',
  });
  if (processes.length > 0) return answer;
  // The message names other processes only where the driver lists them (not inside containers): what is not free
  // and not its own is theirs, or the driver's.
  const rest = deviceUsed === null ? null : minus(deviceUsed, own);
  return withOthers(
    answer,
    rest === null ? null : { least: Math.max(0, rest.least), most: Math.max(0, rest.most) },
  );
}
