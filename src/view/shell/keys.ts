/** Keys and what they do: the keyboard sheet and the handler read the same list. */
export type KeyAction =
  | 'zoom-in'
  | 'zoom-out'
  | 'pan-left'
  | 'pan-right'
  | 'fit'
  | 'clear'
  | 'previous-event'
  | 'next-event'
  | 'search'
  | `view-${1 | 2 | 3 | 4 | 5 | 6 | 7}`
  | 'help'
  | 'palette'
  | 'open';

interface Binding {
  readonly keys: readonly string[];
  readonly action: KeyAction;
  readonly does: string;
}

export const BINDINGS: readonly Binding[] = [
  { keys: ['w'], action: 'zoom-in', does: 'Zoom in' },
  { keys: ['s'], action: 'zoom-out', does: 'Zoom out' },
  { keys: ['a'], action: 'pan-left', does: 'Move left' },
  { keys: ['d'], action: 'pan-right', does: 'Move right' },
  { keys: ['f'], action: 'fit', does: 'Fit the chosen range; again: the whole recording' },
  { keys: [','], action: 'previous-event', does: 'Event before the one shown' },
  { keys: ['.'], action: 'next-event', does: 'Event after the one shown' },
  { keys: ['Escape'], action: 'clear', does: 'Unpin what is pinned, then clear the chosen range' },
  { keys: ['/'], action: 'search', does: 'Filter allocations: sizes, frames, addresses, streams, times' },
  { keys: ['1'], action: 'view-1', does: 'Answer' },
  { keys: ['2'], action: 'view-2', does: 'Allocations' },
  { keys: ['3'], action: 'view-3', does: 'Address map' },
  { keys: ['4'], action: 'view-4', does: 'Stacks' },
  { keys: ['5'], action: 'view-5', does: 'Events' },
  { keys: ['6'], action: 'view-6', does: 'Settings' },
  { keys: ['7'], action: 'view-7', does: 'Compare' },
  { keys: ['Ctrl+o', '⌘+o'], action: 'open', does: 'Open files' },
  { keys: ['Ctrl+Shift+p', '⌘+Shift+p'], action: 'palette', does: 'Every command, by a few letters of it' },
  { keys: ['?'], action: 'help', does: 'Show or hide this sheet' },
];

export const POINTER_HELP: readonly (readonly [string, string])[] = [
  ['Ctrl+V, ⌘+V', 'Open the text or the files of the clipboard'],
  ['Ctrl + wheel, ⌘ + wheel', 'Zoom about the pointer; so does a pinch'],
  ['Shift + wheel', 'Move along a timeline that is zoomed'],
  ['Drag', 'Move along the timeline'],
  ['Shift + drag', 'Choose a range for the histograms and tables'],
  ['Click', 'Show the event there in the panel'],
  ['Double-click', 'Whole recording'],
  ['← → on kernels', 'Kernel before, kernel after; Enter shows what ran'],
  ['← → on the ledger over time', 'Column before, column after; Enter shows its event'],
];

/** Over a chart, the first time that a plain wheel scrolls the page there. */
export const wheelHint = (mac: boolean): string => `${mac ? '⌘' : 'Ctrl'} + wheel zooms the chart`;

interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey?: boolean;
}

/** The action of a key press, or null. Keys with Ctrl, Alt or Command stay the browser's, but for Ctrl+O and Ctrl+Shift+P. */
export function actionOf(press: KeyPress): KeyAction | null {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (press.altKey) return null;
  if (press.ctrlKey || press.metaKey)
    return key === 'p' && press.shiftKey === true ? 'palette' : key === 'o' ? 'open' : null;
  return BINDINGS.find((binding) => binding.keys.includes(key))?.action ?? null;
}
