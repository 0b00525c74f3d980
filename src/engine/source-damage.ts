/** What is wrong with an open file, for whoever says how sure a statement about it is. */
import { count } from '../base/words.ts';
import type { Damage } from '../diagnose/damage.ts';
import type { LoadedSource } from './load-source.ts';

/** What is wrong with a source; null: it was read whole. */
export function damageOf(loaded: LoadedSource): Damage | null {
  const { file, data, error } = loaded;
  const left = `${count(data.skipped, 'event or value', 'events or values')} could not be read and ${data.skipped === 1 ? 'was' : 'were'} left out`;
  const what = [
    ...(error === null || (data.rows === 0 && data.devices.length === 0)
      ? []
      : [`it could not be read to its end (${error.code})`]),
    ...(data.damage === undefined && data.skipped > 0 ? [left] : []),
    ...(data.damage === undefined || data.damage === null ? [] : [data.damage]),
    ...(data.contradictions ?? []),
  ];
  return what.length === 0 ? null : { file, what: what.join(', and '), most: 'medium' };
}
