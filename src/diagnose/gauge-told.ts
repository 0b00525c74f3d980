/** A device and the only process on it grow by one and the same fact: it is told of the device. */
import type { GaugeGrowth } from '../analyze/server/facts-growth.ts';

/** Slopes within a fifth of each other. */
const ALIKE = 0.2;

/** Whether the growth of a process is that of its device, which tells it. */
export function isToldByDevice(growth: GaugeGrowth, all: readonly GaugeGrowth[]): boolean {
  if (growth.measures !== 'process_used') return false;
  const here = all.filter(({ source, device }) => source.id === growth.source.id && device === growth.device);
  const device = here.find(({ measures }) => measures === 'device_used');
  const processes = here.filter(({ measures }) => measures === 'process_used');
  if (device === undefined || processes.length !== 1) return false;
  const [own, whole] = [growth.verdict, device.verdict];
  if (own.kind !== whole.kind) return false;
  if (own.slopePerIteration === null || whole.slopePerIteration === null) return true;
  return (
    Math.abs(own.slopePerIteration - whole.slopePerIteration) <= ALIKE * Math.abs(whole.slopePerIteration)
  );
}
