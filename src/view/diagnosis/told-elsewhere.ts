/** What a log tells and is said of the recording of the same run: the log's own page leads there. */
import { amountsIn } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import type { Diagnosis, Severity } from '../../engine/protocol.ts';

export interface ToldElsewhere {
  /** Page of the device. */
  readonly deviceKey: string;
  /** "serve.pickle, GPU 0". */
  readonly where: string;
  readonly severity: Severity;
  readonly title: string;
}

/** `source`: id of the log. Findings of several devices are one each. */
export const toldElsewhere = (
  { findings }: Diagnosis,
  source: number,
  unit: ByteUnit,
): readonly ToldElsewhere[] =>
  findings
    .flatMap((finding) => [finding, ...(finding.also ?? [])])
    .flatMap(({ toldBy = [], deviceKey, device, severity, title }) => {
      const told = toldBy.find((one) => one.source === source);
      if (told === undefined || deviceKey === null) return [];
      const where = device === null ? told.recording : `${told.recording}, GPU ${device}`;
      return [{ deviceKey, where, severity, title: amountsIn(title, unit) }];
    });
