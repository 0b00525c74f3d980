/**
 * Figures with their labels in a line of any program:
 *
 *   [t] Allocated: 3123.0 MB | Reserved: 3756.0 MB     two figures, label before
 *   2.283 GB of memory reserved.                       label behind
 *   device memory used/total (GB): 12.31/79.15         two figures, one label, unit in it
 *   GPU: ALLOCATED: 1.2GB (max: 1.5GB)                 "max" of what stands before
 *
 * One pass over the line; nothing is looked for twice.
 */
import { isNoLevel, isOfGpu, isOnlyPeak, type Meaning, meaningOf, unitIn, wordsOf } from './printed-words.ts';

export interface PrintedFigure {
  readonly meaning: Meaning;
  /** As printed, without thousands separators. */
  readonly digits: string;
  /** "MB", "GiB", "B", "M" (a letter alone); null: none is printed. */
  readonly unit: string | null;
  /** Where its label and it begin in the line. */
  readonly from: number;
  readonly at: number;
  readonly label: string;
}

interface Token {
  readonly at: number;
  readonly end: number;
  readonly digits: string;
  readonly unit: string | null;
  readonly isShare: boolean;
}

const NUMBER =
  /(?<![\w.])[-+]?\d[\d,]{0,20}(?:\.\d{1,20})?(?:e[-+]?\d{1,3})?(?![\d])(?: ?(?:([KMGT]i?B|bytes?|B|Gb|Mb|Kb)(?![A-Za-z])|([MGKT])(?![A-Za-z\d])|(%)))?/gi;
