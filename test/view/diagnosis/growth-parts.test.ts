import { describe, expect, it } from 'vitest';
import type { GrowthPartView } from '../../../src/engine/protocol.ts';
import { growthPartsTable, growthPartsWords } from '../../../src/view/diagnosis/growth-parts.ts';
import { deviceDiagnosis } from './diagnosis-for-test.ts';

const MIB = 2 ** 20;
const part = (name: string, changes: Partial<GrowthPartView>): GrowthPartView => ({
  by: 'line',
  name,
  stack: 1,
  series: 'allocated',
  kind: 'none',
  confidence: 'high',
  boundBytes: null,
  slopeBytesPerIteration: null,
  iterations: 4,
  window: null,
  statistic: '',
  why: [],
  first: 0,
  last: 0,
  ...changes,
});

describe('growth of streams and lines', () => {
  const growthParts = [
    part('load  a.py:1', { kind: 'none', boundBytes: 5 * MIB, first: 5 * MIB, last: 5 * MIB }),
    part('7', { by: 'stream', stack: null, kind: 'warm_up_plateau', boundBytes: 9 * MIB, last: 9 * MIB }),
    part('slow  a.py:2', { kind: 'linear_leak', slopeBytesPerIteration: MIB, last: 4 * MIB }),
    part('fast  a.py:3', { kind: 'linear_leak', slopeBytesPerIteration: 2.5 * MIB, last: 10 * MIB }),
    part('odd  a.py:4', { kind: 'cannot_tell' }),
  ];
  const table = growthPartsTable(deviceDiagnosis({ growthParts }), 'binary');

  it('has those that grow on first, the fastest of them before the others', () => {
    expect(table?.rows.map(({ cells }) => cells[0].text)).toEqual([
      'fast  a.py:3',
      'slow  a.py:2',
      'stream 7',
      'odd  a.py:4',
      'load  a.py:1',
    ]);
    expect(table?.rows.map(({ key }) => key)).toEqual(['3', '2', '1', '4', '0']);
  });

  it('says how far each goes, to the byte on demand', () => {
    expect(table?.rows.map(({ cells }) => cells[3].text)).toEqual([
      '2.5 MiB per iteration',
      '1 MiB per iteration',
      'at 9 MiB',
      '',
      'at 5 MiB',
    ]);
    expect(table?.rows[0].cells[3].title).toBe('2,621,440 bytes per iteration');
  });

  it('is summed up by the verdicts, the worse first', () => {
    expect(growthPartsWords(deviceDiagnosis({ growthParts }))).toBe(
      'grows on: 2; grew, then stays: 1; cannot tell: 1; does not grow: 1',
    );
  });

  it('is not there where nothing is known of parts', () => {
    expect(growthPartsTable(deviceDiagnosis(), 'binary')).toBeNull();
  });
});
