/**
 * Every table there is, declared once: the exports of page and command, `element.tables()` and docs/tables.md follow
 * from these. Bytes are whole numbers and times nanoseconds; what a source does not tell is null.
 *
 * A change of a name, a type or a meaning here changes what people's scripts read: raise SCHEMA_VERSION with it. A new
 * table or a new column at the end does not.
 */
import { declare, field, optional } from './fields.ts';

/** Stands in the metadata of every file as `vramscope.schema`. */
export const SCHEMA_VERSION = 1;

const source = field('uint16', 'Number of the file in the order of opening, from 0');
const file = field('dictionary16', 'Name of the file');
const device = field('int32', "GPU index; -1: the machine's own memory, pinned");
const stack = optional('uint32', 'Node in `stacks` of the same source');
const frame = optional('dictionary32', 'Innermost frame of the stack: name, file and line');
const forward = optional('uint32', 'Node in `stacks`: the forward pass that a backward operator belongs to');
const stream = field('dictionary16', 'Stream; "0" is the default stream');

export const EVENTS = declare(
  'events',
  'What a recording saw happen, one row an event, in the order of time: PyTorch snapshots, Kineto, Nsight Systems.',
  {
    source,
    file,
    device,
    row: field('uint32', 'Number of the event among those of its device, from 0: findings name events by it'),
    time_ns: field('int64', 'Nanoseconds on the clock of the source; row numbers where it has none'),
    action: field('dictionary8', 'alloc, free_requested, free_completed, segment_alloc, oom, ...'),
    address: field('uint64', 'Address of the block or segment'),
    size: field('uint64', 'Bytes: PyTorch alloc and free: requested; segment_*: mapped; oom: requested'),
    stream,
    pool: optional('dictionary8', 'PyTorch: large_pool or small_pool; null elsewhere'),
    memory_kind: optional('dictionary8', 'Nsight: device, pinned, managed, ...; PyTorch, host: pinned'),
    stack,
    frame,
    device_free: optional('float64', 'Bytes free on the device, as the allocator printed them at an oom'),
    pool_id: optional('dictionary32', 'Private pool, "(0, 1)"; "" for the default pool; null: not recorded'),
    compile_context: optional('dictionary32', 'Region of torch.compile that it happened in'),
    user_metadata: optional(
      'dictionary32',
      'What the program had set as metadata; of annotate: the annotation',
    ),
    internal_metadata: optional('dictionary32', 'The same of PyTorch itself'),
    action_name: optional('dictionary32', 'The action as the file has it, where `action` is unknown'),
    forward_stack: forward,
  },
);

export const SEGMENTS = declare(
  'segments',
  'What PyTorch had reserved when the snapshot was taken, one row a segment.',
  {
    source,
    file,
    device,
    segment: field('uint32', 'Number of the segment on its device, from 0'),
    address: field('uint64', 'Address'),
    total_size: field('float64', 'Bytes reserved'),
    allocated_size: field('float64', 'Bytes of its blocks that are allocated'),
    active_size: field('float64', 'Bytes allocated or waiting to be freed'),
    requested_size: optional('float64', 'Bytes requested; null: not recorded by this version of PyTorch'),
    stream,
    pool: field('dictionary8', 'large_pool or small_pool'),
    is_expandable: field('bool', 'Made under expandable_segments'),
    pool_id: field('dictionary32', 'Private pool, "(0, 1)"; "" for the default pool'),
    stack,
    frame,
  },
);

export const BLOCKS = declare(
  'blocks',
  'The blocks of these segments when the snapshot was taken, one row a block, in the order of addresses.',
  {
    source,
    file,
    device,
    segment: field('uint32', 'Row in `segments` of the same device'),
    address: field('uint64', 'Address'),
    size: field('float64', 'Bytes, rounded up by the allocator'),
    requested_size: optional('float64', 'Bytes requested; null: not recorded'),
    state: field('dictionary8', 'active_allocated, active_pending_free or inactive'),
    stack,
    frame,
    forward_stack: forward,
  },
);

export const STACKS = declare(
  'stacks',
  'Call stacks as a tree, one row a node: follow `parent` from a stack to its outermost caller.',
  {
    source,
    file,
    stack: field('uint32', 'Number of the node in this source'),
    parent: optional('uint32', 'Node of the caller; null: the outermost frame'),
    name: field('dictionary32', 'Function'),
    filename: field('dictionary32', 'Source file'),
    line: optional('int32', 'Line'),
  },
);

export const ANNOTATIONS = declare('annotations', 'Ranges that the program named, one row a range.', {
  source,
  file,
  device,
  name: field('dictionary32', 'Name'),
  start_ns: field('int64', 'Begin, on the clock of the events'),
  end_ns: optional('int64', 'End; null: never closed in this recording'),
});

export const KERNELS = declare(
  'kernels',
  'Kernels that ran (Nsight Systems), in the order of their starts.',
  {
    source,
    file,
    device,
    start_ns: field('int64', 'Begin, on the clock of the events'),
    end_ns: field('int64', 'End'),
    name: field('dictionary32', 'Kernel'),
    stream: field('dictionary16', 'Stream'),
  },
);

export const POOLS_TABLE = declare(
  'pools',
  'State of a cudaMallocAsync pool after each event that concerned it (Nsight Systems).',
  {
    source,
    file,
    device,
    pool_address: field('uint64', 'The pool'),
    time_ns: field('int64', 'On the clock of the events'),
    utilized: optional('float64', 'Bytes in use after the event'),
    size: optional('float64', 'Bytes that the pool holds after the event'),
    release_threshold: optional('float64', 'Bytes that the pool keeps'),
    event_row: optional('uint32', '`row` of the event; null: it happened to the pool itself'),
    process: optional('uint16', 'Number of the process whose pool it is; null: not told'),
  },
);

