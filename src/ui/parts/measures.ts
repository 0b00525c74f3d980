/**
 * How long the page takes, as entries of the browser's performance timeline (docs/performance.md): for whoever wants to
 * know, in the browser's own tools or by `performance.getEntriesByName`. Nothing leaves the page.
 *
 *   vramscope:read           files chosen to all of them read
 *   vramscope:first-picture  files chosen to the first curves on screen
 *   vramscope:answer         files chosen to the diagnosis on screen
 *   vramscope:zoom           a step of the wheel to the new curves and ledger on screen
 */
export type MeasureName =
  'vramscope:read' | 'vramscope:first-picture' | 'vramscope:answer' | 'vramscope:zoom';

/** `start`: of performance.now(), milliseconds. */
export function measureNow(name: MeasureName, start: number): void {
  performance.measure(name, { start });
}

/** Ends when what has just been handed to the page is painted; in a page that is not shown, when it is shown again. */
export function measurePainted(name: MeasureName, start: number): void {
  // The second frame begins when the first has been painted.
  requestAnimationFrame(() => requestAnimationFrame(() => measureNow(name, start)));
}
