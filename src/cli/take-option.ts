/** Options of a command line that have a value. */

/** Takes "NAME VALUE" or "NAME=VALUE" out of the arguments; undefined: it is not there, null: its value is missing. */
export function takeOption(given: string[], name: string): string | null | undefined {
  const at = given.findIndex((argument) => argument === name || argument.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const separate = given[at] === name;
  const value = separate ? given[at + 1] : given[at].slice(name.length + 1);
  given.splice(at, separate ? 2 : 1);
  return value ?? null;
}
