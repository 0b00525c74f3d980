/** Sets of addresses as ranges [from, to), ascending, none touching another. Bytes. */
export type AddressRange = readonly [from: number, to: number];

/** The set with a range more; neighbours become one. */
export function withRange(set: readonly AddressRange[], from: number, to: number): AddressRange[] {
  const joined: AddressRange[] = [];
  for (const range of [...set, [from, to] as const].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] >= range[0])
      joined[joined.length - 1] = [last[0], Math.max(last[1], range[1])];
    else joined.push(range);
  }
  return joined;
}

/** The set without what lies in [from, to). */
export const withoutRange = (set: readonly AddressRange[], from: number, to: number): AddressRange[] =>
  set.flatMap(([start, end]): AddressRange[] => {
    if (end <= from || start >= to) return [[start, end]];
    const left: AddressRange[] = [];
    if (start < from) left.push([start, from]);
    if (end > to) left.push([to, end]);
    return left;
  });

/** What of the set lies in [from, to). */
export const withinRange = (set: readonly AddressRange[], from: number, to: number): AddressRange[] =>
  set.flatMap(([start, end]): AddressRange[] =>
    end <= from || start >= to ? [] : [[Math.max(start, from), Math.min(end, to)]],
  );
