/** Bundles gpu-node.ts, shaders inlined, into one file that plain Node runs: .cache/bench/gpu-node.mjs. */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: false,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  build: {
    ssr: 'test/bench/gpu-node.ts',
    outDir: '.cache/bench',
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'gpu-node.mjs' } },
  },
});
