/**
 * What the open monitors (nvidia-smi, DCGM) and out-of-memory texts tell of the device of a recording, besides
 * PyTorch's allocator: for the ledger at any of its rows.
 */
import type { DeviceFacts } from './device-facts.ts';
import {
  type NonTorch,
  nonTorchOverTime,
  ownPid,
  type ProcessCurve,
  processesAround,
} from './ledger/non-torch.ts';
import { type DeviceSide, type DeviceSideAt, NO_DEVICE_SIDE, NearSamples } from './ledger/non-torch-near.ts';
import { nonTorchOfOom, oomFigureBounds, reservedOfOom } from './ledger/non-torch-oom.ts';
import { measureOf } from './step-curve.ts';
import { u64At } from '../base/u64.ts';
import type { Bounds } from '../base/measured.ts';
import { ACTION } from '../trace/schema.ts';
import type { Recording, TimedSource } from './clock/timed-source.ts';
import { isSameDevice } from './clock/compare-sources.ts';
import type { OneClock } from './clock/desk.ts';
import type { CommonCurve } from './clock/units.ts';

/** A recorded device and what is known of it by itself. */
export interface Recorded {
  readonly recording: Recording;
  readonly facts: Pick<DeviceFacts, 'reserved'>;
}

interface Monitor {
  readonly file: string;
  /** Its samples within the recording, on the recording's common clock. */
  readonly near: NearSamples;
  /** Used and free together: what the driver does not keep for itself; null: it prints no free memory. */
  readonly usable: Bounds | null;
}

const holds = ({ least, most }: Bounds, bytes: number): boolean => least <= bytes && bytes <= most;

/** Least coarse first: in bytes, then in time, then by number of samples. */
const byPrecision = ({ curve: a }: CommonCurve, { curve: b }: CommonCurve): number =>
  a.granularity - b.granularity ||
  a.timeGranularityNs + a.slackNs + a.staleNs - (b.timeGranularityNs + b.slackNs + b.staleNs) ||
  b.value.length - a.value.length;

const uuidOf = ({ gauge }: Pick<CommonCurve, 'gauge'>): string | undefined =>
  gauge?.labels['uuid'] ?? gauge?.labels['gpu_uuid'] ?? gauge?.labels['UUID'];

/** Curves of the processes on the device that `used` is of; without figures ([N/A]) where a source's clock is known. */
function processesOn(used: CommonCurve, { sources, curves, offsetOf }: OneClock): ProcessCurve[] {
  const listed = sources.flatMap(({ id, readings }) =>
    offsetOf(id) === null
      ? []
      : (readings?.gauges ?? []).filter((gauge) => measureOf(gauge) === 'process_used'),
  );
  const own = uuidOf(used);
  const uuids = new Set(listed.map((gauge) => uuidOf({ gauge })));
  const devices = new Set(
    curves.filter(({ curve }) => curve.measures === 'device_used').map(({ curve }) => curve.device),
  );
  return listed.flatMap((gauge): ProcessCurve[] => {
    // A process inside of a slice is on no whole GPU.
    if (Object.keys(gauge.labels).some((label) => label.startsWith('mig.'))) return [];
    const uuid = uuidOf({ gauge });
    const isHere =
      gauge.device !== null && used.curve.device !== null
        ? gauge.device === used.curve.device
        : own !== undefined && uuid !== undefined
          ? own === uuid
          : uuids.size === 1 && devices.size === 1;
    if (!isHere) return [];
    const common = curves.find((one) => one.gauge === gauge);
    if (common === undefined && !gauge.value.every(Number.isNaN)) return [];
    return [
      {
        pid: gauge.labels['pid'] ?? '',
        name: gauge.labels['process'] ?? gauge.labels['process_name'] ?? '',
        curve: common?.curve ?? null,
      },
    ];
  });
}

const FREE: ReadonlySet<string> = new Set([
  'memory.free',
  'DCGM_FI_DEV_FB_FREE',
  'nvidia_smi_memory_free_bytes',
]);
/** Printed figures are rounded each; a sum that varies by more is of no one device. */
const MOST_VARIATION = 8 * 2 ** 20;

function usableOf({ gauge, sourceId }: CommonCurve, sources: readonly TimedSource[]): Bounds | null {
  const gauges = sources.find(({ id }) => id === sourceId)?.readings?.gauges ?? [];
  const labels = JSON.stringify(gauge?.labels);
  const free = gauges.find(
    (one) => FREE.has(one.id) && one.device === gauge?.device && JSON.stringify(one.labels) === labels,
  );
  if (gauge === null || free?.value.length !== gauge.value.length) return null;
  let [least, most] = [Infinity, -Infinity];
  gauge.value.forEach((used, row) => {
    const sum = used + free.value[row];
    if (free.time_ns[row] !== gauge.time_ns[row] || Number.isNaN(sum)) return;
    least = Math.min(least, sum);
    most = Math.max(most, sum);
  });
  // None were printed at one moment: least stays above most.
  if (least > most || most - least > MOST_VARIATION) return null;
  const apart = gauge.granularity + free.granularity;
  return { least: least - apart, most: most + apart };
}

