/** What to record, and how: the lessons of the empty page. */
import { RECORDER, RECORDER_FILE } from '../../base/recorder.ts';

export interface Recipe {
  readonly id: string;
  readonly title: string;
  readonly answers: string;
  readonly language: 'Python' | 'Shell';
  readonly code: string;
  readonly then: string;
  /** A file to save beside it. */
  readonly file?: { readonly name: string; readonly text: string };
}

export const RECIPES: readonly Recipe[] = [
  {
    id: 'snapshot',
    title: 'PyTorch memory snapshot',
    answers: 'Every allocation with its stack: who holds what, when, on which stream.',
    language: 'Python',
    code: `from torch.cuda import memory

# before the model is made: nothing is missed
memory._record_memory_history(
    max_entries=1_000_000)

...  # the part whose memory grows

memory._dump_snapshot("snapshot.pickle")`,
    then: 'Open snapshot.pickle (or snapshot.pickle.gz) here.',
  },
  {
    id: 'recorder',
    title: 'A recorder that was running',
    answers:
      'Snapshots when memory runs out, when it grows, or on a signal; totals in a log. A few files, however long it runs.',
    language: 'Python',
    code: `import vramscope_record

# before the model is made
recorder = vramscope_record.start(
    folder="memory", growth_mib=1024)

for batch in batches:
    run(batch)
    recorder.step()`,
    then: 'Save the file beside your program; open the folder "memory" here.',
    file: { name: RECORDER_FILE, text: RECORDER },
  },
  {
    id: 'summary',
    title: 'torch.cuda.memory_summary()',
    answers: 'No recording needed: how the totals move from step to step.',
    language: 'Python',
    code: `for step, batch in enumerate(batches):
    run(batch)
    print(f"step {step}")
    print(torch.cuda.memory_summary())`,
    then: 'Open the log as it is; other lines in it do no harm.',
  },
  {
    id: 'nsys',
    title: 'Nsight Systems',
    answers: 'Memory of the whole process by kind, whichever library requested it.',
    language: 'Shell',
    code: `nsys profile --output=run \\
    --trace=cuda,nvtx \\
    --cuda-memory-usage=true \\
    python app.py
nsys export --type=sqlite \\
    --output=run.sqlite run.nsys-rep`,
    then: 'Open run.sqlite here.',
  },
];

/** What else is read, in a line each; docs/formats.md is the full table. */
export interface OtherInput {
  readonly name: string;
  readonly how: string;
  readonly answers: string;
}

export const OTHER_INPUTS: readonly OtherInput[] = [
  {
    name: 'vLLM and SGLang logs',
    how: "the server's output, as it is",
    answers: 'the memory budget of each rank, KV cache use, requests waiting',
  },
  {
    name: 'vLLM memory snapshots',
    how: 'MemorySnapshot and MemoryProfilingResult as they print, from a debugger or a DEBUG log: Ctrl+V',
    answers: 'before, after, difference, the three categories, and whether the figures agree',
  },
  {
    name: 'nvidia-smi',
    how: 'nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv -l 1 > smi.csv',
    answers: 'memory of each GPU over time, all processes together',
  },
  {
    name: 'Prometheus and DCGM',
    how: 'a /metrics page, or the JSON of query_range',
    answers: 'memory and KV cache by GPU and pod',
  },
  {
    name: 'Kineto traces',
    how: 'torch.profiler with profile_memory=True, export_chrome_trace()',
    answers: 'allocated and reserved bytes beside operators',
  },
  {
    name: 'Out-of-memory messages',
    how: 'any log that holds one, or the message alone: Ctrl+V',
    answers: 'what was requested, what was free, what PyTorch held',
  },
];
