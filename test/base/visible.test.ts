/** Text of a file as a page shows it. */
import { expect, it } from 'vitest';
import { shown } from '../../src/base/visible.ts';

it('values without anything unseen are the same objects', () => {
  const value = { name: 'layer 1\n\tof é', list: [1, null, { at: new Float64Array(3) }], when: 5n };
  expect(shown(value)).toBe(value);
});

it('marks that turn writing round, controls and escapes are written out wherever they lie', () => {
  const given = { rows: [{ name: '\u202egnp.elif' }, { name: 'plain' }], title: 'a\x1b[2Jb', own: '\ufeff' };
  const told = shown(given);
  expect(told).toEqual({
    rows: [{ name: '\\u202egnp.elif' }, { name: 'plain' }],
    title: 'a\\x1b[2Jb',
    own: '\\ufeff',
  });
  expect(told.rows[1]).toBe(given.rows[1]);
  expect(given.title).toBe('a\x1b[2Jb');
});
