/**
 * npm start: builds, prints the headline of the bundled sample, and serves the page with it open.
 * The server is only a convenience: dist/vramscope.html opened from disk is the same application.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SAMPLE = 'samples/leak.pickle.gz';
const PORT = 4173;

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`vramscope needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/** The command line's answer for the sample; its failure is ours. */
function printHeadline() {
  const run = spawnSync(process.execPath, [join(ROOT, 'bin/vramscope.mjs'), 'analyze', SAMPLE], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (run.status !== 0)
    throw new Error(`vramscope analyze ${SAMPLE} ended with ${run.status ?? run.signal}.`);
}

/**
 * Serves the samples as the files they are. The preview server would send a .gz as a gzip-encoded response,
 * which the browser unpacks: the page would then read another file, with another size, than the terminal.
 */
const samplesAsTheyAre = {
  name: 'vramscope:samples',
  configurePreviewServer(server) {
    const folder = join(ROOT, 'dist/samples');
    server.middlewares.use('/samples', (request, response, next) => {
      const name = (request.url ?? '').slice(1).split('?')[0];
      if (!readdirSync(folder).includes(name)) return next();
      response.setHeader('Content-Type', 'application/octet-stream');
      createReadStream(join(folder, name)).pipe(response);
    });
  },
};

try {
  const { buildAll } = await import('./build.mjs');
  console.log((await buildAll()).join('\n'));
  console.log();
  printHeadline();
  const { preview } = await import('vite');
  const server = await preview({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    build: { outDir: 'dist' },
    plugins: [samplesAsTheyAre],
    // Only this machine; the next free port where this one is taken.
    preview: { host: '127.0.0.1', port: PORT, strictPort: false },
  });
  const { port } = server.httpServer.address();
  console.log(`\nOpen  http://localhost:${port}/?src=${SAMPLE}\nCtrl-C ends it.`);
  const end = () => void server.close().finally(() => process.exit(0));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
