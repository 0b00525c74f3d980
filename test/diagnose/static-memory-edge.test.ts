/** SGLang's share of memory for weights and KV cache, and what it leaves for the rest. */
import { describe, expect, it } from 'vitest';
import { findingsOf } from './logs-for-test.ts';

/** A start of SGLang on 80 GB: figures in GB as it prints them (they are GiB). */
const log = (left: string, fraction = '0.92', more: readonly string[] = []): Record<string, string[]> => ({
  'sglang.log': [
    `[2026-08-01 23:37:38] server_args=ServerArgs(model_path='acme/tiny', mem_fraction_static=${fraction}, tp_size=1)`,
    '[2026-08-01 23:37:50] Load weight begin. avail mem=78 GB',
    '[2026-08-01 23:39:39] Load weight end. elapsed=9.33 s, type=TinyForCausalLM, dtype=torch.bfloat16, avail mem=48 GB, mem usage=30 GB.',
    '[2026-08-01 23:40:01] KV Cache is allocated. #tokens: 148717, K size: 20 GB, V size: 20 GB',
    '[2026-08-01 23:40:01] Memory pool end. avail mem=7.8 GB',
    `[2026-08-01 23:43:42] max_total_num_tokens=148717, chunked_prefill_size=8192, max_prefill_tokens=16384, max_running_requests=48, context_len=65536, available_gpu_mem=${left} GB`,
    ...more,
  ],
});
const OOM =
  '[2026-08-01 23:50:00] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3 GiB. GPU 0 has a total capacity of 79.2 GiB of which 1.2 GiB is free. Including non-PyTorch memory, this process has 78 GiB memory in use. Of the allocated memory 76 GiB is allocated by PyTorch, and 1 GiB is reserved by PyTorch but unallocated.';

describe("SGLang's --mem-fraction-static", () => {
  it('is too high where little is left when the server is ready', async () => {
    const [found] = await findingsOf('utilization-edge', log('1.20'));
    expect(found).toMatchObject({ severity: 'risk', confidence: 'medium' });
    expect(found.title).toContain('--mem-fraction-static 0.92 leaves 1.2 GiB');
    // 5 GB are wanted, 1.2 GiB are left: 3.46 GiB of 78 are 0.044.
    expect(found.remedy).toContain('--mem-fraction-static 0.87');
    expect(found.gainBytes).toBe(Math.floor((0.92 - 0.87) * 78 * 2 ** 30));
    expect(found.gainBytes! + 1.2 * 2 ** 30).toBeGreaterThanOrEqual(5e9);
  });

  it('is not where enough is left, nor where the log does not name it', async () => {
    expect(await findingsOf('utilization-edge', log('2.60'))).toEqual([]);
    expect(await findingsOf('utilization-edge', log('1.20', 'None'))).toEqual([]);
  });

  it('is a problem where it ended out of memory, then with more left, too', async () => {
    const [found] = await findingsOf('utilization-edge', log('2.60', '0.92', [OOM]));
    expect(found).toMatchObject({ severity: 'problem', confidence: 'high' });
    expect(await findingsOf('utilization-edge', log('5.60', '0.92', [OOM]))).toEqual([]);
  });
});
