/** Bundles a program of test/ (bench, fuzzer) so that Node runs it, in a process of its own. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The folder has the depth of test/, so that what finds the repository by its own place finds it from here too. */
const OUT = join(ROOT, '.bench');

/** Path of the bundle of `entry`, a path in the repository. */
export async function bundle(name, entry) {
  await build({
    configFile: join(ROOT, 'vite.config.ts'),
    root: ROOT,
    mode: 'cli',
    logLevel: 'error',
    build: {
      ssr: join(ROOT, entry),
      outDir: OUT,
      emptyOutDir: false,
      rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  });
  return join(OUT, `${name}.mjs`);
}
