/**
 * Which frames of a stack are folded away, as rules that a person reads and edits, one a line:
 *
 *   @pytorch            a set that is known here
 *   transformers/       frames whose name or file holds this text
 *   /_call_impl$/       or this regular expression
 *   !torch/optim        keeps what an earlier line hides
 *
 * The last line that says something of a frame holds. A line that cannot be read is an error with its number.
 */
import { typedPattern } from '../base/typed-pattern.ts';
import type { Frame } from '../trace/stack-table.ts';
import { internalOwner, isNativeFrame } from './user-frames.ts';

/** Sets by name. Those of DEFAULT_RULES are what the diagnosis passes over when it looks for the user's line. */
export const RULE_SETS: readonly (readonly [name: string, what: string])[] = [
  ['@pytorch', 'PyTorch and what it is built of: torch, torchvision, triton, ...'],
  ['@carriers', 'packages that only carry out a line: einops, xformers, flash_attn, numpy, ...'],
  ['@compiled', "code that compilers wrote: TorchInductor's cache, FX, frozen modules"],
  ['@python', "Python's own library"],
  ['@native', 'the C and C++ libraries, the interpreter, thread entry points'],
  ['@packages', 'everything installed in site-packages or dist-packages'],
  ['@cpp', 'all frames of compiled code'],
];

export const DEFAULT_RULES: readonly string[] = ['@pytorch', '@carriers', '@compiled', '@python', '@native'];

type Test = (frame: Frame) => boolean;

export type FrameRules =
  | { readonly ok: true; readonly hides: Test }
  | { readonly ok: false; readonly line: number; readonly why: string };

const INSTALLED = /(^|[\\/])(site|dist)-packages[\\/]/;

function testOf(rule: string): Test | string {
  if (rule.startsWith('@')) {
    if (rule === '@packages') return ({ filename }) => INSTALLED.test(filename);
    if (rule === '@cpp') return isNativeFrame;
    if (!RULE_SETS.some(([name]) => name === rule))
      return `there is no set ${rule}; there are ${RULE_SETS.map(([name]) => name).join(', ')}`;
    return (frame) => internalOwner(frame) === rule.slice(1);
  }
  if (rule.length > 2 && rule.startsWith('/') && rule.endsWith('/')) {
    const passes = typedPattern(rule.slice(1, -1));
    if (typeof passes === 'string') return `${rule} ${passes}`;
    return ({ name, filename, line }) => passes(name) || passes(`${filename}:${line}`);
  }
  const text = rule.toLowerCase();
  return ({ name, filename, line }) =>
    name.toLowerCase().includes(text) || `${filename}:${line}`.toLowerCase().includes(text);
}

/** Empty lines say nothing. No rules hide nothing. */
export function frameRules(lines: readonly string[]): FrameRules {
  const rules: (readonly [hides: boolean, Test])[] = [];
  for (const [at, line] of lines.entries()) {
    const rule = line.trim();
    if (rule === '' || rule === '!') continue;
    const keeps = rule.startsWith('!');
    const test = testOf(keeps ? rule.slice(1).trim() : rule);
    if (typeof test === 'string') return { ok: false, line: at + 1, why: test };
    rules.push([!keeps, test]);
  }
  rules.reverse();
  return { ok: true, hides: (frame) => rules.find(([, test]) => test(frame))?.[0] ?? false };
}
