/** Commands found by a few letters of their names. */
import { describe, expect, it } from 'vitest';
import { actionOf, BINDINGS } from '../../src/view/shell/keys.ts';
import { type Command, fit, found } from '../../src/view/shell/palette.ts';

const commands = [
  ...['Zoom in', 'Zoom out', 'Theme: dark', 'Theme: light'],
  ...['Open files', 'View: Stacks', 'Unit: GiB', 'Go to a.pickle, GPU 0'],
].map((label): Command => ({ label, key: '', run: () => undefined }));
const labels = (typed: string): string[] => found(commands, typed).map(({ label }) => label);

describe('what fits', () => {
  it('is everything where nothing is typed, in its order', () => {
    expect(labels(' ')).toEqual(commands.map(({ label }) => label));
  });

  it.each([
    ['zout', 'Zoom out'],
    ['zi', 'Zoom in'],
    ['thda', 'Theme: dark'],
    ['THEME LI', 'Theme: light'],
    ['st', 'View: Stacks'],
    ['gib', 'Unit: GiB'],
    ['a.pick', 'Go to a.pickle, GPU 0'],
  ])('%s leads to %s', (typed, label) => expect(labels(typed)[0]).toBe(label));

  it('is nothing where a letter is missing, or stands in another order', () => {
    expect(labels('zq')).toEqual([]);
    expect(fit('Zoom in', 'niz')).toBeNull();
    for (const odd of ['(', '[', '\\', '^$']) expect(labels(odd)).toEqual([]);
  });
});

it('Ctrl+Shift+P is the palette, and Ctrl+P stays the browser’s', () => {
  const press = { key: 'P', ctrlKey: true, metaKey: false, altKey: false };
  expect(actionOf({ ...press, shiftKey: true })).toBe('palette');
  expect(actionOf(press)).toBeNull();
  expect(BINDINGS.some(({ action }) => action === 'palette')).toBe(true);
});
