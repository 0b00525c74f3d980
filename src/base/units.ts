/** Numbers for people: bytes in binary or decimal units, counts, times. Pure; the exact value goes in a title. */
export type ByteUnit = 'binary' | 'decimal';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Step and name of the unit in which `bytes` reads best (value in [1, 1024) or [1, 1000)). */
export function byteScale(bytes: number, unit: ByteUnit): { readonly step: number; readonly name: string } {
  const base = unit === 'binary' ? 1024 : 1000;
  const names = unit === 'binary' ? BINARY : DECIMAL;
  let step = 1;
  let index = 0;
  // 999.5 would print as 1000 MB: go up as soon as the rounded figure would.
  while (Math.abs(bytes) / step >= base - 0.5 && index < names.length - 1) {
    step *= base;
    index++;
  }
  return { step, name: names[index] };
}

/** Three significant digits, none of them a zero behind the point: "4.56", "45.6", "456", "32". */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return String(Number(text));
}

/** "4.56 GiB", "462 MiB", "32 MiB": three significant digits; whole bytes below one KiB. */
export function formatBytes(bytes: number, unit: ByteUnit): string {
  const { step, name } = byteScale(bytes, unit);
  return step === 1 ? `${bytes} ${name}` : `${threeDigits(bytes / step)} ${name}`;
}

/** "14.20 GiB": two digits behind the point, for sums that are written out. */
export function formatTerm(bytes: number, unit: ByteUnit): string {
  const { step, name } = byteScale(bytes, unit);
  return step === 1 ? `${bytes} ${name}` : `${(bytes / step).toFixed(2)} ${name}`;
}

/** Every digit, with thin separators: "4,997,513,216". */
export function formatInteger(value: number | bigint): string {
  const text = value.toString();
  // What is written in another way ("1e+21", "NaN") has no digits to part.
  const [, sign, digits, rest] = /^(-?)(\d+)(\.\d+)?$/.exec(text) ?? [];
  if (digits === undefined) return text;
  const groups: string[] = [];
  let end = digits.length;
  for (; end > 3; end -= 3) groups.push(digits.slice(end - 3, end));
  groups.push(digits.slice(0, end));
  return `${sign}${groups.reverse().join(',')}${rest ?? ''}`;
}

/** At most `digits` after the point, none that is a trailing zero, thousands apart: "1,234.5". */
export function formatNumber(value: number, digits = 2): string {
  if (Number.isInteger(value)) return formatInteger(value);
  if (!Number.isFinite(value)) return String(value);
  // A figure far below one would round to nothing.
  if (Math.abs(value) < 10 ** -digits) return String(Number(value.toPrecision(2)));
  const [whole, rest = ''] = value.toFixed(digits).split('.');
  const kept = rest.replace(/(?<!0)0+$/, '');
  return formatInteger(Number(whole)) === '0' && whole.startsWith('-')
    ? `-0${kept === '' ? '' : `.${kept}`}`
    : `${formatInteger(Number(whole))}${kept === '' ? '' : `.${kept}`}`;
}

/** A duration in nanoseconds: "830 ns", "12.4 ms", "3.20 s", "2 min 5.0 s". */
export function formatDuration(ns: number): string {
  const size = Math.abs(ns);
  // Each unit ends where its rounded figure would reach the next one: 999.96 µs is 1.0 ms.
  if (size < 999.5) return `${Math.round(ns)} ns`;
  if (size < 999.95e3) return `${(ns / 1e3).toFixed(1)} µs`;
  if (size < 999.95e6) return `${(ns / 1e6).toFixed(1)} ms`;
  if (size < 59.995e9) return `${(ns / 1e9).toFixed(2)} s`;
  const sign = ns < 0 ? '-' : '';
  const tenths = Math.round(size / 1e8);
  if (tenths < 36_000) return `${sign}${Math.floor(tenths / 600)} min ${((tenths % 600) / 10).toFixed(1)} s`;
  const minutes = Math.round(size / 60e9);
  return `${sign}${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
