/**
 * Text of a file as it may be shown: controls, escape sequences and marks that turn writing round are written out, so that
 * they order nothing and hide nothing.
 */

/** C0, DEL and C1 controls, line and paragraph separators, and what is there and not seen: marks that turn writing round, byte-order marks, tags. Joiners of scripts and of emoji stay. */
export const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The same, but for line ends and tabs of our own sentences, which a page shows as blanks. */
const SOME_UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(one: string): string {
  const code = one.codePointAt(0)!;
  if (code < 0x100) return SHORT[one] ?? `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The text with everything that a terminal would obey, or nobody would see, written out. One line stays one line. */
export const visible = (text: string): string => text.replace(UNSEEN, escaped);

/** Values that hold no text of a file, or too many numbers to look at. */
const isLeaf = (value: object): boolean =>
  ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set;

/** The same value with all of its texts visible; the same object where nothing has to change. Keys stay. */
export function shown<T>(value: T): T {
  if (typeof value === 'string') return (SOME_UNSEEN.test(value) ? visible(value) : value) as T;
  if (typeof value !== 'object' || value === null || isLeaf(value)) return value;
  if (Array.isArray(value)) {
    const all = value.map((one: unknown) => shown(one));
    return (all.some((one, at) => one !== value[at]) ? all : value) as T;
  }
  let changed: Record<string, unknown> | null = null;
  for (const [key, one] of Object.entries(value)) {
    const told: unknown = shown(one);
    if (told !== one) (changed ??= { ...(value as Record<string, unknown>) })[key] = told;
  }
  return (changed ?? value) as T;
}
