/**
 * What tells one series from its neighbours, in few words: "GPU 3", "GPU 0 · llama-7b-0". Of all the labels that a
 * monitor attaches, only those are shown that differ, and no more than are needed.
 */
import { own } from '../../base/lookup.ts';
import type { Gauge } from '../../engine/protocol.ts';

/** Shown wherever they differ, in this order: they are what people look for. */
const ALWAYS = ['rank', 'engine', 'pod', 'process', 'pid', 'model_name', 'name'];
/** Machine names for the same thing: the last to be chosen. */
const LATE = ['uuid', 'gpu_uuid', 'pci_bus_id', 'gpu', 'device', 'hostname', 'job'];
const LONGEST = 40;

const valuesOf = (gauges: readonly Gauge[], key: string): Set<string> =>
  new Set(gauges.map(({ labels }) => own(labels, key) ?? ''));

const metricOf = ({ id, label, unit }: Gauge): string => JSON.stringify([id, label, unit]);

/** Series that have the same metric and the same name so far. */
function clashes(gauges: readonly Gauge[], keys: readonly string[]): number {
  const names = gauges.map((gauge) =>
    JSON.stringify([metricOf(gauge), gauge.device, keys.map((key) => own(gauge.labels, key) ?? '')]),
  );
  return names.length - new Set(names).size;
}

function chooseKeys(gauges: readonly Gauge[]): string[] {
  const all = new Set(gauges.flatMap(({ labels }) => Object.keys(labels)));
  const differing = [...all].filter((key) => valuesOf(gauges, key).size > 1);
  const chosen = ALWAYS.filter((key) => differing.includes(key));
  const rank = (key: string): number => (LATE.includes(key.toLowerCase()) ? 1 : 0);
  const rest = differing.filter((key) => !chosen.includes(key)).sort((a, b) => rank(a) - rank(b));
  let left = clashes(gauges, chosen);
  while (left > 0 && rest.length > 0) {
    const counts = rest.map((key) => clashes(gauges, [...chosen, key]));
    const best = counts.indexOf(Math.min(...counts));
    if (counts[best] >= left) break;
    left = counts[best];
    chosen.push(...rest.splice(best, 1));
  }
  return chosen;
}

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** One name for each gauge, "" where there is nothing to tell apart. Series of one place share their name. */
export function gaugeNames(gauges: readonly Gauge[]): string[] {
  const keys = chooseKeys(gauges);
  const names = gauges.map(({ device, labels }) => {
    const parts = keys.flatMap((key) => {
      const text = own(labels, key);
      return text === undefined ? [] : [cut(text)];
    });
    return [...(device === null ? [] : [`GPU ${device}`]), ...parts].join(' · ');
  });
  // Labels that no choice tells apart: numbered, so that a legend never holds the same name twice.
  const seen = new Map<string, number>();
  return names.map((name, i) => {
    const key = JSON.stringify([metricOf(gauges[i]), name]);
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    return nth === 1 ? name : `${name} #${nth}`.trim();
  });
}

/** Every label, for titles and panels: "GPU 3 · pod llama-7b-0 · UUID GPU-1234". */
export const gaugeLabels = ({ device, labels }: Gauge): string =>
  [
    ...(device === null ? [] : [`GPU ${device}`]),
    ...Object.entries(labels).map(([name, value]) => `${name} ${value}`),
  ].join(' · ');
