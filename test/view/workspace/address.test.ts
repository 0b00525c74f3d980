import { describe, expect, it } from 'vitest';
import { addressOf, addressText, NO_ADDRESS, type ViewAddress } from '../../../src/view/workspace/address.ts';

const FULL: ViewAddress = {
  ...NO_ADDRESS,
  file: 'my run;1=a#b%.pickle',
  device: 3,
  view: 'stacks',
  axis: 'time',
  span: { from: 0, to: 5_200_000_001 },
  range: { from: 10.5, to: 20 },
  moment: 139440,
  selected: { kind: 'segment', address: '0x7fe592000000' },
  filter: 'frame:"kv cache" size>1MiB + 1',
  colour: 'line',
  unit: 'decimal',
};

describe('the address of a view', () => {
  it('gives back what it was made of', () => {
    expect(addressOf(addressText(FULL))).toEqual(FULL);
    expect(addressOf(addressText(NO_ADDRESS))).toEqual(NO_ADDRESS);
    for (const selected of [
      { kind: 'life', life: 12 },
      { kind: 'stack', node: 0 },
      { kind: 'event', row: 7 },
    ] as const)
      expect(addressOf(addressText({ ...NO_ADDRESS, selected }))?.selected).toEqual(selected);
  });

  it('is short, and read by people', () => {
    expect(
      addressText({ ...NO_ADDRESS, file: 'serve.pickle', device: 0, view: 'map', filter: 'stream:7' }),
    ).toBe('#1;src=serve.pickle;gpu=0;view=map;q=stream:7');
  });

  it('keeps fields that it does not know, and says which', () => {
    const read = addressOf('#2;view=map;zoom=%31;q=a');
    expect(read?.unknown).toEqual([['zoom', '%31']]);
    expect(addressText(read ?? NO_ADDRESS)).toBe('#1;view=map;q=a;zoom=%31');
  });

  it('is none without a version, and leaves out what cannot be', () => {
    expect(addressOf('')).toBeNull();
    expect(addressOf('#diagnosis')).toBeNull();
    const read = addressOf(
      '#1;view=nowhere;axis=depth;span=9..1;e=-4;sel=life:x;by=mood;gpu=one;unit=bits;q=%E0%A4',
    );
    expect(read).toEqual({ ...NO_ADDRESS, filter: '%E0%A4' });
  });
});
