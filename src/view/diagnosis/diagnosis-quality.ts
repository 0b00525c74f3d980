/** How much of a recording can be relied on, in one line, and why no more. */
import { percent } from '../../base/words.ts';
import type { DeviceDiagnosis } from '../../engine/protocol.ts';

export interface QualityModel {
  /** "Data quality: high". */
  readonly words: string;
  /** What bears on it in few words: "10.6 % of live bytes without a stack". */
  readonly facts: readonly string[];
  readonly sentences: readonly string[];
  /** Settings in force as an environment line; null: not known, or the defaults. */
  readonly settings: string | null;
}

const BEGAN: Readonly<Record<string, string>> = {
  empty: 'recorded from the start',
  overwritten: 'its oldest events are lost',
  late: 'begins in the middle',
  unknown: 'may begin in the middle',
  no_events: 'a final state without events',
};

export function qualityModel({ quality }: DeviceDiagnosis): QualityModel {
  const { confidence, began, sentences, shareWithoutFrames: without, settings } = quality;
  const facts = [
    Object.hasOwn(BEGAN, began) ? BEGAN[began] : '',
    without === null
      ? ''
      : without === 0
        ? 'every live byte has its stack'
        : without === 1
          ? 'no live byte has a stack, so no line can be named'
          : `${percent(without)} of live bytes have no stack`,
  ];
  return {
    // Of the bytes; that no line is known beside them does not make them less exact.
    words: `Figures: ${confidence}`,
    facts: facts.filter((fact) => fact !== ''),
    sentences,
    // A line that sets nothing says nothing.
    settings: settings === null || settings.endsWith('=') ? null : settings,
  };
}
