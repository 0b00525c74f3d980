/** Buttons that choose the moment that a panel speaks of. */
import { html } from 'lit';
import type { DeviceDiagnosis } from '../../engine/protocol.ts';
import { formatInteger } from '../../base/units.ts';

/** End of the recording, where most was reserved, an out-of-memory error, or the event that is shown. */
export type When = DeviceDiagnosis['ledgers'][number]['when'] | 'event';

export const NO_EVENT = 'Click the timeline first: the event there is the moment.';
export const REPLAYING = 'Replaying to that event…';
export const NOT_REPLAYED = 'The allocator could not be replayed to that event.';

const LABEL: Readonly<Record<When, string>> = {
  end: 'At the end',
  peak: 'At the peak',
  oom: 'At the error',
  event: 'At the event shown',
};

export const renderMoments = (
  name: string,
  moments: readonly When[],
  current: When,
  choose: (when: When) => void,
): unknown =>
  html`<span class="group" role="group" aria-label=${name}>
    ${moments.map(
      (when) =>
        html`<button aria-pressed=${when === current ? 'true' : 'false'} @click=${() => choose(when)}>
          ${LABEL[when]}
        </button>`,
    )}
  </span>`;

const MORE: Readonly<Record<When, string>> = {
  end: ', the last one',
  peak: ', where most was reserved',
  oom: ', the first out-of-memory error',
  event: '',
};

/** "Just after event 6,420, where most was reserved." */
export function momentWords(when: When, row: number): string {
  return `Just after event ${formatInteger(row)}${MORE[when]}.`;
}
