/**
 * Builds what is stale, or, with names, only those: node scripts/build.mjs [--force] [--quiet] [page element cli]
 * Prints one line for each artefact with its size; errors go to stderr.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { hashInputs, isFresh } from './inputs.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(ROOT, 'dist');

/** Artefacts of each target; the last one named is the one that the stamp lies beside. */
const TARGETS = {
  page: { mode: 'production', outDir: DIST, artefacts: ['vramscope.html', 'index.html'] },
  element: { mode: 'element', outDir: DIST, artefacts: ['vramscope.js'] },
  cli: { mode: 'cli', outDir: join(DIST, 'cli'), artefacts: ['main.js'] },
};

const stampOf = (name) => join(DIST, `.${name}-inputs`);

function isBuilt(target) {
  return target.artefacts.every((file) =>
    statSync(join(target.outDir, file), { throwIfNoEntry: false })?.isFile(),
  );
}

/** Everything is written aside and moved into place, so that a build beside another one never shows half a file. */
async function buildTarget(name, vite) {
  const target = TARGETS[name];
  mkdirSync(DIST, { recursive: true });
  const aside = mkdtempSync(join(DIST, `.building-${name}-`));
  try {
    await vite.build({
      root: ROOT,
      configFile: join(ROOT, 'vite.config.ts'),
      mode: target.mode,
      logLevel: 'warn',
      build: { outDir: aside },
    });
    if (name === 'page') {
      renameSync(join(aside, 'index.html'), join(aside, 'vramscope.html'));
      cpSync(join(aside, 'vramscope.html'), join(aside, 'index.html'));
    }
    if (name === 'cli') {
      chmodSync(aside, 0o755); // A temporary folder is its owner's alone.
      rmSync(target.outDir, { recursive: true, force: true });
      renameSync(aside, target.outDir);
    } else {
      for (const file of target.artefacts) renameSync(join(aside, file), join(target.outDir, file));
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Builds the named targets where they are stale. Returns lines that say what there is now. */
export async function buildAll({ names = Object.keys(TARGETS), force = false } = {}) {
  const hash = hashInputs(ROOT);
  const lines = [];
  let vite;
  for (const name of names) {
    const target = TARGETS[name];
    const fresh = !force && isFresh(stampOf(name), hash) && isBuilt(target);
    if (!fresh) {
      vite ??= await import('vite');
      rmSync(stampOf(name), { force: true });
      await buildTarget(name, vite);
      writeFileSync(stampOf(name), hash);
    }
    for (const file of target.artefacts) {
      const path = join(target.outDir, file);
      const kilobytes = (statSync(path).size / 1000).toFixed(0).padStart(7);
      lines.push(`${kilobytes} kB  ${relative(ROOT, path)}${fresh ? '  (unchanged)' : ''}`);
    }
    // A folder that can be served as it is: the page's ?src= opens a sample of the same origin.
    if (name === 'page') {
      mkdirSync(join(DIST, 'samples'), { recursive: true });
      cpSync(join(ROOT, 'samples'), join(DIST, 'samples'), { recursive: true });
    }
  }
  return lines;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = names.filter((name) => !(name in TARGETS));
  if (unknown.length > 0) {
    console.error(`No such target: ${unknown.join(', ')}. There are ${Object.keys(TARGETS).join(', ')}.`);
    process.exit(2);
  }
  try {
    const lines = await buildAll({
      ...(names.length > 0 ? { names } : {}),
      force: args.includes('--force'),
    });
    if (!args.includes('--quiet')) console.log(lines.join('\n'));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
