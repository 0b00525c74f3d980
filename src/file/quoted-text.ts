/**
 * Text as people paste it, handed on as it was printed: quoted ("> " before every line, as mail and chat do it) or indented, inside
 * of a fence of Markdown, with the no-break spaces of a page. Told by the head; one step before every reader.
 *
 *   > | Allocated memory |   12 GiB |      ->   | Allocated memory |   12 GiB |
 *   ```text                                 ->   (nothing)
 *
 * Not taken off: what carries something (times, ranks, names of containers; read/lines/unwrap.ts), and a quote mark
 * before some lines only.
 */
export interface Quoting {
  readonly hasMarks: boolean;
  /** Blanks before every line. */
  readonly indent: number;
}

const LF = 10;
/** So many of its lines have to be quoted. */
const SHARE = 0.9;
/** Fewer blanks before every line are a table's own. */
const LEAST_INDENT = 2;
const MOST_COPIED = 1 << 20;
/** A longer line is handed on in pieces. */
const LONGEST = 4 << 20;
/** Lines of the head that are looked at. */
const LOOKED_AT = 400;

/** JSON and pages, whose own blanks are theirs; a log may begin with a bracket, too. */
const MARKUP = /^\ufeff?\s*(?:[{<]|\[\s*(?:[[{"]|-?\d+\s*,))/;
const MARKS = /^(?:[ \t]{0,3}>(?!>>) ?){1,6}/;
const FENCE = /^[ \t]{0,8}(?:```|~~~)[\w.+-]{0,20}[ \t]{0,8}\r?$/;
const ODD_BLANK = /[\u00a0\u2007\u202f]/;
const NO_BREAK = /[\u00a0\u2007\u202f]/g;
const INVISIBLE = /[\u200b\u2060\ufeff]/g;

const isText = (head: Uint8Array): boolean => {
  for (const byte of head.subarray(0, 4096)) if (byte === 0) return false;
  return head.length > 0;
};

/** null: nothing of the kind. `bytes`: of the whole file; blanks of a page are in what someone copied, which is small. */
export function quotingOf(head: Uint8Array, bytes: number): Quoting | null {
  if (!isText(head)) return null;
  const text = new TextDecoder().decode(head);
  const lines = text
    .split('\n')
    .slice(0, LOOKED_AT)
    .filter((line) => line.trim() !== '');
  const hasMarks =
    lines.length > 0 && lines.filter((line) => MARKS.test(line)).length >= SHARE * lines.length;
  const isCopied = bytes <= MOST_COPIED && !MARKUP.test(text);
  const indent = isCopied && !hasMarks ? Math.min(...lines.map((line) => line.search(/[^ \t]/))) : 0;
  const quoting = { hasMarks, indent: Number.isFinite(indent) ? indent : 0 };
  if (hasMarks || quoting.indent >= LEAST_INDENT || FENCE.test(lines[0] ?? '')) return quoting;
  return isCopied && ODD_BLANK.test(text) ? quoting : null;
}

function plain(line: string, { hasMarks, indent }: Quoting): string | null {
  const text = hasMarks ? line.replace(MARKS, '') : line.slice(Math.min(indent, line.search(/[^ \t]|$/)));
  return FENCE.test(text) ? null : text.replace(NO_BREAK, ' ').replace(INVISIBLE, '');
}

/** The same text without what quoting put around it. */
export async function* withoutQuoting(
  chunks: AsyncIterable<Uint8Array>,
  quoting: Quoting,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const end = chunk.lastIndexOf(LF) < 0 ? -1 : rest.lastIndexOf('\n');
    if (end < 0) {
      if (rest.length < LONGEST) continue;
      yield encoder.encode(rest);
      rest = '';
      continue;
    }
    const made = rest
      .slice(0, end)
      .split('\n')
      .map((line) => plain(line, quoting))
      .filter((line) => line !== null);
    rest = rest.slice(end + 1);
    if (made.length > 0) yield encoder.encode(`${made.join('\n')}\n`);
  }
  const last = plain(rest + decoder.decode(), quoting);
  if (last !== null && last !== '') yield encoder.encode(last);
}
