/**
 * Fields of vLLM's `MemorySnapshot` (vllm/utils/mem_utils.py) in the order in which the class prints them. cuda_memory is
 * rocm_memory, xpu_memory elsewhere.
 */
export const SNAPSHOT_FIELDS = [
  'torch_peak',
  'torch_allocated',
  'free_memory',
  'total_memory',
  'cuda_memory',
  'torch_memory',
  'non_torch_memory',
] as const;
export type SnapshotField = (typeof SNAPSHOT_FIELDS)[number];
