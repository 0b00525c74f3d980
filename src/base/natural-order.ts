/** The order in which people count: rank2 before rank10. The same on every machine, whatever its language. */
const collator = new Intl.Collator('en', { numeric: true });

/** Names that the collator holds to be the same ("a" and "á" are not) come in the order of their code units. */
export const naturalOrder = (a: string, b: string): number =>
  collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
