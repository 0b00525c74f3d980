/** What is damaged: small files of every reader, intact, and the mutations that understand them. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BYTES, type Mutation } from './mutate-bytes.ts';
import { headBytes, insideGzip, SQLITE } from './mutate-packed.ts';
import { PICKLE } from './mutate-pickle.ts';
import { JSON_TEXT, TEXT } from './mutate-text.ts';

/** npm and the test runner both start in the repository, wherever the bundle of this file lies. */
const FIXTURES = join(process.cwd(), 'test/fixtures');

export interface Subject {
  /** Of which reader, for the log. */
  readonly reader: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mutations: readonly Mutation[];
  /** true: where it ends is written in it, so that a cut can always be known. */
  readonly knowsItsEnd: boolean;
}

interface Listed {
  readonly reader: string;
  readonly files: readonly string[];
  readonly mutations: readonly Mutation[];
  readonly knowsItsEnd?: boolean;
}

const SNAPSHOT = [...PICKLE, ...PICKLE, ...BYTES];
const LINES = [...TEXT, ...TEXT, ...BYTES];
const JSONS = [...JSON_TEXT, ...JSON_TEXT, ...TEXT, ...BYTES];

const LIST: readonly Listed[] = [
  {
    reader: 'torch-snapshot',
    files: [
      'snapshot/oom.pickle',
      'snapshot/oom.cpp.pickle',
      'snapshot/oom.torch20.pickle',
      'snapshot/oom.torch212.pickle',
      'snapshot/torch214.pickle',
      'snapshot/torch214.ring.pickle',
      'snapshot/oom.devices.pickle',
      'device-side/process.pickle',
      'field/U05-state-only-empty-segments.pickle',
      'field/U07-ring-of-one-entry.pickle',
    ],
    mutations: SNAPSHOT,
    knowsItsEnd: true,
  },
  {
    reader: 'torch-snapshot (protocol 0)',
    files: ['snapshot/oom.p0.pickle', 'snapshot/oom.p1.pickle'],
    mutations: [...SNAPSHOT, ...TEXT],
    knowsItsEnd: true,
  },
  {
    reader: 'torch-snapshot (with history)',
    files: [
      'snapshot/pending.pickle.gz',
      'snapshot/ring.pickle.gz',
      'snapshot/graphs.pickle.gz',
      'real-growth/compiled_outputs.pickle.gz',
    ],
    mutations: SNAPSHOT,
    knowsItsEnd: true,
  },
  {
    reader: 'torch-snapshot-json',
    files: ['field/U09-snapshot.json', 'snapshot/torch214.json'],
    mutations: JSONS,
    knowsItsEnd: true,
  },
  { reader: 'memory-viz', files: ['memory-viz/trace_plot.html'], mutations: LINES },
  {
    reader: 'memory-summary',
    files: [
      'memory-summary/train.memory_summary.txt',
      'memory-summary/churn_5.memory_summary_abbreviated.txt',
      'field/T21-memory-summary-mb.txt',
    ],
    mutations: LINES,
  },
  {
    reader: 'memory-stats',
    files: ['memory-summary/train.memory_stats.json', 'snapshot/torch214.host_memory_stats.json'],
    mutations: JSONS,
  },
  {
    reader: 'memory-lines',
    files: [
      'field/T01-megatron-memory-lines.log',
      'field/T02-deepspeed-see-memory-usage.log',
      'field/T04-torchtitan.log',
      'field/T36-ultralytics.log',
      'field/T37-mmengine.log',
    ],
    mutations: LINES,
  },
  { reader: 'tensor-listing', files: ['log/tensors.txt'], mutations: LINES },
  {
    reader: 'oom-text',
    files: [
      'log/oom.txt',
      'field/T05-xla-resource-exhausted.txt',
      'field/T07-npu-oom.txt',
      'field/T08-paddle-oom.txt',
      'field/T14-hip-oom-203gib-free.txt',
      'field/T57b-torch112.txt',
      'field/T58-xpu.txt',
    ],
    mutations: LINES,
  },
  { reader: 'request-log', files: ['log/serve.requests.log'], mutations: LINES },
  {
    reader: 'vllm-log',
    files: [
      'log/vllm-v1-tp2.log',
      'log/vllm-memory.txt',
      'field/T11-vllm-pp-refused.log',
      'field/U34-vllm-hybrid-tokens.log',
      'field/T24-vllm-sampler-warmup.log',
    ],
    mutations: LINES,
  },
  {
    reader: 'sglang-log',
    files: [
      'log/sglang-tp2.log',
      'field/T12-sglang-weights-leave-nothing.log',
      'field/T44-sglang-partial-ranks.log',
    ],
    mutations: LINES,
  },
  {
    reader: 'server-log',
    files: ['tools/trtllm.log', 'tools/tgi.log', 'tools/lmdeploy.log'],
    mutations: LINES,
  },
  { reader: 'llama-log', files: ['field/T06-llama-cpp-oom.log'], mutations: LINES },
  {
    reader: 'nvidia-smi',
    files: [
      'nvidia-smi/query.csv',
      'nvidia-smi/detail.txt',
      'nvidia-smi/table.txt',
      'nvidia-smi/pmon.log',
      'nvidia-smi/serve.dmon.log',
      'nvidia-smi/compute-apps.csv',
      'field/U37-epoch-seconds.csv',
    ],
    mutations: LINES,
  },
  {
    reader: 'device-tools',
    files: [
      'field/T28-rocm-smi.txt',
      'field/T28c-amd-smi.txt',
      'field/T45a-gpustat.txt',
      'field/T28b-rocm-smi-meminfo.csv',
      'tools/hl-smi.txt',
      'tools/xpu-stats.txt',
      'tools/nvtop.txt',
      'tools/nvitop.txt',
    ],
    mutations: LINES,
  },
  {
    reader: 'tracker-csv',
    files: ['tools/wandb-events.csv', 'tools/mlflow.csv', 'tools/lightning.csv'],
    mutations: LINES,
  },
  {
    reader: 'foreign',
    files: [
      'field/U12-msmemscope-dump.csv',
      'field/U25-execution-trace.json',
      'field/U27-trace-of-xla.json',
      'field/U28-xprof-memory-viewer.json',
    ],
    mutations: [...JSON_TEXT, ...LINES],
  },
  {
    reader: 'prometheus-text',
    files: [
      'prometheus-text/vllm.prom',
      'prometheus-text/dcgm-three-scrapes.prom',
      'field/T35-sglang-metrics.prom',
    ],
    mutations: LINES,
  },
  {
    reader: 'prometheus-json',
    files: ['prometheus-json/range.json', 'prometheus-json/vectors.jsonl'],
    mutations: JSONS,
  },
  {
    reader: 'kineto-trace',
    files: ['kineto-trace/steps.json', 'kineto-trace/torch19.json', 'kineto-trace/h100.json'],
    mutations: JSONS,
    knowsItsEnd: true,
  },
  {
    reader: 'memory-timeline',
    files: ['memory-timeline/h100.json', 'memory-timeline/h100.raw.json'],
    mutations: JSONS,
    knowsItsEnd: true,
  },
  { reader: 'jax-memory-profile', files: ['jax-memory-profile/live.prof.gz'], mutations: BYTES },
  {
    reader: 'nsys-sqlite',
    files: ['nsys-forms/pools.sqlite'],
    mutations: [...SQLITE, ...BYTES],
  },
  { reader: 'nsys-arrow', files: ['nsys-forms/pools.arrow'], mutations: BYTES },
  {
    reader: 'nsys-parquet',
    files: [
      'nsys-forms/pools.parquetdir/CUDA_GPU_MEMORY_USAGE_EVENTS.parquet',
      'nsys-forms/pools.parquetdir/CUDA_GPU_MEMORY_POOL_EVENTS.parquet',
    ],
    mutations: BYTES,
  },
  { reader: 'nsys-json', files: ['nsys-forms/pools.json'], mutations: JSONS },
  {
    reader: 'nsys-stats',
    files: [
      'nsys-stats/stdout.csv',
      'nsys-stats/base_cuda_gpu_trace.csv',
      'nsys-stats/old_gpumemsizesum.csv',
      'field/U20-pipit-cuda-api-trace.csv',
    ],
    mutations: LINES,
  },
  {
    reader: 'archive-gzip',
    files: ['packed:snapshot/oom.pickle.gz', 'packed:jax-memory-profile/live.prof.gz'],
    mutations: [insideGzip(SNAPSHOT), ...BYTES, headBytes, headBytes],
    knowsItsEnd: true,
  },
  {
    reader: 'archive-zstd',
    files: ['archives/serve.log.zst', 'zstd/two-frames.zst', 'zstd/text-level19-unchecked.zst'],
    mutations: [...BYTES, headBytes, headBytes],
    knowsItsEnd: true,
  },
  {
    reader: 'archive-zip',
    files: ['archives/several.zip'],
    mutations: [...BYTES, headBytes, headBytes],
    knowsItsEnd: true,
  },
  {
    reader: 'archive-tar',
    files: ['archives/several.tar'],
    mutations: [...BYTES, headBytes, headBytes],
    knowsItsEnd: true,
  },
];

/** A gzipped recording is damaged inside, unless its packing is what is tried. */
function subject({ reader, mutations, knowsItsEnd }: Listed, file: string): Subject {
  const path = file.replace(/^packed:/, '');
  const stored = new Uint8Array(readFileSync(join(FIXTURES, path)));
  const isUnpacked = file.endsWith('.gz') && path === file;
  return {
    reader,
    name: isUnpacked ? basename(file, '.gz') : basename(file),
    bytes: isUnpacked ? new Uint8Array(gunzipSync(stored)) : stored,
    mutations,
    knowsItsEnd: knowsItsEnd ?? false,
  };
}

export const subjects = (): Subject[] =>
  LIST.flatMap((listed) => listed.files.map((file) => subject(listed, file)));
