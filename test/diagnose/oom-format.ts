/** Bytes as PyTorch prints them: format_size of c10/cuda/CUDACachingAllocator.cpp. */
export function formatSize(bytes: number): string {
  if (bytes <= 1024) return `${bytes} bytes`;
  if (bytes <= 2 ** 20) return `${(bytes / 1024).toFixed(2)} KiB`;
  if (bytes <= 2 ** 30) return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
