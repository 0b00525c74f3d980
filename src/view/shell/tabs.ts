/**
 * What is open as tabs, grouped by file: one tab for each device of a source, one for each device of a log of
 * summaries, one for the readings of a log or monitor, one for a file that failed. A device's own readings stand
 * on its page.
 */
import { count, deviceLabel } from '../../base/words.ts';
import type { DeviceView, SourceView } from '../../engine/protocol.ts';
import { hasReadings } from '../readings/readings.ts';

export type Tab =
  | { readonly id: string; readonly kind: 'device'; readonly source: SourceView; readonly device: DeviceView }
  | { readonly id: string; readonly kind: 'summaries'; readonly source: SourceView; readonly device: number }
  | { readonly id: string; readonly kind: 'readings'; readonly source: SourceView }
  | { readonly id: string; readonly kind: 'empty'; readonly source: SourceView };

export function tabsOf(sources: readonly SourceView[]): Tab[] {
  return sources.flatMap((source): Tab[] => {
    const devices = source.devices.map((device): Tab => ({ id: device.key, kind: 'device', source, device }));
    const numbers = [...new Set(source.summaries.map((summary) => summary.device))].sort((a, b) => a - b);
    const logs = numbers.map((device): Tab => ({
      id: `${source.id}:log:${device}`,
      kind: 'summaries',
      source,
      device,
    }));
    const readings: Tab[] =
      devices.length === 0 && hasReadings(source.readings)
        ? [{ id: `${source.id}:readings`, kind: 'readings', source }]
        : [];
    const all = [...devices, ...readings, ...logs];
    return all.length > 0 ? all : [{ id: `${source.id}:empty`, kind: 'empty', source }];
  });
}

export interface TabGroup {
  readonly file: string;
  readonly tabs: readonly Tab[];
}

/** Tabs of one name beside each other: the sources of one file follow one another. */
export function tabGroups(tabs: readonly Tab[]): TabGroup[] {
  const groups: { file: string; tabs: Tab[] }[] = [];
  for (const tab of tabs) {
    const last = groups.at(-1);
    if (last?.file === tab.source.file) last.tabs.push(tab);
    else groups.push({ file: tab.source.file, tabs: [tab] });
  }
  return groups;
}

export function tabLabel(tab: Tab): { readonly file: string; readonly part: string } {
  const file = tab.source.file;
  switch (tab.kind) {
    case 'device':
      return { file, part: deviceLabel(tab.device.device) };
    case 'summaries': {
      const summaries = tab.source.summaries.filter(({ device }) => device === tab.device);
      return { file, part: `${deviceLabel(tab.device)}, ${count(summaries.length, 'summary', 'summaries')}` };
    }
    case 'readings':
      return { file, part: tab.source.formatTitle };
    case 'empty':
      return { file, part: tab.source.error === null ? 'nothing in it' : 'could not be read' };
  }
}

/** Arrow keys, Home and End on a tab strip: the tab to go to, or null for any other key. */
export function tabByKey(ids: readonly string[], current: string, key: string): string | null {
  const at = ids.indexOf(current);
  if (at < 0 || ids.length === 0) return null;
  switch (key) {
    case 'ArrowRight':
      return ids[(at + 1) % ids.length];
    case 'ArrowLeft':
      return ids[(at - 1 + ids.length) % ids.length];
    case 'Home':
      return ids[0];
    case 'End':
      return ids[ids.length - 1];
    default:
      return null;
  }
}

/** The tab of a device that an address names; undefined: it is not open. */
export const deviceTab = (
  sources: readonly SourceView[],
  { file, device }: { readonly file: string | null; readonly device: number | null },
): Tab | undefined =>
  tabsOf(sources).find(
    ({ source, ...rest }) =>
      source.file === file && rest.kind === 'device' && (device === null || rest.device.device === device),
  );
