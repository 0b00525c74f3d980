/** Looking through open shadow trees, as a reader of the page does. */

/** Every element that matches, below `root` and in all shadow trees there. */
export function allIn(root: Element | ShadowRoot, selector: string): HTMLElement[] {
  const inside = root instanceof Element ? root.shadowRoot : root;
  const below = [...(inside ?? root).querySelectorAll<HTMLElement>('*')];
  return below.flatMap((one) => [
    ...(one.matches(selector) ? [one] : []),
    ...(one.shadowRoot === null ? [] : allIn(one.shadowRoot, selector)),
  ]);
}

/** Text as it is shown: slots filled, styles left out. */
export function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  if (node instanceof HTMLSlotElement) return node.assignedNodes().map(textOf).join(' ');
  const root = node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node;
  return [...root.childNodes].map(textOf).join(' ');
}
