import { describe, expect, it } from 'vitest';
import { type ExpressionScope, parseFilter } from '../../../src/analyze/lives/life-expression.ts';
import type { LifeFilter } from '../../../src/analyze/lives/life-filter.ts';
import { StackTable } from '../../../src/trace/stack-table.ts';

const stacks = new StackTable();
const frame = (name: string, file: string, line: number): number => stacks.internFrame(name, file, line);
const main = stacks.child(0xffffffff, frame('main', '/home/me/my runs/train.py', 10));
const attention = stacks.child(main, frame('forward', 'models/attention.py', 41));
const mlp = stacks.child(main, frame('forward', 'models/mlp.py', 7));

const scope: ExpressionScope = {
  streams: ['0', '7', '77'],
  groups: ['large_pool', 'small_pool'],
  stacks,
  rows: 100,
  peakRow: 60,
  origin: 0x7fe5,
  labelOf: (stack) => {
    const [inner] = stack === 0xffffffff ? [] : stacks.stack(stack);
    return inner === undefined ? 'no stack' : `${inner.name} ${inner.filename}:${inner.line}`;
  },
  rowAt: (ns) => Math.min(100, Math.ceil(ns / 1e6)),
};

function filterOf(text: string): LifeFilter {
  const parsed = parseFilter(text, scope);
  if (!parsed.ok) throw new Error(parsed.fault.why);
  return parsed.filter;
}

const faultOf = (text: string): string => {
  const parsed = parseFilter(text, scope);
  if (parsed.ok) throw new Error(`"${text}" is a filter`);
  return `${text.slice(parsed.fault.from, parsed.fault.to)}: ${parsed.fault.why}`;
};

const nodes = (text: string): number[] => [...(filterOf(text).stacks ?? [])];

describe('a typed filter', () => {
  it('has sizes with every comparison, and narrows them by more', () => {
    expect(filterOf('size>1MiB').requested).toEqual({ least: 2 ** 20 + 1, most: Infinity });
    expect(filterOf('>=512 <1kb').requested).toEqual({ least: 512, most: 999 });
    expect(filterOf('=24576').requested).toEqual({ least: 24576, most: 24576 });
    expect(filterOf('requested<=1.5KiB').requested).toEqual({ least: -Infinity, most: 1536 });
  });

  it('has times, streams, pools and states', () => {
    expect(filterOf('lifetime<5ms').lifetimeNs).toEqual({ least: -Infinity, most: 5e6 - 1 });
    expect([...(filterOf('stream:7').streams ?? [])]).toEqual([1]);
    expect([...(filterOf('-stream:7').streams ?? [])]).toEqual([0, 2]);
    expect([...(filterOf('pool:small').groups ?? [])]).toEqual([1]);
    expect(filterOf('never-freed').neverFreed).toBe(true);
    expect(filterOf('freed').neverFreed).toBe(false);
  });

  it('has moments and ranges, by time and by event', () => {
    expect(filterOf('live@peak').aliveAfter).toBe(60);
    expect(filterOf('live@end').aliveAfter).toBe(99);
    expect(filterOf('live@12').aliveAfter).toBe(12);
    expect(filterOf('live@5ms').aliveAfter).toBe(5);
    expect(filterOf('5ms..8ms').aliveIn).toEqual([5, 8]);
    expect(filterOf('made:10..20 ended:30..40')).toMatchObject({ madeIn: [10, 20], endedIn: [30, 40] });
  });

  it('has addresses in every spelling, less the origin', () => {
    expect(filterOf('0x7fe592000000').addresses).toEqual([0x92000000, 0x92000001]);
    expect(filterOf('b7fe592000000_2')).toMatchObject({ addresses: [0x92000000, 0x92000001], reuse: 2 });
  });

  it('has frames by name, file, line and expression; all of them together, and not', () => {
    expect(nodes('frame:attention')).toEqual([0, 1, 0]);
    expect(nodes('attention.py:41')).toEqual([0, 1, 0]);
    expect(nodes('models/mlp.py')).toEqual([0, 0, 1]);
    expect(nodes('frame:/ATT|mlp/')).toEqual([0, 1, 1]);
    expect(nodes('forward -mlp')).toEqual([0, 1, 0]);
    expect(nodes('"my runs/train.py"')).toEqual([1, 1, 1]);
    expect(filterOf('-mlp').passesStackless).toBe(true);
    expect(filterOf('mlp -attention').passesStackless).toBe(false);
    expect(filterOf('/home/me/nowhere').stacks).toEqual(new Uint8Array(3));
    expect(mlp).toBe(2);
    expect(attention).toBe(1);
  });

  it('has the line that made it, whole and alone, and not', () => {
    expect(nodes('made-by:"forward models/mlp.py:7"')).toEqual([0, 0, 1]);
    expect(nodes('made-by:"forward models/mlp.py"')).toEqual([0, 0, 0]);
    expect(nodes('-made-by:"forward models/mlp.py:7"')).toEqual([1, 1, 0]);
    expect(filterOf('made-by:"no stack"').passesStackless).toBe(true);
    expect(filterOf('-made-by:"no stack"').passesStackless).toBe(false);
    expect(filterOf('made-before freed')).toMatchObject({ madeIn: [-1, 0], neverFreed: false });
  });

  it('is empty without words', () => {
    expect(filterOf('  ')).toEqual({});
  });

  it('says where it is none, and why', () => {
    expect(faultOf('forward size>1Mib5')).toBe('size>1Mib5: "1Mib5" is no size: write 512, 1MiB, 2.5GiB');
    expect(faultOf('lifetime<5')).toContain('no time');
    expect(faultOf('stream:9')).toContain('there is no stream "9"');
    expect(faultOf('live@noon')).toContain('no moment');
    expect(faultOf('live@100')).toContain('no moment');
    expect(faultOf('made:now')).toContain('no range');
    expect(faultOf('8ms..5ms')).toContain('ends before it begins');
    expect(faultOf('frame:/(/')).toContain('no regular expression');
    expect(faultOf('->1MiB')).toContain('left out');
  });
});
