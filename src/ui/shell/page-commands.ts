/** Every command of the page, for its palette: what keys do, what the bar does, and the tabs that are open. */
import { BINDINGS, type KeyAction } from '../../view/shell/keys.ts';
import type { Command } from '../../view/shell/palette.ts';
import type { Tab } from '../../view/shell/tabs.ts';
import type { HeaderModel } from './shell-header.ts';

/** "rank0.pickle, GPU 0". */
const tabLabel = (tab: Tab): string =>
  tab.kind === 'device'
    ? `${tab.source.file}, ${tab.device.device < 0 ? 'host' : `GPU ${tab.device.device}`}`
    : tab.source.file;

/** `act`: what a key does. The palette itself, and what only unpins, are left out. */
export function pageCommands(
  model: HeaderModel,
  act: (action: KeyAction) => void,
  choose: (tab: string) => void,
): Command[] {
  const hasDevice = model.tabs.some(({ kind }) => kind === 'device');
  const plain = (label: string, run: () => void): Command => ({ label, key: '', run });
  const keyed = BINDINGS.filter(
    ({ action }) =>
      action !== 'palette' && action !== 'clear' && (hasDevice || action === 'open' || action === 'help'),
  ).map(({ keys, action, does }): Command => ({
    label: action.startsWith('view-') ? `View: ${does}` : does,
    key: keys[0],
    run: () => act(action),
  }));
  return [
    ...keyed,
    plain('Open a folder', () => model.openFolder()),
    plain('Paste text', () => model.openText()),
    ...(model.tabs.length === 0 || model.share === null ? [] : [plain('Save as a case file', model.share)]),
    ...(['auto', 'light', 'dark'] as const).map((theme) =>
      plain(`Theme: ${theme}`, () => model.change({ theme })),
    ),
    plain('Unit: GiB', () => model.change({ unit: 'binary' })),
    plain('Unit: GB', () => model.change({ unit: 'decimal' })),
    plain('Wheel: scrolls the page', () => model.change({ wheel: 'scrolls' })),
    plain('Wheel: zooms the chart', () => model.change({ wheel: 'zooms' })),
    ...model.tabs.map((tab) => plain(`Go to ${tabLabel(tab)}`, () => choose(tab.id))),
  ];
}
