/** `npm run fuzz -- --seconds N --seed S ...` (test/fuzz/run.ts): bundles the fuzzer and runs it in a process of its own. */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const run = spawnSync(
  process.execPath,
  [await bundle('fuzz', 'test/fuzz/run.ts'), ...process.argv.slice(2)],
  {
    cwd: ROOT,
    stdio: 'inherit',
  },
);
process.exitCode = run.status ?? 1;
