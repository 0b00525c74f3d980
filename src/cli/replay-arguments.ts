/** What `vramscope replay` was asked: options to plain values. */
import { sizeOf } from '../base/size.ts';

export interface ReplayArguments {
  readonly file: string;
  readonly settings: readonly string[];
  /** Bytes; 'recorded': the least limit that the recording shows. */
  readonly cap: number | 'recorded' | null;
  /** Bytes. */
  readonly card: number | null;
  readonly emptyCacheAt: readonly number[];
  readonly device: number | null;
  readonly sweep: boolean;
  /** Sites to try; null: none asked for. */
  readonly sites: number | null;
  readonly json: boolean;
}

/** Options of one kind fit all: a name and whether a value follows it (also as --name=value). */
const OPTIONS: Readonly<Record<string, 'value' | 'flag' | 'maybe'>> = {
  '--set': 'value',
  '--cap': 'value',
  '--card': 'value',
  '--empty-cache-at': 'value',
  '--device': 'value',
  '--sweep': 'flag',
  '--sites': 'maybe',
  '--json': 'flag',
};

const MOST_SITES = 20;

/** Bytes of "8000MiB", "24GiB", "7340032000"; null: no size. */
export function bytesFrom(text: string): number | null {
  const size = sizeOf(text);
  if (size === null) return null;
  const bytes = Math.floor(size);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

const wholeFrom = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null);

/** A string is why the arguments cannot be used. */
export function replayArguments(given: readonly string[]): ReplayArguments | string {
  const files: string[] = [];
  const settings: string[] = [];
  const emptyCacheAt: number[] = [];
  const seen: { -readonly [K in 'cap' | 'card' | 'device' | 'sites']: ReplayArguments[K] } = {
    cap: null,
    card: null,
    device: null,
    sites: null,
  };
  let sweep = false;
  let json = false;
  for (let i = 0; i < given.length; i++) {
    if (given[i] === '--') {
      files.push(...given.slice(i + 1));
      break;
    }
    if (!given[i].startsWith('-')) {
      files.push(given[i]);
      continue;
    }
    const equals = given[i].indexOf('=');
    const name = equals < 0 ? given[i] : given[i].slice(0, equals);
    const takes = OPTIONS[name];
    if (takes === undefined) return `unknown option "${name}"`;
    let value = equals < 0 ? null : given[i].slice(equals + 1);
    if (takes === 'flag' && value !== null) return `${name} takes no value`;
    if (takes === 'value' && value === null) {
      if (++i >= given.length) return `${name} needs a value`;
      value = given[i];
    }
    const text = value ?? '';
    switch (name) {
      case '--set':
        settings.push(text);
        break;
      case '--cap':
        seen.cap = text === 'recorded' ? text : bytesFrom(text);
        if (seen.cap === null) return `--cap needs a size such as 8000MiB, or "recorded", not "${text}"`;
        break;
      case '--card':
        seen.card = bytesFrom(text);
        if (seen.card === null) return `--card needs a size such as 24GiB, not "${text}"`;
        break;
      case '--empty-cache-at': {
        const row = wholeFrom(text);
        if (row === null) return `--empty-cache-at needs the number of an event, not "${text}"`;
        emptyCacheAt.push(row);
        break;
      }
      case '--device':
        seen.device = wholeFrom(text);
        if (seen.device === null) return `--device needs a number, not "${text}"`;
        break;
      case '--sites':
        seen.sites = value === null ? MOST_SITES : wholeFrom(value);
        if (seen.sites === null || seen.sites === 0)
          return `--sites needs the number of sites to try, not "${text}"`;
        break;
      case '--sweep':
        sweep = true;
        break;
      default:
        json = true;
    }
  }
  if (files.length !== 1) return 'replay needs one file';
  return { file: files[0], settings, emptyCacheAt, sweep, json, ...seen };
}
