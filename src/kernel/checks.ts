/** What both implementations of the kernels refuse: ranges outside of their columns. */
import type { Resident } from './kernels.ts';

/** `offsets` must be ascending and end within `elements`. */
export function checkOffsets(offsets: Uint32Array, elements: number): void {
  for (let i = 1; i < offsets.length; i++) {
    if (offsets[i] < offsets[i - 1]) {
      throw new RangeError(`Pixel column ${i - 1} ends at ${offsets[i]}, before its start.`);
    }
  }
  if (offsets.length > 0 && offsets[offsets.length - 1] > elements) {
    throw new RangeError(`Pixel columns end at ${offsets[offsets.length - 1]}, past ${elements} values.`);
  }
}

/** [from, to) must lie within `elements`. */
export function checkRange(from: number, to: number, elements: number): void {
  const whole = Number.isInteger(from) && Number.isInteger(to);
  if (!whole || from < 0 || from > to || to > elements) {
    throw new RangeError(`Rows [${from}, ${to}) do not lie within ${elements} rows.`);
  }
}

/** Columns of lives must be of one length, and moments ascending. */
export function checkLives(spans: Resident, sizes: Resident, keys: Resident, moments: Int32Array): void {
  if (spans.length !== sizes.length || spans.length !== 2 * keys.length)
    throw new RangeError(
      `${spans.length / 2} spans, ${sizes.length / 2} sizes and ${keys.length} keys are not of the same lives.`,
    );
  for (let i = 1; i < moments.length; i++)
    if (moments[i] < moments[i - 1])
      throw new RangeError(`Moment ${i} is row ${moments[i]}, before the one in front of it.`);
}

/** A column of `elements` 64-bit values must fit the kernels' largest resident. */
export function checkLength(elements: number, maxLength: number): void {
  if (elements > maxLength) {
    throw new RangeError(`A column of ${elements} values is longer than the ${maxLength} that fit here.`);
  }
}
