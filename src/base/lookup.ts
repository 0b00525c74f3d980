/**
 * Tables asked with words of a file. An object has more members than were put into it: asked for "constructor" or
 * "toString" it gives functions. These have none but their own, and "__proto__" is a name like any other.
 */

/** An empty one to be filled. */
export const emptyTable = <T>(): Record<string, T> => Object.create(null) as Record<string, T>;

/** A table with these entries. */
export const lookup = <T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.assign(emptyTable<T>(), entries);

/** A member of an object that came across a border, where it became an ordinary one; undefined where it has none. */
export const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
