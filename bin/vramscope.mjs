#!/usr/bin/env node
/** The command. In a checkout it builds itself first where the sources have changed; installed, it just runs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = join(root, 'dist/cli/main.js');

async function buildIfStale() {
  if (!existsSync(join(root, 'src'))) return;
  const { hashInputs, isFresh } = await import('../scripts/inputs.mjs');
  if (existsSync(program) && isFresh(join(root, 'dist/.cli-inputs'), hashInputs(root))) return;
  if (!existsSync(join(root, 'node_modules/vite'))) {
    throw new Error('The packages are not installed: run `npm ci` first.');
  }
  // Another process: what a build prints must never reach the standard output of this one.
  const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), 'cli'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The build failed.\n${built.stdout}${built.stderr}`);
}

// Who reads has seen enough (`| head`): the rest is not printed, and the exit status stays the program's own.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
});

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vramscope needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exitCode = 1;
} else {
  try {
    await buildIfStale();
    const { main } = await import(pathToFileURL(program).href);
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
