/**
 * Every kind of input, once, as the command line tells it. A golden that is missing is written where
 * UPDATE_GOLDEN=1, and is looked at before it is committed; otherwise a missing one fails.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sourcesAt } from '../../src/cli/node-source.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { Engine } from '../../src/engine/engine.ts';
import { sharedTraces } from '../shared-traces.ts';
import { digest, goldenForm, rawAmounts } from './digest.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../..');
const update = process.env['UPDATE_GOLDEN'] === '1';

const INPUTS = [
  'samples/leak.pickle.gz',
  'samples/serve.summaries.log.gz',
  'samples/nsys-small.sqlite',
  'test/fixtures/snapshot/oom.pickle',
  'test/fixtures/snapshot/oom.torch20.pickle',
  'test/fixtures/snapshot/graphs.pickle.gz',
  'test/fixtures/snapshot/pending.pickle.gz',
  'test/fixtures/memory-summary/train.memory_stats.json',
  'test/fixtures/memory-summary/churn_5.memory_summary_abbreviated.txt',
  'test/fixtures/kineto-trace/h100.json',
  'test/fixtures/kineto-trace/torch19.json',
  'test/fixtures/kineto-trace/steps.json',
  'test/fixtures/memory-timeline/h100.json',
  'test/fixtures/memory-timeline/h100.raw.json',
  'test/fixtures/log/vllm-v1-tp2.log',
  'test/fixtures/log/vllm-memory.txt',
  'test/fixtures/log/sglang-tp2.log',
  'test/fixtures/log/serve.report.log',
  'test/fixtures/log/serve.requests.log',
  'test/fixtures/log/oom.txt',
  'test/fixtures/log/tensors.txt',
  'test/fixtures/nvidia-smi/query.csv',
  'test/fixtures/nvidia-smi/serve.dmon.log',
  'test/fixtures/nvidia-smi/serve.nvidia-smi.log',
  'test/fixtures/nvidia-smi/pmon.log',
  'test/fixtures/nvidia-smi/detail.txt',
  'test/fixtures/nvidia-smi/table.txt',
  'test/fixtures/nvidia-smi/compute-apps.csv',
  'test/fixtures/prometheus-text/dcgm-three-scrapes.prom',
  'test/fixtures/prometheus-text/vllm.prom',
  'test/fixtures/prometheus-json/range.json',
  'test/fixtures/prometheus-json/vectors.jsonl',
  'test/fixtures/nsys-stats/stdout.csv',
  'test/fixtures/nsys-stats/base_cuda_gpu_trace.csv',
  'test/fixtures/nsys-forms/pools.arrow',
  'test/fixtures/nsys-forms/pools.arrowdir',
  'test/fixtures/nsys-forms/pools.parquetdir',
  'test/fixtures/nsys-forms/pools.json',
  'test/fixtures/jax-memory-profile/live.prof.gz',
  'test/fixtures/memory-viz/trace_plot.html',
  'test/fixtures/archives/several.tar',
  'test/fixtures/archives/several.zip',
  'test/fixtures/archives/serve.log.zst',
];

/** Recordings beside the repository whose like is too large to commit. */
const SHARED = [
  'train_expandable/train_expandable.pickle',
  'twogpu/train_twogpu.pickle',
  'ring/ring.pickle',
  'kineto/kineto_train.json',
  'kineto/kineto_timeline.html',
  'nsys/torch.sqlite',
  'nsys/torch.arrow',
  'nsys/torch.arrowdir',
  'nsys/torch.parquetdir',
  'nsys/torch.json',
];

async function analysisOf(path: string): Promise<Analysis> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const { sources, folder } = sourcesAt(path);
  if (folder) await engine.openFolder(1, path.split('/').at(-1)!, sources, () => undefined);
  else await engine.open(1, sources[0], () => undefined);
  for (const source of sources) source.close();
  return engine.analysis();
}

function goldenOf(analysis: Analysis): unknown {
  // What is found and how sure, not its wording: sentences are reviewed in the rules, and would change every golden.
  const findings = analysis.findings.map(({ id, source, device, severity, confidence, title, gain_bytes }) =>
    [severity, id, `${source}:${device}`, confidence, title, gain_bytes].join(' | '),
  );
  return goldenForm({ ...analysis, findings });
}

async function check(path: string, name: string): Promise<void> {
  const file = join(HERE, `${name.replaceAll('/', '.')}.json`);
  const analysis = await analysisOf(path);
  expect(rawAmounts(analysis)).toEqual([]);
  const told = goldenOf(analysis);
  if (update) writeFileSync(file, `${JSON.stringify(told, null, 1)}\n`);
  expect(existsSync(file), `${name} has no golden; write it with UPDATE_GOLDEN=1 and look at it`).toBe(true);
  expect(told).toEqual(JSON.parse(readFileSync(file, 'utf8')));
}

describe('every kind of input, as it was looked at', () => {
  it.each(INPUTS)('%s', async (input) => {
    await check(join(ROOT, input), input.replace(/^(test\/fixtures|samples)\//, ''));
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('recordings in ../shared/traces', () => {
  it.each(SHARED)('%s', async (input) => {
    await check(join(traces!, input), `shared.${input}`);
  });
});

describe('the digest', () => {
  it('sees a change in the middle of a long list', () => {
    const list = Array.from({ length: 100 }, (_, i) => ({ value: i }));
    const changed = list.map((one, i) => (i === 50 ? { value: 51 } : one));
    expect(digest(changed)).not.toEqual(digest(list));
  });

  it('leaves out empty sections, and nothing else that is empty, zero or none', () => {
    const told = goldenForm({ schema: 1, pins: [], facts: {}, none: null, zero: 0, devices: [{ pools: [] }] });
    expect(told).toEqual({ schema: 1, none: null, zero: 0, devices: [{ pools: [] }] });
    expect(goldenForm({ schema: 1, pins: [0] })).not.toEqual(goldenForm({ schema: 1, pins: [] }));
  });

  it('finds an amount that no unit was given to, wherever it stands', () => {
    const planted = { findings: [{ evidence: ['Reserved grew to {bytes:42}.'] }], note: 'of {exact:7}', ok: '{"a":1}' };
    expect(rawAmounts(planted)).toEqual(['Reserved grew to {bytes:42}.', 'of {exact:7}']);
  });
});
