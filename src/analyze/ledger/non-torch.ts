/**
 * What is on a GPU besides PyTorch's caching allocator: the CUDA context, NCCL, libraries' workspaces of this process,
 * and other processes. Each figure is a range that follows from how coarsely its source prints; what no source tells
 * is null and said, never shared out by a guess.
 *
 *   device used = reserved + non-torch of this process + other processes
 *
 * At an out-of-memory event the allocator printed the device's free bytes (cudaMemGetInfo), exact; nvidia-smi and DCGM
 * print whole MiB. On their `used` see https://docs.nvidia.com/deploy/nvml-api/structnvmlMemory__v2__t.html:
 * what the driver keeps for itself is not in it, and is in cudaMemGetInfo's total minus free.
 */
import { type Bounds, minus, plus, point } from '../../base/measured.ts';
import { boundsIn, printedBounds, type StepCurve, windowOf } from '../step-curve.ts';

export interface ProcessUse {
  readonly pid: string;
  readonly name: string;
  /** null: the driver did not say ([N/A]). */
  readonly bytes: Bounds | null;
}

export interface NonTorch {
  /** Absolute ns or ns after the common base, as the curves given. */
  readonly momentNs: number;
  readonly device: number | null;
  /** Where the device's use is from: the allocator at an out-of-memory event, or a monitor's sample. */
  readonly from: 'device_free' | 'device_used' | 'processes';
  readonly deviceUsed: Bounds | null;
  readonly reserved: Bounds;
  /** deviceUsed - reserved: context, NCCL and workspaces of this process, and all of other processes. */
  readonly besidesReserved: Bounds | null;
  /** Of this process alone; null: not known. */
  readonly nonTorch: Bounds | null;
  /** Of all others together; null: not known. */
  readonly otherProcesses: Bounds | null;
  /** What is not known and what would tell. */
  readonly unknown: readonly string[];
}

const notBelowZero = ({ least, most }: Bounds): Bounds => ({ least: Math.max(0, least), most });
const notBelowZeroIfPossible = (band: Bounds): Bounds => (band.most < 0 ? band : notBelowZero(band));

const ASK_PROCESSES =
  'Which process holds it: nvidia-smi --query-compute-apps=timestamp,gpu_uuid,pid,process_name,used_gpu_memory --format=csv -l 1';
const ASK_TOTAL = "The device's total: torch.cuda.get_device_properties(0).total_memory";

/**
 * Which of the processes is the one that was recorded: the only one that may hold at least its reserved bytes.
 * null: several may, or none. `pid`: where it is known otherwise.
 */
export function ownProcess(
  processes: readonly ProcessUse[],
  reserved: Bounds,
  pid: string | null,
): ProcessUse | null {
  if (pid !== null) return processes.find((process) => process.pid === pid) ?? null;
  const able = processes.filter(({ bytes }) => bytes === null || bytes.most >= reserved.least);
  return able.length === 1 && able[0].bytes !== null ? able[0] : null;
}

/**
 * true: what the device uses besides the listed processes is too little for what was reserved, so the recorded one is
 * among them. A process in another container may not be.
 */
function isListed(processes: readonly ProcessUse[], reserved: Bounds, deviceUsed: Bounds | null): boolean {
  if (deviceUsed === null) return false;
  const listed = processes.reduce((sum, { bytes }) => sum + (bytes?.least ?? 0), 0);
  return deviceUsed.most - listed < reserved.least;
}

export interface NonTorchInput {
  readonly momentNs: number;
  readonly device: number | null;
  readonly reserved: Bounds;
  /** Of cudaMemGetInfo, with the total; or as a monitor prints it. null: not known. */
  readonly deviceUsed: Bounds | null;
  readonly from: NonTorch['from'];
  /** Processes on the device at that moment; null: not listed. */
  readonly processes: readonly ProcessUse[] | null;
  readonly pid: string | null;
}

/** The parts at one moment. */
export function nonTorchAt(input: NonTorchInput): NonTorch {
  const { reserved, deviceUsed, processes } = input;
  const unknown: string[] = [];
  // What is reserved is in use on the device. Where even the most is less, the two contradict each other.
  const besides = deviceUsed === null ? null : notBelowZeroIfPossible(minus(deviceUsed, reserved));
  if (deviceUsed === null) unknown.push(ASK_TOTAL);
  const own =
    processes === null || (input.pid === null && !isListed(processes, reserved, deviceUsed))
      ? null
      : ownProcess(processes, reserved, input.pid);
  let nonTorch = own?.bytes == null ? null : notBelowZero(minus(own.bytes, reserved));
  let others: Bounds | null = null;
  if (processes === null) unknown.push(ASK_PROCESSES);
  else if (own === null)
    unknown.push(
      'Which of the listed processes was recorded, if any: several could hold its memory, or it may not be listed (containers hide processes). Compare os.getpid().',
    );
  else {
    const rest = processes.filter((process) => process !== own);
    const known = rest.every(({ bytes }) => bytes !== null);
    if (known) others = rest.reduce((sum, { bytes }) => plus(sum, bytes ?? point(0)), point(0));
    else unknown.push('What processes hold for which nvidia-smi prints [N/A].');
  }
  if (besides !== null && nonTorch !== null && others === null && processes !== null)
    others = notBelowZero(minus(besides, nonTorch));
  else if (besides !== null && nonTorch !== null && others !== null) {
    // No more than what is left; it may be less: of what a container hides the list has nothing.
    const most = Math.min(nonTorch.most, besides.most - others.least);
    if (most >= nonTorch.least) nonTorch = { least: nonTorch.least, most };
  }
  return {
    momentNs: input.momentNs,
    device: input.device,
    from: input.from,
    deviceUsed,
    reserved,
    besidesReserved: besides,
    nonTorch,
    otherProcesses: others,
    unknown,
  };
}

