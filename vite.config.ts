/**
 * Three builds from one source, chosen by mode:
 *
 *   vite build                  dist/vramscope.html   the whole application in one file
 *   vite build --mode element   dist/vramscope.js     an ES module that defines <vram-scope>
 *   vite build --mode cli       dist/cli/main.js      the command line, for Node
 *
 * None of them refers to anything outside itself: the worker, the WebAssembly, the styles and the sample
 * are text inside the file.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, defineConfig, parseAst } from 'vite';
import type { Plugin, UserConfig } from 'vite';
import { hashInputs } from './scripts/inputs.mjs';

const ROOT = dirname(fileURLToPath(import.meta.url));
const TARGET = 'es2022';
/** The sample that the empty page opens: small, and its memory grows. */
const SAMPLE = 'leak.pickle.gz';
/** Chromium's limit of a URL is 2 MiB, and a few characters are escaped on the way (engine-client.ts). */
const LARGEST_WORKER = 2_050_000;
const WORKER_INPUTS = ['src', 'shaders', 'vite.config.ts', 'tsconfig.json', 'package-lock.json'];

/** Source text of the engine's worker, as a classic script: only those start from file:// and in sandboxes. */
async function buildWorker(minify: boolean): Promise<string> {
  const result = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    mode: 'production',
    plugins: [packedSqlite()],
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      target: TARGET,
      minify,
      reportCompressedSize: false,
      assetsInlineLimit: Number.MAX_SAFE_INTEGER,
      lib: { entry: join(ROOT, 'src/engine/engine-worker.ts'), formats: ['iife'], name: 'vramscopeEngine' },
    },
  });
  const outputs = Array.isArray(result) ? result : [result];
  const files = outputs.flatMap((bundle) => ('output' in bundle ? bundle.output : []));
  if (files.length !== 1 || files[0].type !== 'chunk') {
    throw new Error(`The worker must be one file, but is ${files.map((file) => file.fileName).join(', ')}.`);
  }
  return files[0].code;
}

/** `virtual:engine-worker`: the worker's source as a string, built once for each state of the sources. */
export function engineWorker(): Plugin {
  const ID = '\0virtual:engine-worker';
  let minify = true;
  return {
    name: 'vramscope:engine-worker',
    configResolved(config) {
      minify = config.command === 'build';
    },
    resolveId: (id) => (id === 'virtual:engine-worker' ? ID : undefined),
    async load(id) {
      if (id !== ID) return undefined;
      const key = hashInputs(ROOT, WORKER_INPUTS).slice(0, 20);
      const cached = join(ROOT, '.cache/engine-worker', `${key}${minify ? '' : '-dev'}.js`);
      if (!existsSync(cached)) {
        const source = await buildWorker(minify);
        if (minify && source.length > LARGEST_WORKER)
          throw new Error(
            `The worker has ${source.length} bytes; as a data: URL it no longer starts (2 MiB).`,
          );
        mkdirSync(dirname(cached), { recursive: true });
        writeFileSync(`${cached}.${process.pid}`, source);
        renameSync(`${cached}.${process.pid}`, cached);
      }
      return `export const workerSource = ${JSON.stringify(readFileSync(cached, 'utf8'))};`;
    },
    // What the page does not import itself is not watched by it: the worker is made anew on any change.
    hotUpdate({ file }) {
      if (!file.startsWith(join(ROOT, 'src')) && !file.startsWith(join(ROOT, 'shaders'))) return undefined;
      const module = this.environment.moduleGraph.getModuleById(ID);
      if (module === undefined) return undefined;
      this.environment.moduleGraph.invalidateModule(module);
      this.environment.hot.send({ type: 'full-reload' });
      return [];
    },
  };
}

/**
 * `virtual:sqlite-wasm`: SQLite's WebAssembly, gzipped, as text. Packed because the worker must stay below
 * LARGEST_WORKER, and no build may refer to a file of its own.
 */
export function packedSqlite(): Plugin {
  const ID = '\0virtual:sqlite-wasm';
  return {
    name: 'vramscope:sqlite-wasm',
    resolveId: (id) => (id === 'virtual:sqlite-wasm' ? ID : undefined),
    load(id) {
      if (id !== ID) return undefined;
      const path = fileURLToPath(import.meta.resolve('@sqlite.org/sqlite-wasm/sqlite3.wasm'));
      const base64 = gzipSync(readFileSync(path), { level: 9 }).toString('base64');
      return `export const sqliteBase64 = '${base64}';`;
    },
  };
}

/** `virtual:sample`: the bundled recording, as text. */
export function bundledSample(): Plugin {
  const ID = '\0virtual:sample';
  return {
    name: 'vramscope:sample',
    resolveId: (id) => (id === 'virtual:sample' ? ID : undefined),
    load(id) {
      if (id !== ID) return undefined;
      const path = join(ROOT, 'samples', SAMPLE);
      this.addWatchFile(path);
      const base64 = readFileSync(path).toString('base64');
      return `export const sampleName = ${JSON.stringify(SAMPLE)};\nexport const sampleBase64 = '${base64}';`;
    },
  };
}

