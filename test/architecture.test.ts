/** The house as data: which folder may import what, and what only one place may touch. docs/architecture.md draws it. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkFile, circlesOf } from './architecture-check.ts';
import type { Rules } from './architecture-check.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const BELOW_ENGINE = [
  'base',
  'file',
  'trace',
  'read',
  'kernel',
  'aggregate',
  'replay',
  'analyze',
  'diagnose',
];
const BORDER = ['engine/protocol.ts', 'engine/engine-api.ts', 'engine/document/analysis.ts'];

const RULES: Rules = {
  folders: {
    base: { folders: [] },
    file: {
      folders: ['base'],
      packages: {
        fflate: ['file/inflate.ts'],
        fzstd: ['file/zstd.ts'],
        'virtual:sqlite-wasm': ['file/sqlite/unpacked.ts'],
      },
    },
    trace: {
      folders: ['base'],
      packages: { 'apache-arrow': ['trace/arrow.ts'], 'hyparquet-writer': ['trace/parquet.ts'] },
    },
    read: {
      folders: ['file', 'trace', 'base'],
      rooms: { top: ['readers.ts', 'log.ts'], shared: ['lines'], also: {} },
      packages: {
        hyparquet: ['read/nsys/parquet-file.ts'],
      },
    },
    kernel: { folders: ['base'], beside: ['shaders'] },
    aggregate: { folders: ['kernel', 'trace', 'base'] },
    replay: { folders: ['trace', 'base'] },
    analyze: {
      folders: ['aggregate', 'replay', 'trace', 'base'],
      rooms: {
        top: ['compare-side.ts', 'device-facts.ts', 'device-side.ts', 'server-facts.ts'],
        shared: [],
        also: { server: ['growth'] },
      },
    },
    diagnose: { folders: ['analyze', 'base'] },
    engine: {
      folders: BELOW_ENGINE,
      rooms: {
        top: [
          'engine.ts',
          'engine-api.ts',
          'engine-client.ts',
          'open-files.ts',
          'diagnose-sources.ts',
          'tables.ts',
          'facts.ts',
          'sql-desk.ts',
        ],
        shared: [],
        also: {},
      },
      packages: {
        hyparquet: ['engine/facts.ts'],
        comlink: ['engine/engine-worker.ts', 'engine/engine-client.ts'],
        'virtual:engine-worker': ['engine/engine-client.ts'],
      },
    },
    view: { folders: ['base'], typesOf: BORDER },
    ui: {
      folders: ['view', 'base'],
      files: ['engine/engine-client.ts'],
      typesOf: BORDER,
      packages: { lit: '*', uplot: ['ui/parts/uplot-chart.ts'], 'virtual:sample': ['ui/shell/sample.ts'] },
    },
    cli: {
      folders: ['engine', 'base'],
      files: ['diagnose/finding-ids.ts'],
      typesOf: ['file/byte-source.ts'],
      packages: { 'node:': '*', '@duckdb/node-api': ['cli/fleet/data-set.ts'] },
      beside: ['sql'],
    },
  },
  places: [
    { what: 'navigator.gpu', files: ['kernel/device.ts'] },
    { what: 'gpu in navigator', files: ['kernel/device.ts'] },
    { what: 'Worker', files: ['engine/engine-client.ts', 'cli/fleet/facts-pool.ts'] },
    { what: 'fetch', files: ['ui/shell/fetch-source.ts'] },
    { what: 'self', files: ['engine/engine-worker.ts'] },
    { what: 'network', files: [] },
  ],
  rootFiles: ['virtual-modules.d.ts'],
  longLines: 400,
  mostLines: 600,
};

const pathsBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();

const check = (path: string, text: string): string[] =>
  checkFile(path, text, RULES).map((found) => `${found.path}:${found.line} [${found.rule}] ${found.message}`);

describe('the house', () => {
  const sources = pathsBelow('src').filter((path) => path.endsWith('.ts'));

  it('has sources to judge', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources).toContain('src/base/u64.ts');
  });

  it.each(sources)('%s keeps the rules', (path) => {
    expect(check(path, readFileSync(join(ROOT, path), 'utf8'))).toEqual([]);
  });

  it('has no circle of files', () => {
    expect(circlesOf(new Map(sources.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')])))).toEqual(
      [],
    );
  });

  it('holds nothing but TypeScript and styles', () => {
    expect(pathsBelow('src').filter((path) => !/\.(ts|css)$/.test(path))).toEqual([]);
  });

  it('has a host, a CPU twin and tests for every shader', () => {
    const kernels = [...pathsBelow('src/kernel'), ...pathsBelow('test/kernel')];
    const missing = pathsBelow('shaders').flatMap((path) => {
      const stem = /^shaders\/([a-z0-9-]+)\.wgsl$/.exec(path)?.[1];
      if (stem === undefined) return [`${path} is not a shader`];
      return [`src/kernel/${stem}.ts`, `src/kernel/${stem}.cpu.ts`, `test/kernel/${stem}.test.ts`].filter(
        (needed) => !kernels.includes(needed),
      );
    });
    expect(missing).toEqual([]);
  });
});

/** [what is planted, where, source, the rule that must catch it]. */
const PLANTED: readonly (readonly [string, string, string, string])[] = [
  ['a folder above', 'src/base/x.ts', `import { a } from '../trace/schema.ts';`, 'direction'],
  ['a type of a folder above', 'src/trace/x.ts', `import type { A } from '../read/reader.ts';`, 'direction'],
  ['a dynamic import', 'src/read/x.ts', `const load = () => import('../engine/engine.ts');`, 'direction'],
  ['an import type', 'src/view/x.ts', `type A = import('../engine/engine.ts').Engine;`, 'direction'],
  ['a re-export', 'src/view/x.ts', `export { a } from '../trace/schema.ts';`, 'direction'],
  ['the engine in the page', 'src/ui/x.ts', `import { Engine } from '../engine/engine.ts';`, 'direction'],
  ['a value of the protocol', 'src/view/x.ts', `import { a } from '../engine/protocol.ts';`, 'direction'],
  ['a half-typed import', 'src/ui/x.ts', `import { type A, b } from '../engine/protocol.ts';`, 'direction'],
  ['the page in the engine', 'src/engine/x.ts', `import { a } from '../view/axis.ts';`, 'direction'],
  ['the page in the command', 'src/cli/x.ts', `import { a } from '../ui/vram-scope.ts';`, 'direction'],
  ['a shader outside of kernel', 'src/read/x.ts', `import a from '../../shaders/a.wgsl?raw';`, 'direction'],
  ['a file outside of src', 'src/ui/x.ts', `import a from '../../package.json';`, 'direction'],
  ['a side effect', 'src/base/x.ts', `import '../ui/vram-scope.ts';`, 'direction'],
  ['another format', 'src/read/kineto/x.ts', `import { a } from '../nsys/tables.ts';`, 'room'],
  ['a type of another format', 'src/read/kineto/x.ts', `import type { A } from '../jax/pprof.ts';`, 'room'],
  ['the list of formats in a format', 'src/read/nsys/x.ts', `import { a } from '../readers.ts';`, 'room'],
  ['a format in what all share', 'src/read/lines/x.ts', `import { a } from '../jax/pprof.ts';`, 'room'],
  ['a format below the list', 'src/read/refusals.ts', `import { a } from './jax/pprof.ts';`, 'room'],
  ['another question', 'src/analyze/ledger/x.ts', `import { a } from '../growth/parts.ts';`, 'room'],
  ['servers in growth', 'src/analyze/growth/x.ts', `import { a } from '../server/kv-cache.ts';`, 'room'],
  ['the facts in a question', 'src/analyze/growth/x.ts', `import { a } from '../device-facts.ts';`, 'room'],
  ['a question at the bottom', 'src/analyze/live.ts', `import { a } from './growth/parts.ts';`, 'room'],
  ['servers in clocks', 'src/analyze/clock/x.ts', `import { a } from '../server/kv-cache-log.ts';`, 'room'],
  ['a session in clocks', 'src/analyze/clock/x.ts', `import { A } from '../../engine/a.ts';`, 'direction'],
  ['replays in answers', 'src/engine/answer/x.ts', `import { a } from '../replay/input.ts';`, 'room'],
  ['answers in the document', 'src/engine/document/x.ts', `import { a } from '../answer/range.ts';`, 'room'],
  ['the engine in replays', 'src/engine/replay/x.ts', `import type { A } from '../engine.ts';`, 'room'],
  [
    'an answer in a session',
    'src/engine/device-session.ts',
    `import { a } from './answer/range.ts';`,
    'room',
  ],
  ['a missing extension', 'src/ui/x.ts', `import { a } from '../view/axis';`, 'extension'],
  ['a package in base', 'src/base/x.ts', `import { html } from 'lit';`, 'package'],
  ['lit in view', 'src/view/x.ts', `import { html } from 'lit/directives/map.js';`, 'package'],
  ['a scoped package', 'src/engine/x.ts', `import a from '@sqlite.org/sqlite-wasm';`, 'package'],
  ['arrow in a second file', 'src/trace/x.ts', `import { Table } from 'apache-arrow';`, 'package'],
  [
    'a writer in a second file',
    'src/cli/x.ts',
    `import { ParquetWriter } from 'hyparquet-writer';`,
    'package',
  ],
  ['arrow loaded late', 'src/engine/x.ts', `const a = () => import('apache-arrow');`, 'package'],
  ['comlink in a third file', 'src/engine/x.ts', `import * as a from 'comlink';`, 'package'],
  ['Node in the engine', 'src/engine/x.ts', `import { readFileSync } from 'node:fs';`, 'package'],
  ['a name of Object', 'src/base/x.ts', `import a from 'constructor';`, 'package'],
  [
    'the worker in the page',
    'src/ui/x.ts',
    `import { workerSource } from 'virtual:engine-worker';`,
    'package',
  ],
  ['a default export', 'src/ui/x.ts', `export default class A {}`, 'default export'],
  ['a default value', 'src/ui/x.ts', `const a = 1; export default a;`, 'default export'],
  ['a renamed default', 'src/ui/x.ts', `const a = 1; export { a as default };`, 'default export'],
  ['a barrel by name', 'src/view/index.ts', `export const a = 1;`, 'barrel'],
  ['a barrel by content', 'src/view/all.ts', `export * from './axis.ts';`, 'barrel'],
  ['navigator.gpu', 'src/kernel/x.ts', `export const a = () => navigator.gpu;`, 'place'],
  [
    'a hidden navigator.gpu',
    'src/ui/x.ts',
    `export const a = () => (globalThis.navigator as N).gpu;`,
    'place',
  ],
  ['gpu in navigator', 'src/ui/x.ts', `export const a = () => 'gpu' in navigator;`, 'place'],
  ['a Worker', 'src/ui/x.ts', `export const a = () => new Worker('x');`, 'place'],
  ['fetch', 'src/engine/x.ts', `export const a = () => fetch('x');`, 'place'],
  ['a hidden fetch', 'src/ui/x.ts', `export const a = () => window.fetch('x');`, 'place'],
  ['a WebSocket', 'src/ui/shell/fetch-source.ts', `export const a = () => new WebSocket('x');`, 'place'],
  ['a beacon', 'src/ui/x.ts', `export const a = () => navigator.sendBeacon('x');`, 'place'],
  ['self', 'src/engine/x.ts', `export const a = () => self.location;`, 'place'],
  ['module-level let', 'src/view/x.ts', `let a = 1;\nexport const b = () => a++;`, 'module state'],
  ['module-level var', 'src/view/x.ts', `var a = 1;\nexport const b = () => a++;`, 'module state'],
  ['a module-level cache', 'src/view/x.ts', `const seen = new Map<string, number>();`, 'module state'],
  ['a module-level list', 'src/view/x.ts', `export const seen: string[] = [];`, 'module state'],
  ['a long file', 'src/view/x.ts', `/** Long. */\n${'\n'.repeat(400)}`, 'length'],
  ['a file too long', 'src/view/x.ts', `/** Long because it is. */\n${'\n'.repeat(600)}`, 'length'],
  ['a file in camel case', 'src/view/pixelColumns.ts', `export const a = 1;`, 'name'],
  ['a new folder', 'src/utils/x.ts', `export const a = 1;`, 'folder'],
  ['a file in src itself', 'src/main.ts', `export const a = 1;`, 'folder'],
];

