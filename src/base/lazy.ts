/** What is worked out when it is first asked for, and kept. No names are given to it: a wrong one would be a wrong answer. */

/**
 * Makes every getter of a class a lazy field: each object works it out once, at its first use. Called in the class:
 * `static { lazyGetters(this) }`. For classes whose getters follow from what was given at the start alone.
 */
export function lazyGetters(type: { readonly prototype: object }): void {
  for (const [name, getter] of Object.entries(Object.getOwnPropertyDescriptors(type.prototype))) {
    if (getter.get === undefined) continue;
    Object.defineProperty(type.prototype, name, {
      configurable: true,
      get(this: object): unknown {
        const value: unknown = getter.get?.call(this);
        Object.defineProperty(this, name, { value });
        return value;
      },
    });
  }
}

/** The answers to one question, kept by what was asked. */
export class Kept<Key, Value> {
  private readonly values = new Map<Key, Value>();

  of(key: Key, make: () => Value): Value {
    const known = this.values.get(key);
    if (known !== undefined || this.values.has(key)) return known as Value;
    const value = make();
    this.values.set(key, value);
    return value;
  }
}
