/**
 * Text in UTF-16, as `>` of Windows PowerShell writes it, handed on as UTF-8: readers know no other. Told by its mark,
 * or by zeros in every other place of what would be ASCII. Not read: UTF-32.
 */
export type Utf16 = 'utf-16le' | 'utf-16be';

/** Without a mark so many characters have to be plain ASCII in two bytes. */
const ENOUGH = 32;

const isText = (byte: number): boolean => (byte >= 32 && byte < 127) || (byte >= 9 && byte <= 13);

/** null: it is no UTF-16. */
export function utf16Of(head: Uint8Array): Utf16 | null {
  const [a, b, c, d] = head;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? null : 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (head.length < 2 * ENOUGH) return null;
  for (const [first, encoding] of [
    [0, 'utf-16le'],
    [1, 'utf-16be'],
  ] as const) {
    let plain = 0;
    while (plain < ENOUGH && isText(head[2 * plain + first]) && head[2 * plain + 1 - first] === 0) plain++;
    if (plain === ENOUGH) return encoding;
  }
  return null;
}

/** The same text in UTF-8, without a mark. What is no character becomes U+FFFD. */
export async function* utf16ToUtf8(
  chunks: AsyncIterable<Uint8Array>,
  encoding: Utf16,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield encoder.encode(text);
  }
  const rest = decoder.decode();
  if (rest !== '') yield encoder.encode(rest);
}
