/** A rank as the readers give it. */
import type { Rank } from '../../src/base/rank.ts';

export const rankNamed = (name = '', start = 1, pod = ''): Rank => ({ name, start, pod });
