/** A server, requests and growth as the engine tells them, with whatever a test wants different. */
import { rankNamed } from '../../base/rank-for-test.ts';
import type {
  GaugeGrowthView,
  KvView,
  KvWhatIf,
  RequestBucketsView,
  RequestBucket,
  ServerView,
  EngineUsage,
  UsageWindow,
} from '../../../src/engine/protocol.ts';

export const whatIf = (changes: Partial<KvWhatIf> = {}): KvWhatIf => ({
  setting: '--gpu-memory-utilization 0.95',
  bytes: { least: 35_181_956_169, most: 35_193_230_459 },
  bytesGained: { least: 2_384_512_155, most: 2_385_049_026 },
  tokens: { least: 536_912, most: 536_960 },
  concurrency: { least: 4.0963, most: 4.0967 },
  refused: null,
  notes: ['2.21 GiB of the device would stay outside.'],
  ...changes,
});

/** Two ranks of a server of Llama 3 8B. */
export const kv = (changes: Partial<KvView> = {}): KvView => ({
  start: 1,
  engine: '',
  bytes: { value: 32_802_812_723, error: 5_368_709.62 },
  leastRank: rankNamed('TP1'),
  ranks: 2,
  tokens: 500_544,
  blocks: 31_284,
  blockSize: 16,
  maxModelLen: 131_072,
  concurrency: { value: 3.82, error: 0.005 },
  bytesPerToken: { least: 65_521.5, most: 65_545 },
  shape: 'uniform',
  kvDtype: null,
  tensorParallel: 2,
  pipelineParallel: 1,
  maxNumSeqs: 256,
  missing: [],
  checks: [
    {
      what: 'concurrency = tokens / max-model-len',
      printed: 3.82,
      computed: { least: 3.81884765625, most: 3.81884765625 },
      agrees: true,
    },
  ],
  whatIfs: [
    whatIf(),
    whatIf({
      setting: '--kv-cache-dtype fp8',
      bytes: null,
      bytesGained: null,
      tokens: null,
      concurrency: null,
      refused: 'The log says "auto" for the dtype of the KV cache.',
      notes: [],
    }),
  ],
  model: null,
  ...changes,
});

const extent = (first: number, last: number) => ({
  first,
  last,
  min: Math.min(first, last),
  max: Math.max(first, last),
});

export const usageWindow = (changes: Partial<UsageWindow> = {}): UsageWindow => ({
  state: 'filling',
  startNs: 1_795_252_300_000_000_000n,
  endNs: 1_795_252_360_000_000_000n,
  samples: 7,
  usage: extent(0.12, 0.95),
  running: extent(5, 12),
  waiting: extent(0, 0),
  generation: extent(77, 422),
  prompt: null,
  hitRate: null,
  preemptions: 0,
  ...changes,
});

export const usage = (changes: Partial<EngineUsage> = {}): EngineUsage => ({
  labels: { engine: '000' },
  verdict: 'stuck',
  last: 'stuck',
  evidence: null,
  sentence: 'Requests are there and no token comes of it.',
  prefixCache: null,
  missing: [],
  windows: [
    usageWindow(),
    usageWindow({
      state: 'stuck',
      startNs: 1_795_252_370_000_000_000n,
      endNs: 1_795_252_490_000_000_000n,
      samples: 13,
      usage: extent(0.99, 0.99),
      running: extent(3, 3),
      generation: extent(0, 0),
    }),
  ],
  ...changes,
});

export const server = (changes: Partial<ServerView> = {}): ServerView => ({
  sourceId: 1,
  file: 'vllm.log',
  producer: 'vLLM 0.6.4.post1, V0 engine',
  waterfalls: [],
  pods: [],
  gpusPerPod: null,
  modelConfig: null,
  modelError: null,
  worldSize: 2,
  whole: null,
  kv: [kv()],
  usage: [usage()],
  ...changes,
});

export const bucket = (changes: Partial<RequestBucket> = {}): RequestBucket => ({
  name: 'M',
  above: 512,
  upTo: 2048,
  count: 6,
  share: 0.6,
  inputTokens: 7400,
  outputTokens: 72,
  tokens: { min: 712, mean: 1245.33, max: 1512 },
  steps: 3,
  growth: 931_135_488,
  largestStep: 866_123_776,
  before: { min: 4_704_960_512, mean: 4_731_524_437, max: 4_769_972_224 },
  after: { min: 4_719_640_576, mean: 5_041_902_933, max: 5_636_096_000 },
  waiting: null,
  running: null,
  ...changes,
});

export const buckets = (changes: Partial<RequestBucketsView> = {}): RequestBucketsView => ({
  sourceId: 1,
  file: 'requests.log',
  memory: 'Memory used, GPU 0, smi.log',
  join: 'clock',
  bounds: { by: 'total', upTo: [512, 2048, 4096] },
  buckets: [
    bucket({
      name: 'S',
      above: 0,
      upTo: 512,
      count: 1,
      share: 0.1,
      tokens: { min: 212, mean: 212, max: 212 },
      growth: 0,
      largestStep: 0,
    }),
    bucket(),
    bucket({
      name: 'XL',
      above: 4096,
      upTo: null,
      count: 3,
      share: 0.3,
      steps: 0,
      growth: 0,
      largestStep: null,
      before: null,
      after: null,
    }),
  ],
  mixed: { steps: 2, requests: 5, growth: 2_097_152 },
  idle: { steps: 3, growth: -1_142_947_840 },
  growth: -209_715_200,
  granularity: 1_048_576,
  uncertain: 10,
  unclassified: 0,
  notes: [],
  ...changes,
});

export const gaugeGrowth = (changes: Partial<GaugeGrowthView> = {}): GaugeGrowthView => ({
  sourceId: 1,
  file: 'report.log',
  gauge: 'memory_allocated',
  label: 'Allocated',
  device: null,
  labels: {},
  samples: 21,
  kind: 'warm_up_plateau',
  confidence: 'high',
  boundBytes: 3_123_000_000,
  slopeBytesPerSample: null,
  slopeBytesPerSecond: null,
  why: ['It grows until sample 1 and not in the 19 samples after it.'],
  ...changes,
});
