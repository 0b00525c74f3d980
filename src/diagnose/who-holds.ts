/** Who consumes the memory: the lines that hold most when most is allocated; where only calls are known, the calls. */
import { count, percent } from '../base/words.ts';
import type { Holder } from '../analyze/live.ts';
import { isCallAlone } from '../analyze/stackless.ts';
import { holderLabel, NO_STACK, namesLine } from '../analyze/user-frames.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { u64At } from '../base/u64.ts';
import { evidence } from './finding.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { exactSize, inSentence, size } from './words.ts';

const MOST_LINES = 5;

interface Line {
  readonly label: string;
  /** The stack of it that holds most. */
  readonly stack: number;
  bytes: number;
  allocations: number;
}

/** Several stacks lead to one line: together they say who. */
function byLine(holders: readonly Holder[], labelOf: (stack: number) => string): Line[] {
  const lines = new Map<string, Line>();
  for (const { stack, bytes, allocations } of holders) {
    const label = labelOf(stack);
    const line = lines.get(label);
    if (line === undefined) lines.set(label, { label, stack, bytes, allocations });
    else {
      line.bytes += bytes;
      line.allocations += allocations;
    }
  }
  return [...lines.values()].sort((a, b) => b.bytes - a.bytes);
}

/** What the library keeps for a line's streams is not the line's (cublas-workspaces tells it). */
function apartFromWorkspaces(facts: DeviceFacts, row: number, holders: readonly Holder[]): readonly Holder[] {
  const { many, rows, has } = facts.workspaces;
  if (!many || row < 0) return holders;
  const { stack_index, length } = facts.trace.events;
  const held = new Map<number, { bytes: number; allocations: number }>();
  for (let at = rows[0]; at < length && at <= row; at++) {
    if (!has(at)) continue;
    const one = held.get(stack_index[at]) ?? { bytes: 0, allocations: 0 };
    // Holders count what was asked for.
    held.set(stack_index[at], {
      bytes: one.bytes + u64At(facts.trace.events.size, at),
      allocations: one.allocations + 1,
    });
  }
  return holders
    .map((holder) => ({
      ...holder,
      bytes: holder.bytes - (held.get(holder.stack)?.bytes ?? 0),
      allocations: holder.allocations - (held.get(holder.stack)?.allocations ?? 0),
    }))
    .filter(({ bytes }) => bytes > 0);
}

/** Nsight without backtraces knows the call (or the symbol), not who called. */
const isCall = (facts: DeviceFacts, stack: number): boolean => isCallAlone(facts.input.stacks, stack);

export const whoHolds: DeviceRule = (facts) => {
  // A final state without events is the one moment there is.
  const isState = facts.rows === 0;
  const row = isState ? -1 : facts.allocatedPeak.row;
  const holders = facts.holdersAfter(row);
  const total = holders.reduce((sum, holder) => sum + holder.bytes, 0);
  const bytes = isState ? total : facts.allocatedPeak.bytes;
  // What came before the first event may have been more, and held by others.
  const isLate = facts.trace.producer === 'torch' && !facts.input.baseline.whole;
  const moment = isState ? 'in the recorded state' : 'at the peak';
  const lines = byLine(
    apartFromWorkspaces(facts, row, holders).filter(({ stack }) => stack !== NO_STACK),
    (stack) => inSentence(holderLabel(facts.input.stacks, stack)),
  );
  if (lines.length === 0 || total === 0) return [];
  const library = facts.workspaces.many && row >= 0 ? facts.workspaces.held(row + 1)[row] : 0;
  const known = (lines.reduce((sum, line) => sum + line.bytes, 0) + library) / total;
  const [first] = lines;
  const named = lines.some(({ stack }) => !isCall(facts, stack));
  // Gradients have no line of Python: the operation that made them is named.
  const operations = named ? lines.filter(({ stack }) => !namesLine(facts.input.stacks, stack)).length : 0;
  const what = (n: number): string =>
    !named
      ? count(n, 'call or symbol', 'calls and symbols')
      : operations === 0
        ? `${count(n, 'line')} of code`
        : operations === n
          ? count(n, 'operation')
          : `${count(n, 'line of code or operation', 'lines of code and operations')}`;
  const shown = lines.slice(0, 3);
  const share = shown.reduce((sum, line) => sum + line.bytes, 0) / total;
  return [
    about(facts, {
      id: 'who-holds',
      severity: 'info',
      title:
        known < 0.5
          ? `${percent(1 - known)} of the bytes ${moment} have no stack`
          : `Holds most ${moment}: ${first.label} with ${size(first.bytes)}`,
      headline: `${isState ? 'In the recorded state' : 'At the peak'} (${size(bytes)}), most is held by:`,
      verdict: `${isState ? `${exactSize(bytes)} are allocated in the recorded state` : `${exactSize(bytes)} were allocated at the peak${isLate ? ' of the recording' : ''}`}: ${percent(share)} by ${
        lines.length <= shown.length
          ? what(lines.length)
          : `the first ${shown.length} of ${what(lines.length)}`
      }${library > 0 ? `, ${percent(library / total)} by workspaces of cuBLAS` : ''}.${known < 1 ? ` ${percent(1 - known)} of the bytes have no stack.` : ''}`,
      confidence: !named
        ? 'low'
        : known === 1 && operations === 0
          ? 'certain'
          : known >= 0.9
            ? 'high'
            : known >= 0.5
              ? 'medium'
              : 'low',
      confidenceWhy: !named
        ? 'How much each call holds is recorded; no line of the program that called it is.'
        : known === 1
          ? operations === 0
            ? 'Every live byte has its stack.'
            : `Every live byte has its stack; of ${operations === 1 ? 'one' : operations} of these it holds no line of Python, as in threads of the backward pass, and the operation is named instead.`
          : `${percent(1 - known)} of the bytes have no stack and could belong to any line: they were allocated before the recording, or outside of what it follows.`,
      evidence: lines
        .slice(0, MOST_LINES)
        .map((line) =>
          evidence(
            `${line.label}: ${exactSize(line.bytes)} in ${count(line.allocations, 'allocation')} (${percent(line.bytes / total)}).`,
            row < 0 ? { stack: line.stack } : { row, stack: line.stack },
          ),
        ),
      remedy: null,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Another moment: others may hold memory there.',
    }),
  ];
};
