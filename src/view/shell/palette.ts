/** The palette: every command of the page by name, found by a few letters of it in their order. */

export interface Command {
  /** "Theme: dark". */
  readonly label: string;
  /** Its key as it is written in the sheet of keys; "": it has none. */
  readonly key: string;
  run(): void;
}

const SEPARATOR = /[^\p{L}\p{N}]/u;

/**
 * How well letters fit a label, less is better; null: they are not in it in their order. A letter that begins a word
 * costs nothing, one that follows the letter before it little.
 *
 *   "thda"  Theme: dark      0 + 1 + 0 + 1
 */
export function fit(label: string, typed: string): number | null {
  const text = label.toLowerCase();
  const beginsWord = (at: number): boolean => at === 0 || SEPARATOR.test(text[at - 1]);
  let cost = 0;
  let last = -1;
  for (const letter of typed.toLowerCase().replace(/\s+/g, '')) {
    const next = text.indexOf(letter, last + 1);
    if (next < 0) return null;
    let at = next;
    // A letter that begins a later word is meant before one that stands anywhere.
    if (next !== last + 1)
      for (let word = next; word >= 0; word = text.indexOf(letter, word + 1))
        if (beginsWord(word)) {
          at = word;
          break;
        }
    cost += beginsWord(at) ? 0 : at === last + 1 ? 1 : 4;
    last = at;
  }
  return cost + text.length / 1000;
}

/** The best first; all of them, in their order, where nothing is typed. */
export function found(commands: readonly Command[], typed: string): readonly Command[] {
  if (typed.trim() === '') return commands;
  return commands
    .flatMap((command) => {
      const cost = fit(command.label, typed);
      return cost === null ? [] : [{ command, cost }];
    })
    .sort((a, b) => a.cost - b.cost)
    .map(({ command }) => command);
}
