/**
 * A PYTORCH_ALLOC_CONF string cut into tokens the way ConfigTokenizer of c10/core/AllocatorConfig.h does (2.11), each
 * with its place in what the user typed; and the number forms that its std::stoull and std::stod read.
 */

export interface Token {
  /** White space is dropped even inside a token: "1 512" is the token "1512". */
  readonly text: string;
  /** Character offsets in the text as given: first character, and one past the last. */
  readonly start: number;
  readonly end: number;
}

const isSpace = (char: string): boolean => char === ' ' || (char >= '\t' && char <= '\r');
const isMark = (char: string): boolean => char === ',' || char === ':' || char === '[' || char === ']';

/** Tokens of `conf`; `from` is added to every offset. */
export function tokenize(conf: string, from: number): Token[] {
  const tokens: Token[] = [];
  let text = '';
  let start = 0;
  let end = 0;
  const flush = (): void => {
    if (text !== '') tokens.push({ text, start: from + start, end: from + end });
    text = '';
  };
  for (let i = 0; i < conf.length; i++) {
    const char = conf[i];
    if (isMark(char)) {
      flush();
      tokens.push({ text: char, start: from + i, end: from + i + 1 });
    } else if (!isSpace(char)) {
      if (text === '') start = i;
      text += char;
      end = i + 1;
    }
  }
  flush();
  return tokens;
}

/** A number at the head of a token, and whether more follows it, which PyTorch does not look at. */
export interface NumberRead<T> {
  readonly value: T;
  readonly rest: string;
}

const TWO_64 = 1n << 64n;

/** std::stoull: null where it throws. A minus wraps around: "-5" is 2^64 - 5. */
export function readUnsigned(text: string): NumberRead<bigint> | null {
  const match = /^([+-]?)(\d+)/.exec(text);
  if (match === null) return null;
  const magnitude = BigInt(match[2]);
  if (magnitude >= TWO_64) return null;
  const value = match[1] === '-' && magnitude > 0n ? TWO_64 - magnitude : magnitude;
  return { value, rest: text.slice(match[0].length) };
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/i;
const HEXADECIMAL = /^([+-]?)0x(?=\.?[\da-f])([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?/i;
const NOT_FINITE = /^([+-]?)(?:(inf(?:inity)?)|nan(?:\(\w*\))?)/i;
/** Least normal double: below it std::stod says "out of range", as it does beyond the largest. */
const LEAST_NORMAL = 2 ** -1022;

/** std::stod: null where it throws. */
export function readDouble(text: string): NumberRead<number> | null {
  const special = NOT_FINITE.exec(text);
  if (special !== null) {
    const value = special[2] === undefined ? NaN : special[1] === '-' ? -Infinity : Infinity;
    return { value, rest: text.slice(special[0].length) };
  }
  const hex = HEXADECIMAL.exec(text);
  if (hex !== null) {
    const [whole, sign, digits, fraction, exponent] = hex;
    const magnitude =
      Number(BigInt(`0x${digits}${fraction}`)) * 2 ** (Number(exponent ?? 0) - 4 * fraction.length);
    return inRange(
      sign === '-' ? -magnitude : magnitude,
      /[1-9a-f]/i.test(digits + fraction),
      text.slice(whole.length),
    );
  }
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const mantissa = match[0].replace(/e.*$/i, '');
  return inRange(Number(match[0]), /[1-9]/.test(mantissa), text.slice(match[0].length));
}

function inRange(value: number, hasDigit: boolean, rest: string): NumberRead<number> | null {
  const size = Math.abs(value);
  return size === Infinity || (hasDigit && size < LEAST_NORMAL) ? null : { value, rest };
}

const PREFIX =
  /^\s*(?:\$\s+)?(?:(?:export|set|setx|env|ENV|-e|--env)\s+|\$env:)?(?:os\.environ\[\s*)?(["']?)PYTORCH_(?:CUDA_|HIP_)?ALLOC_CONF(["']?)(?:\s*\])?\s*=\s*/;

export interface PastedConf {
  readonly conf: string;
  /** Character offset of `conf` in the pasted text. */
  readonly offset: number;
}

/**
 * Finds the configuration string in what people paste: the bare string, `NAME=...`, `export NAME="..."`,
 * `docker run -e NAME=...`, `os.environ["NAME"] = "..."`. PyTorch itself sees only the bare string.
 */
export function findConf(text: string): PastedConf {
  const prefix = PREFIX.exec(text);
  const from = prefix === null ? /^\s*/.exec(text)![0].length : prefix[0].length;
  const quoted = /^(["'])(.*?)\1/s.exec(text.slice(from));
  if (quoted !== null) return { conf: quoted[2], offset: from + 1 };
  if (prefix === null) return { conf: text, offset: 0 };
  // `docker run -e "NAME=value"`: the quote stands before the name.
  const quoteBefore = prefix[1] !== '' && prefix[2] === '';
  const end = text.slice(from).search(quoteBefore ? /["']/ : /[\s;&|]/);
  return { conf: end === -1 ? text.slice(from) : text.slice(from, from + end), offset: from };
}