/** The finest monitor of the device, its samples within the recording; null: none is open. */
function monitorOf({ sourceId: id, trace }: Recording, clock: OneClock): Monitor | null {
  const reserved = clock.curves.find(
    ({ sourceId, curve }) =>
      sourceId === id &&
      curve.measures === 'reserved' &&
      curve.kind === 'event' &&
      curve.device === trace.device,
  );
  if (reserved === undefined) return null;
  const found = clock.curves
    .filter(({ curve }) => curve.measures === 'device_used')
    .filter((used) => isSameDevice(used, reserved, clock.units))
    .sort(byPrecision);
  const [used] = found;
  if (used === undefined) return null;
  const processesAt = processesAround(processesOn(used, clock));
  const pid = ownPid(used.curve, reserved.curve, processesAt);
  const samples = nonTorchOverTime(used.curve, reserved.curve, processesAt, pid);
  return {
    file: used.name,
    near: new NearSamples(samples, used.name),
    usable: usableOf(used, clock.sources),
  };
}

/** Out-of-memory events of the recording whose text is open, too: told by their figures, all of them. */
interface OomTexts {
  readonly byRow: ReadonlyMap<number, NearSamples>;
  /** For moments close to one; null: there is none. */
  readonly all: NearSamples | null;
}

function oomTexts({ recording, facts }: Recorded, sources: readonly TimedSource[]): OomTexts {
  const { events, device_free, device } = recording.trace;
  const free = new Map(device_free);
  const byRow = new Map<number, NearSamples>();
  const all: NonTorch[] = [];
  let first: string | null = null;
  const texts = sources.flatMap(({ file, readings }) =>
    (readings?.events ?? [])
      .filter(({ kind, allocator }) => kind === 'oom' && allocator === undefined)
      .map((event) => ({ event, file })),
  );
  if (texts.length === 0 || !recording.baseline.known) return { byRow, all: null };
  for (let row = 0; row < events.length; row++) {
    if (events.action[row] !== ACTION.oom) continue;
    const reserved = facts.reserved[row];
    const of = texts.filter(({ event: { figures, device: printed } }) => {
      const band = reservedOfOom(figures);
      if (band === null || !holds(band, reserved) || (printed !== null && printed !== device)) return false;
      const asked = figures['requested'];
      const left = free.get(row);
      return (
        asked !== undefined &&
        holds(oomFigureBounds(asked), u64At(events.size, row)) &&
        (left === undefined || !('free' in figures) || holds(oomFigureBounds(figures['free']), left))
      );
    });
    // The same words twice are one event told twice.
    if (new Set(of.map(({ event }) => event.text)).size !== 1) continue;
    const [{ event, file }] = of;
    const told = nonTorchOfOom(event.figures, recording.timeOf(row), device, {
      least: reserved,
      most: reserved,
    });
    if (told === null) continue;
    byRow.set(row, new NearSamples([told], file));
    all.push(told);
    first ??= file;
  }
  return { byRow, all: first === null ? null : new NearSamples(all, first) };
}

const freeOf = (usable: Bounds | null, used: Bounds | null): Bounds | null =>
  usable === null || used === null
    ? null
    : { least: Math.max(0, usable.least - used.most), most: Math.max(0, usable.most - used.least) };

/** A monitor is open and its clock against the recording's is not known. */
function whyNone({ trace }: Recording, { sources, offsetOf }: OneClock): Pick<DeviceSide, 'why'> {
  const unplaced = sources.find(
    ({ id, readings }) =>
      offsetOf(id) === null &&
      readings?.gauges.some(
        (gauge) =>
          measureOf(gauge) === 'device_used' && (gauge.device === null || gauge.device === trace.device),
      ) === true,
  );
  if (unplaced === undefined) return {};
  const { file } = unplaced;
  return {
    why: `What the device uses besides PyTorch: the clock of ${file} against this recording was not found. Set its offset by hand, if you know it.`,
  };
}

/** The samples are worked out on first use. */
export function deviceSideOf(recorded: Recorded, clock: OneClock): DeviceSideAt {
  const { recording, facts } = recorded;
  const offset = clock.offsetOf(recording.sourceId);
  const base = Number(recording.aggregate.base + (offset ?? 0n) - clock.baseNs);
  const look = () => ({
    monitor: offset === null ? null : monitorOf(recording, clock),
    ooms: oomTexts(recorded, clock.sources),
    none: { ...NO_DEVICE_SIDE, ...whyNone(recording, clock) },
  });
  let known: ReturnType<typeof look> | null = null;
  return (row) => {
    const { monitor, ooms, none } = (known ??= look());
    const reserved = facts.reserved[row];
    const time = recording.timeOf(row);
    const ofOom = ooms.byRow.get(row);
    if (ofOom !== undefined) return ofOom.at(time, reserved);
    if (monitor === null) {
      const side = ooms.all?.at(time, reserved) ?? none;
      return side.told === null ? { ...side, ...none } : side;
    }
    const side = monitor.near.at(base + time, reserved);
    const besides = side.told?.besidesReserved ?? null;
    if (besides === null || besides.most >= 0)
      return { ...side, free: freeOf(monitor.usable, side.told?.deviceUsed ?? null) };
    return {
      told: null,
      source: null,
      why: `What the device uses besides PyTorch: ${monitor.file} has less in use than the recording had reserved, so it is of another device or another time.`,
    };
  };
}
