/** The panel of one allocation as data. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { DeviceView, LifeAnswer } from '../../engine/protocol.ts';
import type { Fact } from '../device/moment.ts';
import { formatInstant } from '../parts/words.ts';

export interface LifeModel {
  readonly heading: string;
  readonly facts: readonly Fact[];
  /** "3 of 17 alive from this line" */
  readonly siblings: string;
  /** What leads on: rows of the recording. */
  readonly moments: readonly { readonly text: string; readonly row: number }[];
}

const fact = (name: string, value: string, more: Partial<Pick<Fact, 'title' | 'mono'>> = {}): Fact => ({
  name,
  value,
  title: null,
  mono: false,
  ...more,
});

/** memory_viz's name of an allocation: its address and how often the address had been used before. */
export const lifeName = ({ address, reuse }: Pick<LifeAnswer, 'address' | 'reuse'>): string =>
  `b${address.slice(2)}_${reuse}`;

export function lifetimeWords(
  { madeNs, endedNs, madeRow, endedRow }: Pick<LifeAnswer, 'madeNs' | 'endedNs' | 'madeRow' | 'endedRow'>,
  clock: DeviceView['clock'],
): string {
  if (endedRow === null) return 'never freed in the recording';
  if (madeRow === null) return 'made before the recording';
  if (clock === 'none' || madeNs === null || endedNs === null) return count(endedRow - madeRow, 'event');
  return formatDuration(endedNs - madeNs);
}

export function lifeModel(life: LifeAnswer, clock: DeviceView['clock'], unit: ByteUnit): LifeModel {
  const when = (ns: number | null, row: number | null, none: string): string =>
    row === null
      ? none
      : clock === 'none' || ns === null
        ? `event ${formatInteger(row)}`
        : formatInstant(ns, 1000);
  const bytes = (size: number): string => `${formatInteger(size)} bytes`;
  const { blockSize, requested, sameStack } = life;
  const facts = [
    fact('Requested', formatBytes(requested, unit), { title: bytes(requested) }),
    fact('Exactly', bytes(requested)),
    blockSize === null
      ? null
      : fact('Block', formatBytes(blockSize, unit), {
          title: `${bytes(blockSize)}: ${bytes(blockSize - requested)} are rounding`,
        }),
    blockSize === null || blockSize === requested
      ? null
      : fact('Rounding', formatBytes(blockSize - requested, unit), { title: bytes(blockSize - requested) }),
    fact('Address', life.address, { mono: true }),
    fact('Name in memory_viz', lifeName(life), { mono: true }),
    life.lives > 1 ? fact('Lives at this address', `${life.reuse + 1} of ${life.lives}`) : null,
    fact('Stream', life.stream, { mono: true }),
    life.pool === null ? null : fact('Pool or kind', life.pool.replaceAll('_', ' ')),
    fact('Allocated', when(life.madeNs, life.madeRow, 'before the recording')),
    fact('Freed', when(life.endedNs, life.endedRow, 'never in the recording')),
    life.freedRow === null
      ? null
      : fact('Free requested', `event ${formatInteger(life.freedRow)}`, {
          title: 'From there on it waited for another stream (record_stream).',
        }),
    fact('Lifetime', lifetimeWords(life, clock)),
  ];
  const moments = [
    life.madeRow === null ? null : { text: 'Where it was allocated', row: life.madeRow },
    life.endedRow === null ? null : { text: 'Where it was freed', row: life.endedRow },
  ];
  return {
    heading: `${formatBytes(requested, unit)} from ${life.label}`,
    facts: facts.filter((one) => one !== null),
    siblings:
      life.stack === null
        ? ''
        : `${count(sameStack.alive, 'allocation')} of ${formatInteger(sameStack.made)} from this stack ${sameStack.alive === 1 ? 'was' : 'were'} alive then: ${formatBytes(sameStack.aliveBytes, unit)}.`,
    moments: moments.filter((one) => one !== null),
  };
}
