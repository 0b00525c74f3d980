/**
 * Files of the trade that hold no memory over time, or in a form that another export gives better: each is named, with
 * what to give instead. They are known for certain by their content, so they are asked before any reader.
 */
import { formatNumber } from '../base/units.ts';
export interface ForeignFile {
  readonly format: string;
  matches(text: string): boolean;
  /** "This is ...". */
  message(text: string): string;
  readonly advice: string;
}

const number = (text: string, pattern: RegExp): string | null => {
  const found = pattern.exec(text);
  return found === null ? null : formatNumber(Number(found[1]));
};

const times = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

export const FOREIGN_FILES: readonly ForeignFile[] = [
  {
    format: 'execution-trace',
    matches: (text) =>
      /^\s*\{[\s\S]{0,200}"schema": ?"[\w.-]*chakra/.test(text) ||
      text.slice(0, 2000).includes('[pytorch|profiler|execution_trace|'),
    message: () => 'a PyTorch execution trace (Chakra): operators, shapes and dependencies, no allocations',
    advice:
      "For memory record torch.profiler with profile_memory=True and export_chrome_trace(), or a snapshot: torch.cuda.memory._record_memory_history(), torch.cuda.memory._dump_snapshot('snapshot.pickle').",
  },
  {
    format: 'xprof-memory-viewer',
    matches: (text) =>
      text.slice(0, 4000).includes('"peakHeapMib"') &&
      /"(?:moduleName|totalBufferAllocationMib|heapSizes)"/.test(text),
    message: (text) => {
      const peak = number(text, /"peakHeapMib":\s*([\d.]+)/);
      const total = number(text, /"totalBufferAllocationMib":\s*([\d.]+)/);
      const module = /"moduleName":\s*"([^"]{1,80})"/.exec(text)?.[1];
      return `the memory viewer of XProf (TensorBoard) as JSON: what the compiler planned for one program${module === undefined ? '' : ` (${module})`}${peak === null ? '' : `, peak heap ${peak} MiB`}${total === null ? '' : `, all buffers ${total} MiB`}; not what was in use`;
    },
    advice: "What JAX holds is in jax.profiler.save_device_memory_profile('memory.prof'), which is read.",
  },
  {
    format: 'msmemscope-db',
    matches: (text) =>
      text.startsWith('SQLite format 3') && /CREATE TABLE[^(]{0,40}\b(?:memscope|leaks)_dump\b/.test(text),
    message: () => 'a database of msMemScope (Ascend); its CSV form is read',
    advice: 'Record it as CSV: msmemscope --data-format=csv ..., and open memscope_dump_*.csv.',
  },
  {
    format: 'pipit-csv',
    matches: (text) => /^Name,Process,Thread,Trace Type,Event Type,Timestamp \(ns\),/.test(text),
    message: (text) => {
      const mallocs = times(text, /^cudaMalloc\w*,[^\n]*,cuda_api,Enter,/gm);
      const frees = times(text, /^cudaFree\w*,[^\n]*,cuda_api,Enter,/gm);
      return `a table of CUDA API calls as Pipit writes it: calls on the host, ${mallocs} of cudaMalloc and ${frees} of cudaFree in what was looked at, without their sizes`;
    },
    advice:
      'Sizes are in the Nsight Systems report that it was made of, where it was recorded with --cuda-memory-usage=true: nsys export --type=sqlite REPORT.nsys-rep.',
  },
  {
    format: 'profiler-table',
    matches: (text) =>
      /^[ \t]{0,200}Name\s.{0,400}\bSelf (?:CUDA|CPU|XPU|NPU) Mem\b.{0,200}# of Calls/m.test(
        text.slice(0, 20000),
      ),
    message: () =>
      'a table of torch.profiler (key_averages().table()): sums of what each operator allocated less what it freed, never what was in use',
    advice:
      "Record it over time instead: prof.export_chrome_trace('trace.json') with profile_memory=True, or a snapshot (torch.cuda.memory._record_memory_history(), torch.cuda.memory._dump_snapshot('snapshot.pickle')).",
  },
];

/** The foreign file that a head is, or null. */
export const foreignFileOf = (text: string): ForeignFile | null =>
  FOREIGN_FILES.find((file) => file.matches(text)) ?? null;
