/** What a paste brings: files as they are, text as a file of its own. */

/** Pasting into a field is the field's. */
const TYPES = new Set(['INPUT', 'TEXTAREA', 'SELECT']);

/** true: the paste is for a field, or for another part of the page that holds `owner`. */
export function pasteGoesElsewhere(event: ClipboardEvent, owner: HTMLElement): boolean {
  const path = event.composedPath();
  const target = path[0];
  if (target instanceof HTMLElement && (TYPES.has(target.tagName) || target.isContentEditable)) return true;
  const free = target === document.body || target === document.documentElement || target === document;
  return !free && !path.includes(owner);
}

/** "pasted text", "pasted text 2", ... */
export const textFile = (text: string, count: number): File =>
  new File([text], count === 1 ? 'pasted text' : `pasted text ${count}`, { type: 'text/plain' });

export interface Pasted {
  readonly files: readonly File[];
  /** null: the clipboard holds none. */
  readonly text: string | null;
}

/** A copied table or page comes as text and as a picture of itself: then it is the text that is meant. */
export function pastedFrom(data: DataTransfer): Pasted {
  const files = [...data.files];
  const text = data.getData('text/plain');
  const hasText = text.trim() !== '';
  const arePictures = files.every(({ type }) => type.startsWith('image/'));
  if (files.length > 0 && !(hasText && arePictures)) return { files, text: null };
  return { files: [], text: hasText ? text : null };
}
