/** `npm run fuzz -- --seconds N --seed S ...` (test/fuzz/run.ts): bundles the fuzzer and runs it in a process of its own. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUT = join(ROOT, '.bench');

await build({
  configFile: join(ROOT, 'vite.config.ts'),
  root: ROOT,
  mode: 'cli',
  logLevel: 'error',
  build: {
    ssr: join(ROOT, 'test/fuzz/run.ts'),
    outDir: OUT,
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: 'fuzz.mjs' } },
  },
});
const run = spawnSync(process.execPath, [join(OUT, 'fuzz.mjs'), ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
process.exitCode = run.status ?? 1;
