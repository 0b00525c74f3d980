/** Items that say the same of several places (devices, ranks), together. */

/**
 * Groups in the order of their first items. `sameness`: what items of one group share; null: alone. `place`: two items
 * of one place never share a group, as they are two things there.
 */
export function groupSame<T>(
  items: readonly T[],
  sameness: (item: T) => string | null,
  place: (item: T) => string | number | null,
): T[][] {
  const groups: T[][] = [];
  const byKey = new Map<string, T[]>();
  for (const item of items) {
    const key = sameness(item);
    const known = key === null ? undefined : byKey.get(key);
    if (known !== undefined && known.every((one) => place(one) !== place(item))) {
      known.push(item);
      continue;
    }
    const group = [item];
    groups.push(group);
    if (key !== null && known === undefined) byKey.set(key, group);
  }
  return groups;
}
