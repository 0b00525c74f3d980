/**
 * The kernels' benchmark in Node, through the Dawn that $DAWN names (the `dawn.node` of npm's `webgpu`): how a
 * card is measured where no browser reaches it. Bundle it to one file first, since Node does not import WGSL:
 *
 *   node test/bench/build-gpu-node.mjs
 *   DAWN=.../dawn.node node .cache/bench/gpu-node.mjs [results.json]
 *
 * Exits with 1 where a result differs from the CPU's.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { benchKernels } from './gpu-kernels.ts';

interface Dawn {
  readonly create: (flags: readonly string[]) => GPU;
  readonly globals: object;
}

const path = process.env['DAWN'];
if (path === undefined) throw new Error('Set DAWN to the path of dawn.node.');
const { create, globals } = createRequire(import.meta.url)(path) as Dawn;
Object.assign(globalThis, globals);

/** Mebi elements; SIZES=1,4 keeps a software adapter from taking all day. */
const sizes = (process.env['SIZES'] ?? '1,4,16').split(',').map((mebi) => Math.round(Number(mebi) * 2 ** 20));
const rows = await benchKernels(create([]), (line) => console.log(line), sizes);
if (process.argv[2] !== undefined) writeFileSync(process.argv[2], `${JSON.stringify(rows, null, 1)}\n`);
// Dawn keeps the process alive.
process.exit(rows.every(({ difference }) => difference === null) ? 0 : 1);
