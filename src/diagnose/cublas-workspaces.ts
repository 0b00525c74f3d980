/** cuBLAS keeps a workspace for each stream and thread that ever asked it for a product: how much that is. */
import { count } from '../base/words.ts';
import { about, type DeviceRule } from './device-rule.ts';
import { evidence } from './finding.ts';
import { code, exactSize, size } from './words.ts';

/** Below both of these they are not worth a word. */
const WORTH_BYTES = 64 << 20;
const WORTH_SHARE = 0.02;

export const cublasWorkspaces: DeviceRule = (facts) => {
  const { bytes, rows, streams, many } = facts.workspaces;
  if (!many || bytes < WORTH_BYTES || bytes < WORTH_SHARE * facts.reservedPeak.bytes) return [];
  return [
    about(facts, {
      id: 'cublas-workspaces',
      severity: 'info',
      title: `cuBLAS keeps ${size(bytes)} of workspaces, for ${count(streams, 'stream')}`,
      verdict: `PyTorch gives each stream (and thread) a workspace at its first matrix product and never takes it back: ${exactSize(bytes)} in all. It grows with new streams and not with the iterations, and ends where streams are reused: PyTorch has 32 of each priority. Growth is judged without it.`,
      confidence: 'high',
      confidenceWhy:
        'Known by their sizes (32 MiB on Hopper and later, 8320 KiB before; 1 MiB for cublasLt), by coming right behind the first product on a stream, and because none was freed. Tensors of exactly that size which are kept once for each stream would look the same.',
      evidence: rows
        .slice(0, 3)
        .map((row) =>
          evidence(`A workspace of ${exactSize(facts.sizeOf(row))}, made at event ${row}.`, { row }),
        ),
      remedy: `Use few streams and use them again: capture all CUDA graphs on one side stream instead of a new torch.cuda.Stream() for each. Smaller workspaces: ${code('CUBLAS_WORKSPACE_CONFIG=:16:8')} (slower products), or ${code('CUBLAS_WORKSPACE_CONFIG=:4096:2:16:8')} (8 MiB, the default before Hopper). ${code('torch._C._cuda_clearCublasWorkspaces()')} gives them back once.`,
      gainBytes: bytes,
      gainHow: 'what the workspaces hold at the end of the recording',
      wouldChange: 'Frees of these allocations.',
    }),
  ];
};
