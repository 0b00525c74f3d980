/**
 * Out-of-memory messages drawn from states of a device in which the truth is known: who holds what, which limits are set,
 * what is cached in pieces, whom the driver lists and under which number. The messages are worded as PyTorch 1.2 to 2.14
 * word them; figures are rounded as format_size does.
 */
import { formatSize } from './oom-format.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** A reproducible stream of numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Truth {
  readonly total: number;
  readonly free: number;
  readonly requested: number;
  readonly allocated: number;
  readonly reserved: number;
  /** Infinity: none is set. */
  readonly limit: number;
  /** What this process holds beside PyTorch. */
  readonly context: number;
  readonly others: readonly { readonly pid: number; readonly bytes: number; readonly listed: boolean }[];
  readonly pid: number;
  readonly isSpilled: boolean;
  readonly driverRefuses: boolean;
  readonly form: string;
  readonly listing: string;
}

const TOTALS = [7.79, 11.17, 15.77, 23.69, 31.74, 39.39, 44.4, 79.18, 94.5, 139.8, 191.98, 287.98];
const FORMS = ['1.2', '1.3', '1.12', '2.1', '2.4', '2.14', 'async', 'hip', 'xpu'] as const;
/** Who is listed: this process as itself; by the host's number; nobody; not told how much (Windows, WSL). */
const LISTINGS = [
  'self',
  'self',
  'container',
  'container',
  'nobody',
  'not_available',
  'only_others',
] as const;

/** A state in which a request fails, or null where the drawn one serves it. */
export function drawState(next: () => number): Truth | null {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)];
  const total = Math.round(pick(TOTALS) * GIB);
  const driver = Math.floor(next() * Math.max(480 * MIB, 0.009 * total));
  let left = total - driver;
  const context = Math.floor((0.15 + 1.6 * next()) * GIB * Math.min(1, total / (16 * GIB)));
  left -= context;
  const kind = next();
  const count = kind < 0.4 ? 0 : kind < 0.6 ? 1 : 2 + Math.floor(next() * 3);
  const equal = next() < 0.3 ? Math.floor((0.3 + next()) * GIB) : null;
  const listing = pick(LISTINGS);
  const hides = next() < 0.25;
  const others: { pid: number; bytes: number; listed: boolean }[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = Math.floor(equal ?? left * next() ** 2 * 0.9);
    if (bytes < 8 * MIB || bytes > left) continue;
    left -= bytes;
    others.push({ pid: 1000 + i, bytes, listed: !hides || next() < 0.5 });
  }
  const form = pick(FORMS);
  // Windows and WSL move memory to the host, and limits of a process are printed, from later versions on.
  const isEarly = form === '1.2' || form === '1.3' || form === 'xpu';
  const isSpilled = !isEarly && next() < 0.04;
  const reserved = isSpilled
    ? Math.floor(total * (1.02 + next()))
    : Math.floor(left * (next() < 0.6 ? 0.85 + 0.15 * next() : next()));
  const allocated = Math.floor(reserved * (next() < 0.5 ? 0.9 + 0.1 * next() : next()));
  const free = isSpilled ? 0 : left - reserved;
  const share = next();
  const raw =
    share < 0.3
      ? pick([2, 20]) * MIB
      : share < 0.35
        ? total * (0.9 + next())
        : share < 0.7
          ? (free + (reserved - allocated)) * (0.5 + 0.8 * next())
          : free * (0.95 + 0.2 * next()) + 4 * MIB;
  const requested = raw <= 20 * MIB ? (raw <= 2 * MIB ? 2 : 20) * MIB : Math.ceil(raw / (2 * MIB)) * 2 * MIB;
  const limit = !isEarly && next() < 0.25 ? Math.floor(reserved + requested * (2 * next() - 0.2)) : Infinity;
  const fails = reserved + requested > limit || requested > free;
  const driverRefuses = !fails && next() < 0.3;
  if (!fails && !driverRefuses) return null;
  if (limit < reserved || (isSpilled && requested > total)) return null;
  return {
    total,
    free,
    requested,
    allocated,
    reserved,
    limit,
    context,
    others,
    pid: 900,
    isSpilled,
    driverRefuses,
    form,
    listing,
  };
}

