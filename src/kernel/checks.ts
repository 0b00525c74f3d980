/** What both implementations of the kernels refuse: ranges outside of their columns. */

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

/** A column of `elements` 64-bit values must fit the kernels' largest resident. */
export function checkLength(elements: number, maxLength: number): void {
  if (elements > maxLength) {
    throw new RangeError(`A column of ${elements} values is longer than the ${maxLength} that fit here.`);
  }
}
