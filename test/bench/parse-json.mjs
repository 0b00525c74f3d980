/** The floor of JSON: JSON.parse of the whole file, where it fits a string. Prints milliseconds. */
import { readFileSync } from 'node:fs';

const started = performance.now();
const text = readFileSync(process.argv[2], 'utf8');
// Lines of JSON (nsys) are parsed one by one, a single value (Kineto) at once.
const kept = text.startsWith('{"data":[')
  ? text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : JSON.parse(text);
console.log(performance.now() - started, typeof kept);