/** What the driver lists, in the message's words. */
function processesText(truth: Truth, next: () => number): string {
  const { listing, others, pid, reserved, context } = truth;
  const rows = others
    .filter(({ listed }) => listed)
    .map(({ pid: other, bytes }) => `Process ${other} has ${formatSize(bytes)} memory in use. `);
  const own = formatSize(reserved + context);
  if (listing === 'nobody') return '';
  if (listing === 'not_available')
    return 'Including non-PyTorch memory, this process has 17179869184.00 GiB memory in use. ';
  if (listing === 'self') rows.push(`Including non-PyTorch memory, this process has ${own} memory in use. `);
  if (listing === 'container') rows.push(`Process ${pid} has ${own} memory in use. `);
  return rows.sort(() => next() - 0.5).join('');
}

export function messageOf(truth: Truth, next: () => number): string {
  const { total, free, requested, allocated, reserved, limit, form } = truth;
  const cached = reserved - allocated;
  const allowed = limit === Infinity ? '' : `${formatSize(limit)} allowed; `;
  const asked = `out of memory. Tried to allocate ${formatSize(requested)}`;
  const tail = `Of the allocated memory ${formatSize(allocated)} is allocated by PyTorch, and ${formatSize(cached)} is reserved by PyTorch but unallocated.`;
  switch (form) {
    case '1.2':
      return `RuntimeError: CUDA ${asked} (GPU 0; ${formatSize(total)} total capacity; ${formatSize(allocated)} already allocated; ${formatSize(free)} free; ${formatSize(cached)} cached)`;
    case '1.3':
      return `RuntimeError: CUDA ${asked} (GPU 0; ${formatSize(total)} total capacity; ${formatSize(allocated)} already allocated; ${formatSize(free)} free; ${formatSize(reserved)} cached)`;
    case '1.12':
      return `RuntimeError: CUDA ${asked} (GPU 0; ${formatSize(total)} total capacity; ${formatSize(allocated)} already allocated; ${formatSize(free)} free; ${allowed}${formatSize(reserved)} reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF`;
    case '2.1':
      return `torch.cuda.OutOfMemoryError: CUDA ${asked}. GPU 0 has a total capacty of ${formatSize(total)} of which ${formatSize(free)} is free. ${processesText(truth, next)}${allowed}${tail} If reserved but unallocated memory is large try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF`;
    case 'hip':
      return `torch.OutOfMemoryError: HIP ${asked}. GPU 0 has a total capacity of ${formatSize(total)} of which ${formatSize(free)} is free. ${allowed}${tail} If reserved but unallocated memory is large try setting PYTORCH_HIP_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for Memory Management`;
    case 'xpu':
      return `torch.OutOfMemoryError: XPU ${asked}. GPU 0 has a total capacity of ${formatSize(total)}. ${tail} Please use \`empty_cache\` to release all unoccupied cached memory.`;
    case 'async':
      return `torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory) Currently allocated     : ${formatSize(allocated)} Requested               : ${formatSize(requested)} Device limit            : ${formatSize(total)} Free (according to CUDA): ${formatSize(free)} PyTorch limit (set by user-supplied memory fraction) : ${limit === Infinity ? '17179869184.00 GiB' : formatSize(limit)}`;
    default:
      return `torch.OutOfMemoryError: CUDA ${asked}. GPU 0 has a total capacity of ${formatSize(total)} of which ${formatSize(free)} is free. ${processesText(truth, next)}${allowed}${tail} If reserved but unallocated memory is large try setting ${form === '2.14' ? 'PYTORCH_ALLOC_CONF' : 'PYTORCH_CUDA_ALLOC_CONF'}=expandable_segments:True to avoid fragmentation.  See documentation for Memory Management  (https://docs.pytorch.org/docs/stable/notes/cuda.html#environment-variables)`;
  }
}

/** Each cause without which, by itself, the request had been served. */
export function causesOf(truth: Truth): Set<string> {
  const { total, free, requested, allocated, reserved, limit, others, isSpilled, driverRefuses } = truth;
  if (isSpilled) return new Set(['host_memory']);
  if (requested > total) return new Set(['never_fits']);
  const held = others.reduce((sum, { bytes }) => sum + bytes, 0);
  const within = reserved + requested <= limit;
  const causes = new Set<string>();
  if (driverRefuses) causes.add('refused_by_driver');
  if (!within && free >= requested) causes.add('limit');
  if (free < requested && reserved - allocated + free >= requested && allocated + requested <= limit)
    causes.add('fragmentation');
  if (free < requested && within && free + held >= requested) causes.add('other_processes');
  if (causes.size === 0) causes.add('full');
  return causes;
}
