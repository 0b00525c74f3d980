/** Keys that are not for the timeline: typing into a field, or focus in another part of a host page. */
const TYPES = new Set(['INPUT', 'TEXTAREA', 'SELECT']);

export function keyGoesElsewhere(event: KeyboardEvent, owner: HTMLElement): boolean {
  const path = event.composedPath();
  const target = path[0];
  if (target instanceof HTMLElement && (TYPES.has(target.tagName) || target.isContentEditable)) return true;
  const free = target === document.body || target === document.documentElement || target === document;
  return !free && !path.includes(owner);
}
