/** Bundles the entries for a GPU without a browser, shaders inlined, for plain Node: .cache/bench/gpu-*.mjs. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

for (const name of ['gpu-node', 'gpu-engine']) {
  await build({
    // The kernels alone need no plugin; the engine's readers inline their WebAssembly by the project's.
    configFile: name === 'gpu-engine' ? `${ROOT}vite.config.ts` : false,
    root: ROOT,
    mode: 'cli',
    logLevel: 'warn',
    build: {
      ssr: `${ROOT}test/bench/${name}.ts`,
      outDir: `${ROOT}.cache/bench`,
      emptyOutDir: false,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  });
}
