/** How findings write numbers, lines of code and what can be copied. Amounts stay numbers in texts (base/amounts.ts). */
import { amount, exactAmount } from '../base/amounts.ts';

/** An amount, shown as "4.56 GiB" in the unit of the reader. */
export const size = amount;

/** Shown as "4.56 GiB (4,900,978,688 bytes)": for figures that others are held against. */
export const exactSize = exactAmount;

/** A line to run or set as it is, inside a remedy: the page offers it for copying, text and JSON have it bare. */
export const code = (line: string): string => `\`${line}\``;

/** A remedy without the marks of what can be copied. */
export const plainRemedy = (remedy: string | null): string | null => remedy?.replaceAll('`', '') ?? null;

/** A label of a stack ("name  file.py:12") inside a sentence: "name (file.py:12)". */
export const inSentence = (label: string): string => label.replace(/^(.*?) {2}(.+)$/, '$1 ($2)');