export const SUMMARIES = declare(
  'summaries',
  'Rows of torch.cuda.memory_summary(), one a metric, pool and summary. A printed figure f means [f, f + its error).',
  {
    source,
    file,
    step: field('uint32', 'Number of the summary in the log, from 0'),
    label: optional('utf8', 'The line before it that names the step'),
    device,
    ooms: field('float64', 'CUDA OOMs'),
    retries: field('float64', 'cudaMalloc retries'),
    offset: field('float64', 'Byte of the log at which the summary begins'),
    metric: field('dictionary32', 'As printed: "Allocated memory"'),
    pool: field('dictionary32', 'all, large_pool or small_pool'),
    current: optional('float64', 'Bytes or a count: Cur Usage'),
    peak: optional('float64', 'Peak Usage'),
    allocated: optional('float64', 'Tot Alloc'),
    freed: optional('float64', 'Tot Freed'),
    current_error: optional('float64', 'Width of the last printed digit'),
    peak_error: optional('float64', 'Of the peak'),
    allocated_error: optional('float64', 'Of Tot Alloc'),
    freed_error: optional('float64', 'Of Tot Freed'),
  },
);

export const GAUGES = declare(
  'gauges',
  'Figures over time of logs and monitors (nvidia-smi, DCGM, vLLM, ...), one row a sample.',
  {
    source,
    file,
    gauge: field('dictionary32', 'In the words of the producer: "memory.used"'),
    label: field('dictionary32', 'In plain words'),
    unit: field('dictionary8', 'bytes, ratio, count, tokens, watts, ...'),
    device: optional('int32', 'GPU index; null: not named'),
    labels: field(
      'dictionary32',
      'What else tells it from its neighbours (pod, rank, ...), as a JSON object',
    ),
    clock: field('dictionary8', 'wall: Unix time; local: taken as UTC; none: ordinals'),
    time_ns: field('int64', 'Nanoseconds on this clock'),
    value: optional('float64', 'In the unit; null: the sample is missing'),
    granularity: field('float64', 'Width of the last printed digit, in the unit; 0: exact'),
  },
);

export const REQUESTS = declare('requests', 'Requests of a request log, one row a request.', {
  source,
  file,
  time: optional('utf8', 'As printed'),
  since_first_ns: optional('int64', 'Nanoseconds after the first request'),
  input_tokens: optional('float64', 'Tokens of the prompt'),
  output_tokens: optional('float64', 'Tokens of the answer'),
  fields: field('utf8', 'The other fields of the line, as a JSON object'),
});

export const BUDGETS = declare(
  'budgets',
  'The memory budget that a server printed (vLLM, SGLang), one row a figure.',
  {
    source,
    file,
    rank: field('dictionary16', '"TP0", "rank 3"; "" where the log names none'),
    producer: field('dictionary16', 'Who printed it'),
    part: field('dictionary8', 'weights, kv_cache, activation_peak, ...'),
    label: field('dictionary16', 'In plain words'),
    value: field(
      'float64',
      'Bytes; utilization: 0 to 1; counts of blocks and tokens; max_concurrency: a ratio',
    ),
    granularity: field('float64', 'Width of the last printed digit, in the same unit; 0: exact'),
    offset: field('float64', 'Byte of the log at which its line begins'),
  },
);

export const LOG_EVENTS = declare(
  'log_events',
  'What happened at one line of a log: out of memory, preemption, ...',
  {
    source,
    file,
    kind: field('dictionary8', 'oom, preemption, sleep, start_refused, other'),
    time_ns: optional('int64', 'On the clock of the source; null: the line carries no time'),
    device: optional('int32', 'GPU index; null: not named'),
    text: field('utf8', 'The line'),
    figures: field('utf8', 'Bytes by name, as a JSON object'),
    offset: field('float64', 'Byte of the log at which the line begins'),
  },
);

export const FINDINGS = declare(
  'findings',
  'What the diagnosis says of all open files, one row a finding and device.',
  {
    source: optional('uint16', 'Number of the file; null: about a server, a log or several files'),
    file: optional('dictionary16', 'Name of the file'),
    device: optional('int32', 'GPU index'),
    finding: field('dictionary16', 'Id of docs/diagnosis.md: "linear-leak"'),
    severity: field('dictionary8', 'problem, risk, info or good'),
    title: field('utf8', 'A few words'),
    verdict: field('utf8', 'What was found'),
    confidence: field('dictionary8', 'certain, high, medium or low'),
    confidence_why: field('utf8', 'Why that much and no more'),
    remedy: optional('utf8', 'What to change; null: nothing'),
    gain_bytes: optional('float64', 'Bytes that the remedy gives back; null: not computed'),
    gain_how: optional('utf8', 'How that was computed'),
    would_change: field('utf8', 'What would change the verdict'),
    evidence: field('utf8', 'A JSON list of { text, row, rows }: `row` is that of `events`'),
  },
);

/** In the order in which they are listed and documented. */
export const DECLARATIONS = [
  EVENTS,
  SEGMENTS,
  BLOCKS,
  STACKS,
  ANNOTATIONS,
  KERNELS,
  POOLS_TABLE,
  SUMMARIES,
  GAUGES,
  REQUESTS,
  BUDGETS,
  LOG_EVENTS,
  FINDINGS,
] as const;

export type TableName = (typeof DECLARATIONS)[number]['name'];
