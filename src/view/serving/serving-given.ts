/** What is typed into the form of a server, read. */
import type { Result } from '../../base/result.ts';
import { fail, ok } from '../../base/result.ts';

/** More GPUs than any one host has. */
const MOST_GPUS = 1024;

/** Empty: null, as many as the log names. */
export function parseGpus(text: string): Result<number | null, string> {
  const typed = text.trim();
  if (typed === '') return ok(null);
  const value = Number(typed);
  if (!/^\d+$/.test(typed) || value < 1 || value > MOST_GPUS)
    return fail(`"${typed}" is no number of GPUs: a whole number from 1 to ${MOST_GPUS}, or nothing.`);
  return ok(value);
}

/** A config.json has some thousand characters; a file of weights or a log was taken for one. */
const MOST_TEXT = 1_000_000;

/** Empty: null, none. What the text says is read by the engine. */
export function parseConfigText(text: string): Result<string | null, string> {
  const typed = text.trim();
  if (typed.length > MOST_TEXT)
    return fail('This is too long for a config.json: it has more than a million characters.');
  return ok(typed === '' ? null : typed);
}
