/**
 * `torch.cuda.host_memory_stats()`: figures of pinned host memory, told from those of a GPU by their keys and kept apart
 * from them. Two forms (torch/cuda/memory.py, aten/src/ATen/core/CachingHostAllocator.h):
 *
 *                                       up to 2.8                  newer
 *   blocks that PyTorch has pinned      segment, reserved_bytes    allocations, allocated_bytes
 *   those that the program uses         allocation, allocated_bytes   active_requests, active_bytes
 */

/** Metrics of the newer form by group of keys. */
const NEWER: Readonly<Record<string, string>> = {
  allocated_bytes: 'Pinned host memory',
  active_bytes: 'Pinned host memory in use',
  allocations: 'Pinned blocks',
  active_requests: 'Pinned blocks in use',
};
const OLDER: Readonly<Record<string, string>> = {
  reserved_bytes: 'Pinned host memory',
  allocated_bytes: 'Pinned host memory in use',
  segment: 'Pinned blocks',
  allocation: 'Pinned blocks in use',
};

/** Metrics by group of keys where the keys are those of pinned host memory; null: they are a GPU's. */
export function hostMetrics(keys: readonly string[]): Readonly<Record<string, string>> | null {
  // A GPU's figures are told by pool, "allocated_bytes.all.current".
  if (keys.some((key) => /\.(?:all|large_pool|small_pool)\./.test(key))) return null;
  const isHost = keys.some((key) => /^num_host_|^host_(?:alloc|free)_time\.|^active_requests\./.test(key));
  const flat = keys.some((key) => /^(?:allocated|active|reserved)_bytes\.(?:current|peak)$/.test(key));
  if (!isHost && !flat) return null;
  return keys.some((key) => key.startsWith('reserved_bytes.')) ? OLDER : NEWER;
}
