/** Order in time of rows that a file holds in another one. */

/** Rows by time; rows of one time stay as they are in the file. */
export function timeOrder(times: BigInt64Array): Uint32Array {
  const order = Uint32Array.from(times, (_, row) => row);
  const isSorted = times.every((time, row) => row === 0 || times[row - 1] <= time);
  if (isSorted) return order;
  // Numbers sort several times faster than BigInts; the distance from the first time is exact as one.
  const first = times[0];
  const distance = Float64Array.from(times, (time) => Number(time - first));
  return order.sort((a, b) => distance[a] - distance[b] || a - b);
}
