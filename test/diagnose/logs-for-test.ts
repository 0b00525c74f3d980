/** Logs as text through the engine: what it says of them, by the rules and by its facts. */
import { plainFinding } from '../../src/diagnose/plain-finding.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Diagnosis, Finding, ServerGiven } from '../../src/engine/protocol.ts';
import { BytesSource } from '../read/open-for-test.ts';

export type Files = Readonly<Record<string, string | readonly string[] | Uint8Array>>;

const bytesOf = (content: Files[string]): Uint8Array => {
  if (content instanceof Uint8Array) return content;
  return new TextEncoder().encode(typeof content === 'string' ? content : `${content.join('\n')}\n`);
};

/** An engine with these files open; `ids` by file name (a file of several sources: its first). */
export async function openFiles(files: Files): Promise<{ engine: Engine; ids: Map<string, number> }> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const ids = new Map<string, number>();
  for (const [name, content] of Object.entries(files)) {
    const views = await engine.open(ids.size + 1, new BytesSource(name, bytesOf(content)), () => undefined);
    ids.set(name, views[0].id);
  }
  return { engine, ids };
}

export async function diagnosisOf(engine: Engine): Promise<Diagnosis> {
  const answer = await engine.diagnosis();
  if (!answer.ok) throw new Error(answer.error.message);
  return { ...answer.value, findings: answer.value.findings.map(plainFinding) };
}

/** `given`: of every file. */
export async function diagnoseFiles(files: Files, given?: ServerGiven): Promise<Diagnosis> {
  const { engine, ids } = await openFiles(files);
  if (given !== undefined) for (const id of ids.values()) await engine.setServer(id, given);
  return diagnosisOf(engine);
}

/** The findings of one rule. */
export async function findingsOf(id: string, files: Files, given?: ServerGiven): Promise<readonly Finding[]> {
  const { findings } = await diagnoseFiles(files, given);
  return findings.filter((finding) => finding.id === id);
}

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;

const AT = 'INFO 03-20 19:40:50';

export interface BudgetText {
  readonly total?: number;
  readonly utilization?: number;
  readonly weights?: number;
  readonly kv?: number;
  /** "(VllmWorkerProcess pid=7) " */
  readonly prefix?: string;
}

/** The lines in which vLLM 0.7 prints one rank's budget, GiB. Non-torch 2.30, activation peak 1.42. */
export function budgetLines(told: BudgetText = {}): string[] {
  const { total = 94.68, utilization = 0.9, weights = 42.59, prefix = '' } = told;
  const kv = told.kv ?? total * utilization - weights - 2.3 - 1.42;
  return [
    `${prefix}${AT} worker.py:267] the current vLLM instance can use total_gpu_memory (${total.toFixed(2)}GiB) x gpu_memory_utilization (${utilization.toFixed(2)}) = ${(total * utilization).toFixed(2)}GiB`,
    `${prefix}${AT} worker.py:267] model weights take ${weights.toFixed(2)}GiB; non_torch_memory takes 2.30GiB; PyTorch activation peak memory takes 1.42GiB; the rest of the memory reserved for KV Cache is ${kv.toFixed(2)}GiB.`,
  ];
}

/** The line with which an engine of vLLM starts. */
export const engineLine = (settings = '', version = '0.7.2'): string =>
  `${AT} llm_engine.py:234] Initializing a V0 LLM engine (v${version}) with config: model='m', dtype=torch.bfloat16, max_seq_len=8192, ${settings}`;

const clockText = (second: number): string => {
  const at = new Date(Date.UTC(2026, 2, 20, 12, 0, 0) + second * 1000).toISOString();
  return `${at.slice(5, 7)}-${at.slice(8, 10)} ${at.slice(11, 19)}`;
};

/** A line of vLLM's statistics. */
export const statsLine = (
  second: number,
  usage: number,
  running: number,
  waiting: number,
  generated: number,
): string =>
  `INFO ${clockText(second)} metrics.py:455] Avg prompt throughput: ${generated === 0 ? '0.0' : '55.0'} tokens/s, Avg generation throughput: ${generated.toFixed(1)} tokens/s, Running: ${running} reqs, Swapped: 0 reqs, Pending: ${waiting} reqs, GPU KV cache usage: ${usage.toFixed(1)}%, CPU KV cache usage: 0.0%.`;

/** A row of `nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv`, MiB. */
export const smiHeader = 'timestamp, index, memory.used [MiB], memory.total [MiB]';
export function smiRow(second: number, used: number, total = 81559): string {
  const at = new Date(Date.UTC(2026, 2, 20, 12, 0, 0) + second * 1000).toISOString();
  return `${at.slice(0, 10).replaceAll('-', '/')} ${at.slice(11, 23)}, 0, ${used} MiB, ${total} MiB`;
}

/** nvidia-smi's table of one H100 with one MIG instance of 40,448 MiB, of which `used` MiB are used. */
export const migTable = (used: number): string => `Tue Jul 14 09:00:43 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 590.48.01              Driver Version: 590.48.01      CUDA Version: 13.1     |
+-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
|=========================================+========================+======================|
|   0  NVIDIA H100 80GB HBM3          On  |   00000000:00:09.0 Off |                   On |
| N/A   52C    P0            432W /  700W |   ${String(used + 34).padStart(5)}MiB /  81559MiB |     N/A      Default |
|                                         |                        |              Enabled |
+-----------------------------------------+------------------------+----------------------+
+-----------------------------------------------------------------------------------------+
| MIG devices:                                                                            |
+------------------+----------------------------------+-----------+-----------------------+
|  0    2   0   0  |           ${String(used).padStart(5)}MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |
|                  |               0MiB / 65535MiB    |           |                       |
+------------------+----------------------------------+-----------+-----------------------+
`;