/** What a number is no figure behind: the name of a device, a step. */
const NAMED =
  /\b(?:GPU|NPU|XPU|cuda|hip|device|card|rank|node|worker|layer|step|epoch|batch|iter(?:ation)?|stage)[ #:_-]{0,2}$/i;
/** Longer labels are prose. */
const LONGEST_LABEL = 90;
/** What ends a label to the left of it. */
const BREAKS = /[|;{}\u2502\u00b7]| {3,}|\t|, (?=\S)|,(?=['"])| - |\. (?=[A-Z])|\](?=\s)/g;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(NUMBER)) {
    const hasUnit = match[1] !== undefined || match[2] !== undefined || match[3] !== undefined;
    if (!hasUnit && NAMED.test(text.slice(Math.max(0, match.index - 12), match.index))) continue;
    const digits = /^[-+]?[\d,]*\d(?:\.\d+)?(?:e[-+]?\d+)?/i.exec(match[0])?.[0] ?? match[0];
    tokens.push({
      at: match.index,
      end: match.index + match[0].length,
      digits: digits.replaceAll(',', ''),
      unit: match[1] ?? match[2] ?? null,
      isShare: match[3] !== undefined,
    });
  }
  return tokens;
}

/** The part of `text` that is the label of what follows it. */
function labelBefore(text: string): { readonly label: string; readonly from: number } {
  let from = 0;
  for (const match of text.matchAll(BREAKS)) {
    const end = match.index + match[0].length;
    // A bar or a run of blanks right before the figure is no break but what stands between.
    if (/[A-Za-z]/.test(text.slice(end))) from = end;
  }
  return { label: text.slice(from), from };
}

const labelBehind = (text: string): string => /^[^|;,.{}()\d]{0,60}/.exec(text)?.[0] ?? '';

/** Words of a label that end it: a figure is named by what stands right before it. */
function lastWords(label: string): string[] {
  return wordsOf(label.slice(-LONGEST_LABEL));
}

const PAIR = /^\s{0,3}(?:\/|of|out of)\s{0,3}$/;
const isInteger = (digits: string): boolean => /^\d+$/.test(digits);
/** Without a unit, smaller numbers are no bytes. */
const LEAST_BYTES = 2 ** 20;

/**
 * Aliases of a program's own words: label in words, joined by a blank; null: no level of memory. "* with" stands for
 * every label that ends so.
 */
export type Aliases = Readonly<Record<string, Partial<Meaning> | null>>;

export interface FigureOptions {
  readonly aliases?: Aliases;
  /** Unit of figures that are printed without one; null: such are bytes where they look it. */
  readonly bare?: string | null;
}

const aliasOf = (words: readonly string[], aliases: Aliases): Partial<Meaning> | null | undefined => {
  const name = words.join(' ');
  if (Object.hasOwn(aliases, name)) return aliases[name];
  const ending = `* ${words.at(-1) ?? ''}`;
  return Object.hasOwn(aliases, ending) ? aliases[ending] : undefined;
};

const PLAIN: Meaning = { quantity: 'used', peak: false, scope: 'program', named: true };

/** The figures of memory of one line, in its order. */
export function figuresOf(text: string, { aliases = {}, bare = null }: FigureOptions = {}): PrintedFigure[] {
  const tokens = tokensOf(text);
  const figures: PrintedFigure[] = [];
  let unitOfLine: string | null = null;
  let before: Meaning | null = null;
  let end = 0;
  tokens.forEach((token, i) => {
    const between = text.slice(end, token.at);
    const start = end;
    end = token.end;
    const next = i + 1 < tokens.length ? tokens[i + 1] : null;
    const isSecond = i > 0 && PAIR.test(between) && figures.at(-1)?.at === tokens[i - 1].at;
    if (isSecond) {
      // "used / total unit": the unit stands behind the pair or in its label.
      const first = figures[figures.length - 1];
      const unit = token.unit ?? first.unit;
      if (token.isShare) return;
      const isFreeFirst = /free\s*\/\s*total/i.test(first.label);
      figures[figures.length - 1] = {
        ...first,
        unit: first.unit ?? unit,
        meaning: isFreeFirst ? { ...first.meaning, quantity: 'free' } : first.meaning,
      };
      const meaning: Meaning = { ...first.meaning, quantity: 'total', peak: false };
      figures.push({ meaning, digits: token.digits, unit, from: token.at, at: token.at, label: 'total' });
      return;
    }
    const { label, from } = labelBefore(between);
    const words = lastWords(label);
    const unitOfLabel = unitIn(words);
    const own = words.filter((word) => unitIn([word]) === null);
    const alias = aliasOf(own, aliases);
    // A line's "memory (MB) |" is for all that follow.
    if (/\((?:[KMGT]i?B|bytes)\)/i.test(between))
      unitOfLine = unitOfLabel ?? unitIn(wordsOf(between)) ?? unitOfLine;
    if (token.isShare || alias === null) return;
    let meaning: Meaning | null;
    let usedLabel = label;
    if (alias !== undefined) meaning = { ...PLAIN, ...alias };
    else if (isOnlyPeak(own) && before !== null)
      // "(max: 1.5GB)" is of what stands before; "| peak: 1.5GB" may be of anything.
      meaning =
        /[|;,\u2502]/.test(between) && !between.includes('(')
          ? { ...PLAIN, peak: true }
          : { ...before, peak: true };
    else {
      // "used/total (GB): 1/2": what stands first is the first figure's.
      const slash = /\b(?:used|free|allocated)\s?\/\s?total\b/i.exec(label);
      meaning = slash === null ? meaningOf(own) : meaningOf(wordsOf(label.replace(/\/\s?total/i, '')));
      const connects = /[:=]\s{0,12}['"]?\s{0,12}$|\b(?:is|of|was|at|to)\s?$|\)\s{0,3}$/i.test(label);
      if (
        meaning !== null &&
        !connects &&
        !/(?:allocated|alloc|reserved|cached|usage|used|mem|memory)[\s"'|]{1,6}$/i.test(label)
      )
        meaning = null;
      const isPair =
        next !== null &&
        token.unit !== null &&
        next.unit !== null &&
        PAIR.test(text.slice(token.end, next.at));
      if (meaning === null && isPair && isOfGpu(own)) meaning = PLAIN;
      // "Allocated 63.29 GiB for the KV cache" is something done, no level.
      if (meaning !== null && !connects && /^\s{1,3}(?:for|to)\s/.test(text.slice(token.end, token.end + 8)))
        meaning = null;
      if (meaning === null && token.unit !== null && !connects && !isNoLevel(own)) {
        const stop = next === null ? text.length : next.at;
        usedLabel = labelBehind(text.slice(token.end, Math.min(stop, token.end + 80)));
        meaning = meaningOf(wordsOf(usedLabel));
        if (meaning !== null && !meaning.named) meaning = null;
      }
    }
    if (meaning === null) return;
    const isPaired = next !== null && PAIR.test(text.slice(token.end, next.at));
    const unit =
      token.unit ??
      (isPaired ? next.unit : null) ??
      unitOfLabel ??
      bare ??
      unitOfLine ??
      bytesOf(token, meaning);
    if (unit === null) return;
    before = meaning;
    figures.push({ meaning, digits: token.digits, unit, from: start + from, at: token.at, label: usedLabel });
  });
  return figures;
}

/** PyTorch's functions return bytes: a large whole number without a unit is that. */
const bytesOf = ({ digits }: Token, { named }: Meaning): string | null =>
  named && isInteger(digits) && Number(digits) >= LEAST_BYTES ? 'B' : null;
