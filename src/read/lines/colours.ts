/** Colours and cursor movements of a terminal, which logs keep: taken out before a line is read. */

/** Colours and cursor movements of terminals. */
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;?]*[A-Za-z]/g;
/** What is left of vLLM's colours where something took the escape characters out. */
const BARE_COLOUR = /(?<!\w)\[(?:0;0|1;36|0)m/g;

/** Without colours and cursor movements. */
export function stripColours(text: string): string {
  const plain = text.includes('\u001b') ? text.replace(ANSI, '') : text;
  return plain.includes('[0;0m') || plain.includes('[1;36m') ? plain.replace(BARE_COLOUR, '') : plain;
}
