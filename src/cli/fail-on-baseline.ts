/**
 * Conditions that hold a run against a baseline:
 *
 *   allocated>+1%, requested>+64MiB      more than the baseline at its peak, by a share or by bytes
 *   reserved>+10%                        the same of what is reserved, which varies with the pool's history
 *   line>+64MiB                          a line holds so much more at the peak of what was asked for
 *   new-line>64MiB                       a line that the baseline has not holds so much
 */
import { formatBytes } from '../base/units.ts';
import { percentChange } from '../base/words.ts';
import type { AnalysisBaseline, BaselineDevice, BaselineFigure } from '../engine/document/baseline.ts';
import type { Condition } from './condition.ts';

export const BASELINE_FIGURES = ['allocated', 'requested', 'reserved'] as const;

const bytes = (value: number): string => formatBytes(value, 'binary');

/** How much more of a figure is too much: bytes of what it was. */
type Limit = (was: number) => number;

const nameOf = ({ device }: BaselineDevice): string =>
  device < 0 ? 'pinned host memory' : `device ${device}`;

const NO_BASELINE = 'not known: there is no baseline';

function ofDevices(
  baseline: AnalysisBaseline | null | undefined,
  each: (device: BaselineDevice) => readonly string[],
): readonly string[] {
  return baseline == null ? [] : baseline.devices.flatMap(each);
}

const openOf = (
  baseline: AnalysisBaseline | null | undefined,
  each: (device: BaselineDevice) => readonly string[],
): readonly string[] =>
  baseline == null
    ? [NO_BASELINE]
    : [
        ...(baseline.devices.length + baseline.unknown_devices.length === 0
          ? ['not known: this run tells of no device']
          : baseline.unknown_devices.map(
              (device) => `device ${device}: not known, the baseline has no such device`,
            )),
        ...baseline.devices.flatMap(each),
      ];

function figureCondition(text: string, figure: BaselineFigure['figure'], limit: Limit): Condition {
  const find = ({ figures }: BaselineDevice): BaselineFigure => figures.find((one) => one.figure === figure)!;
  return {
    text,
    needsBaseline: true,
    met: (_, baseline) =>
      ofDevices(baseline, (device) => {
        const { was_bytes: was, now_bytes: now, note } = find(device);
        if (was === null || now === null || now - was <= limit(was)) return [];
        const share = was === 0 ? '' : `, ${percentChange((now - was) / was)}`;
        return [
          `${nameOf(device)}: ${figure} ${bytes(now)} at its peak, ${bytes(was)} in the baseline (+${bytes(now - was)}${share}${note === null ? '' : `; it ${note}`})`,
        ];
      }),
    open: (_, baseline) =>
      openOf(baseline, (device) => {
        const { difference_bytes: difference, note } = find(device);
        return difference === null ? [`${nameOf(device)}: not known, ${note ?? ''}`] : [];
      }),
  };
}

function lineCondition(text: string, isNew: boolean, limit: number): Condition {
  return {
    text,
    needsBaseline: true,
    met: (_, baseline) =>
      ofDevices(baseline, (device) =>
        (device.lines ?? [])
          .filter(({ is_new: fresh, difference_bytes: more }) => (fresh || !isNew) && more > limit)
          .map(
            ({ place, was_bytes: was, now_bytes: now, is_new: fresh }) =>
              `${nameOf(device)}: ${place} holds ${bytes(now)} at the peak, ${fresh ? 'and is not in the baseline' : `${bytes(was)} in the baseline`}`,
          ),
      ),
    open: (_, baseline) =>
      openOf(baseline, (device) =>
        device.lines === null ? [`${nameOf(device)}: not known, one of the two does not tell its lines`] : [],
      ),
  };
}

/** null: not such a condition; a string: one that cannot be used, and why. `size`: bytes of "64MiB"; null: no size. */
export function baselineCondition(
  part: string,
  size: (text: string) => number | null,
): Condition | string | null {
  const found = /^([a-z-]+)\s*>\s*(\+?)\s*(.+)$/.exec(part);
  if (found === null) return null;
  const [, name, plus, amount] = found;
  if (name === 'new-line' || (name === 'line' && plus !== '')) {
    const limit = size(amount);
    if (limit === null) return `"${amount}" is no size; write ${name}>${name === 'line' ? '+' : ''}64MiB`;
    return lineCondition(part, name === 'new-line', limit);
  }
  if (plus === '') return null;
  const figure = BASELINE_FIGURES.find((one) => one === (name === 'peak' ? 'reserved' : name));
  if (figure === undefined)
    return `"${name}" is no figure that is held against a baseline; there are ${BASELINE_FIGURES.join(', ')}, line and new-line`;
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(amount)?.[1];
  if (share !== undefined) return figureCondition(part, figure, (was) => (was * Number(share)) / 100);
  const limit = size(amount);
  return limit === null
    ? `"${amount}" is neither a share nor a size; write ${name}>+1% or ${name}>+64MiB`
    : figureCondition(part, figure, () => limit);
}