/** The same with what is known otherwise of other processes. */
export const withOthers = (answer: NonTorch, otherProcesses: Bounds | null): NonTorch => ({
  ...answer,
  otherProcesses,
  unknown: otherProcesses === null ? [...answer.unknown, ASK_PROCESSES] : answer.unknown,
});

/**
 * At each sample of a monitor, both curves on one clock. Samples outside of the recording are left out: what was
 * reserved then is not known. `processesAt`: who is listed within a sample's window; null: nobody is.
 */
export function nonTorchOverTime(
  used: StepCurve,
  reserved: StepCurve,
  processesAt: (from: number, to: number) => readonly ProcessUse[] | null,
  pid: string | null,
): NonTorch[] {
  if (reserved.bound !== 'exact') return [];
  const found: NonTorch[] = [];
  for (let row = 0; row < used.value.length; row++) {
    const [from, to] = windowOf(used, row);
    const held = boundsIn(reserved, from, to);
    if (held === null) continue;
    found.push(
      nonTorchAt({
        momentNs: used.time_ns[row],
        device: used.device,
        reserved: held,
        deviceUsed: printedBounds(used.value[row], used),
        from: 'device_used',
        processes: processesAt(from, to),
        pid,
      }),
    );
  }
  return found;
}

/** The recorded process is listed throughout, as far as samples are late by one. */
const LEAST_SHARE = 0.9;

/**
 * Pid of the recorded process, from all samples together: the only one that is listed with enough bytes throughout.
 * null: several are, or none, or it need not be among those listed (containers hide processes).
 */
export function ownPid(
  used: StepCurve,
  reserved: StepCurve,
  processesAt: (from: number, to: number) => readonly ProcessUse[] | null,
): string | null {
  const able = new Map<string, number>();
  let samples = 0;
  let listed = false;
  for (let row = 0; row < used.value.length; row++) {
    const [from, to] = windowOf(used, row);
    const held = boundsIn(reserved, from, to);
    const processes = processesAt(from, to);
    if (held === null || held.least <= 0 || processes === null) continue;
    samples++;
    listed ||= isListed(processes, held, printedBounds(used.value[row], used));
    for (const { pid, bytes } of processes)
      if (bytes !== null && bytes.most >= held.least) able.set(pid, (able.get(pid) ?? 0) + 1);
  }
  const found = [...able].filter(([, count]) => count >= LEAST_SHARE * samples);
  return listed && found.length === 1 ? found[0][0] : null;
}

/** A sampled curve for each process (compute-apps, pmon), on the common clock; null: listed without a figure ([N/A]). */
export interface ProcessCurve {
  readonly pid: string;
  readonly name: string;
  readonly curve: StepCurve | null;
}

/**
 * Processes listed around a window, with what they held: the samples before, in and after it. null: the list has no
 * sample on both sides of the window or within it.
 */
export function processesAround(
  curves: readonly ProcessCurve[],
): (from: number, to: number) => readonly ProcessUse[] | null {
  return (from, to) => {
    const found = new Map<string, ProcessUse>();
    curves.forEach(({ pid, name, curve }, i) => {
      // A process that is about to end loses its name first: two series, one process.
      const key = pid === '' ? `series ${i}` : pid;
      const known = found.get(key);
      if (curve === null) {
        if (known === undefined) found.set(key, { pid, name, bytes: null });
        return;
      }
      const { slackNs, staleNs, timeGranularityNs } = curve;
      const bytes = boundsIn(curve, from - slackNs - timeGranularityNs, to + slackNs + staleNs);
      if (bytes === null) return;
      const other = known?.bytes ?? bytes;
      const { least, most } = bytes;
      found.set(key, {
        pid,
        name: known?.name ?? name,
        bytes: { least: Math.min(least, other.least), most: Math.max(most, other.most) },
      });
    });
    const listed = [...found.values()];
    return listed.some(({ bytes }) => bytes !== null) ? listed : null;
  };
}
