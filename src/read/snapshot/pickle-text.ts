/** Strings of protocol 0, written as lines of text. */

/** STRING: Python 2's repr, quotes and the escapes that paths and names need. */
export const unquote = (line: string): string =>
  line.replace(/^(['"])(.*)\1$/s, '$2').replace(/\\(['"\\])/g, '$1');

/** UNICODE: raw-unicode-escape. A code that is no character becomes U+FFFD. */
export const unescapeUnicode = (line: string): string =>
  line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = parseInt(short ?? long ?? '', 16);
    return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
  });
