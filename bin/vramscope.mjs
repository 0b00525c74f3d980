#!/usr/bin/env node
/** The command. In a checkout it builds itself first where the sources have changed; installed, it just runs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** docs/cli.md lists the exit codes. */
const EXIT_FAILED = 3;
const EXIT_UNWRITTEN = 4;
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
let written = true;
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE' || !written) return;
  written = false;
  console.error(`vramscope: the result could not be written: ${error.code ?? 'unknown reason'}`);
});
// Whoever closed standard error does not read why.
process.stderr.on('error', () => undefined);
process.on('exit', () => {
  if (!written) process.exitCode = EXIT_UNWRITTEN;
});

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vramscope needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exitCode = EXIT_FAILED;
} else {
  try {
    await buildIfStale();
    const { main } = await import(pathToFileURL(program).href);
    const code = await main(process.argv.slice(2));
    process.exitCode = written ? code : EXIT_UNWRITTEN;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    // 1 would say that a condition of --fail-on holds.
    process.exitCode = EXIT_FAILED;
  }
}