describe('the judge', () => {
  it.each(PLANTED)('finds %s in %s', (_what, path, source, rule) => {
    const found = checkFile(path, source, RULES);
    expect(found.map((violation) => violation.rule)).toEqual([rule]);
    expect(found[0]).toMatchObject({ path, line: expect.any(Number) as number });
    expect(found[0].message).not.toBe('');
  });

  it('finds a circle of two, of three through a type, and of one', () => {
    const texts = new Map([
      ['src/base/a.ts', `import { b } from './b.ts';`],
      ['src/base/b.ts', `import type { A } from './a.ts';`],
      ['src/view/c.ts', `export { d } from './d.ts';`],
      ['src/view/d.ts', `const e = () => import('./e.ts');`],
      ['src/view/e.ts', `type C = import('./c.ts').C; import { a } from '../base/a.ts';`],
      ['src/view/f.ts', `import { f } from './f.ts';`],
      ['src/view/g.ts', `import { a } from '../base/a.ts'; import { c } from './c.ts';`],
    ]);
    expect(circlesOf(texts).sort()).toEqual([
      ['src/base/a.ts', 'src/base/b.ts'],
      ['src/view/c.ts', 'src/view/d.ts', 'src/view/e.ts'],
      ['src/view/f.ts'],
    ]);
  });

  it('names the line', () => {
    expect(check('src/base/x.ts', `/** A. */\nimport 'lit';\n`)).toEqual([
      'src/base/x.ts:2 [package] base/ may not import lit',
    ]);
  });

  it.each([
    [
      'what the table allows',
      'src/ui/x.ts',
      `import { html } from 'lit';\nimport { a } from '../view/axis.ts';`,
    ],
    ['lines in a format', 'src/read/nsys/x.ts', `import { a } from '../lines/colours.ts';`],
    ['the interface in a format', 'src/read/nsys/x.ts', `import type { A } from '../reader.ts';`],
    ['its own room', 'src/read/nsys/x.ts', `import { a } from './tables.ts';`],
    ['a format in the list', 'src/read/readers.ts', `import { a } from './nsys/sqlite.ts';`],
    ['growth in servers', 'src/analyze/server/x.ts', `import { a } from '../growth/series.ts';`],
    ['a question from above', 'src/diagnose/x.ts', `import { a } from '../analyze/growth/parts.ts';`],
    ['types of the protocol', 'src/view/x.ts', `import type { A } from '../engine/protocol.ts';`],
    ['types one by one', 'src/view/x.ts', `import { type A } from '../engine/document/analysis.ts';`],
    ['a shader in kernel', 'src/kernel/x.ts', `import a from '../../shaders/a.wgsl?raw';`],
    ['arrow in its file', 'src/trace/arrow.ts', `import { Table } from 'apache-arrow';`],
    [
      'words in comments',
      'src/base/x.ts',
      `// import 'lit'; new Worker(), navigator.gpu, self\nexport const a = 1;`,
    ],
    ['words in strings', 'src/base/x.ts', "export const a = `import 'lit'; fetch(x)`;"],
    ['let inside a function', 'src/view/x.ts', `export function a() { let b = 1; return b++; }`],
    ['a filled table', 'src/view/x.ts', `const NAMES = new Map([['a', 1]]);\nexport const b = [1];`],
    [
      'a reason for length',
      'src/view/x.ts',
      `/** X. Long because of the table below. */\n${'\n'.repeat(450)}`,
    ],
    ['another self', 'src/view/x.ts', `export const a = (x: { self: number }) => x.self;`],
  ])('leaves %s alone', (_what, path, source) => {
    expect(checkFile(path, source, RULES)).toEqual([]);
  });
});
