/**
 * What a build depends on, as one hash of contents. Times of files are not asked: a checkout sets them to
 * now, a restored cache to anything.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const INPUTS = [
  'src',
  'shaders',
  'samples',
  'index.html',
  'vite.config.ts',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
];

function* filesBelow(path) {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) yield* filesBelow(join(path, name));
}

/** Hash of every input below `root`; `inputs` narrows what is looked at. */
export function hashInputs(root, inputs = INPUTS) {
  const hash = createHash('sha256');
  for (const input of inputs) {
    for (const file of filesBelow(join(root, input))) {
      const content = readFileSync(file);
      // The length parts name from content, so that no two trees read alike.
      hash.update(`${relative(root, file).split(sep).join('/')}\n${content.length}\n`);
      hash.update(content);
    }
  }
  return hash.digest('hex');
}

/** True where the stamp beside a build's output names the sources as they are now. */
export function isFresh(stampPath, hash) {
  return existsSync(stampPath) && readFileSync(stampPath, 'utf8') === hash;
}