/**
 * Script text that can stand inside an HTML element and be hashed there: nothing in it ends the element or
 * opens a comment, and no character in it is changed by the HTML parser (CR, NUL).
 */
export function toInlineScript(code: string): string {
  const safe = code
    .trim()
    .replace(/\r\n?/g, '\n')
    .replace(/\0/g, '\\x00')
    .replace(/<(?=\/script|!--)/gi, '\\x3C');
  parseAst(safe); // Throws where an escape fell outside of a string, a template or an expression.
  return safe;
}

const escapeAttribute = (text: string): string => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;');

/** Content-Security-Policy of the single file: nothing is loaded from anywhere, and only `scripts` run. */
function policyFor(scripts: readonly string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return [
    `default-src 'none'`,
    `script-src ${hashes.join(' ')} 'wasm-unsafe-eval'`,
    `worker-src blob: data:`,
    `connect-src 'self' blob: data:`,
    `img-src data: blob:`,
    `style-src 'unsafe-inline'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
}

/** Puts every script and style of the page into the page, and closes it with a policy. */
export function singleFile(): Plugin {
  return {
    name: 'vramscope:single-file',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const page = bundle['index.html'];
        if (page?.type !== 'asset') throw new Error('There is no index.html to put things into.');
        const scripts: string[] = [];
        let html = String(page.source);
        // Replacements are functions: a string would have its $ signs read as patterns.
        html = html.replace(
          /[ \t]*<script\b[^>]*\bsrc="([^"]+)"[^>]*><\/script>\n?/g,
          (_tag, src: string) => {
            const file = bundle[src.replace(/^\.?\//, '')];
            if (file?.type !== 'chunk') throw new Error(`The page asks for ${src}, which was not built.`);
            scripts.push(toInlineScript(file.code));
            delete bundle[file.fileName];
            return '';
          },
        );
        html = html.replace(
          /<link\b[^>]*\brel="stylesheet"[^>]*\bhref="([^"]+)"[^>]*>/g,
          (_tag, href: string) => {
            const file = bundle[href.replace(/^\.?\//, '')];
            if (file?.type !== 'asset') throw new Error(`The page asks for ${href}, which was not built.`);
            delete bundle[file.fileName];
            return `<style>${String(file.source).replace(/<\/style/gi, '<\\/style')}</style>`;
          },
        );
        const policy = escapeAttribute(policyFor(scripts));
        html = html.replace(
          /<meta charset="[^"]*"\s*\/?>/i,
          (charset) => `${charset}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
        );
        if (!html.includes(policy))
          throw new Error('index.html needs a <meta charset> to put the policy after.');
        // A module in the head would wait for the page anyway; at the end it is out of a reader's way.
        html = html.replace('</body>', () =>
          [...scripts.map((script) => `<script type="module">${script}</script>`), '</body>'].join('\n'),
        );
        const rest = Object.keys(bundle).filter((name) => name !== 'index.html');
        if (rest.length > 0) throw new Error(`These would lie beside the page: ${rest.join(', ')}.`);
        page.source = html;
      },
    },
  };
}

const shared: UserConfig = {
  root: ROOT,
  base: './',
  publicDir: false,
  build: {
    target: TARGET,
    emptyOutDir: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 8192,
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    modulePreload: false,
  },
};

const page: UserConfig = {
  ...shared,
  plugins: [engineWorker(), bundledSample(), packedSqlite(), singleFile()],
  build: { ...shared.build, outDir: 'dist', rolldownOptions: { output: { codeSplitting: false } } },
};

const element: UserConfig = {
  ...shared,
  plugins: [engineWorker(), bundledSample(), packedSqlite()],
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    ...shared.build,
    outDir: 'dist',
    minify: true,
    lib: { entry: join(ROOT, 'src/ui/vram-scope.ts'), formats: ['es'], fileName: () => 'vramscope.js' },
    rolldownOptions: { output: { codeSplitting: false } },
  },
};

const cli: UserConfig = {
  ...shared,
  plugins: [packedSqlite()],
  // Bundled whole, so that start-up reads a few files and not hundreds; what is imported lazily stays apart.
  // DuckDB is a library of the machine: it is loaded where a data set is asked, and may be missing.
  ssr: { noExternal: true, external: ['@duckdb/node-api'], target: 'node' },
  build: {
    ...shared.build,
    target: 'node20',
    outDir: 'dist/cli',
    ssr: true,
    rolldownOptions: {
      input: {
        main: join(ROOT, 'src/cli/main.ts'),
        'facts-worker': join(ROOT, 'src/cli/fleet/facts-worker.ts'),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
    },
  },
};

export default defineConfig(({ mode }) => (mode === 'element' ? element : mode === 'cli' ? cli : page));
