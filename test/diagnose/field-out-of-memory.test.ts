/** Out-of-memory messages that people posted: what each answer must say and must not (kinds 1 and 2 of the field cases). */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/engine/protocol.ts';
import { fieldFinding, textOf } from './field-for-test.ts';
import { findingsOf, GIB } from './logs-for-test.ts';

const of = (name: string): Promise<Finding> => fieldFinding('log-out-of-memory', name);
const ofText = async (text: string): Promise<Finding> =>
  (await findingsOf('log-out-of-memory', { 'oom.txt': `${text}\n` }))[0];

describe('out-of-memory messages of the field', () => {
  it('T14: with 203 GiB free it is neither full nor fragmented; the driver refused it', async () => {
    const found = await of('T14-hip-oom-203gib-free.txt');
    const text = textOf(found);
    expect(text).toContain('203 GiB were free');
    expect(found.verdict).toMatch(/neither full nor fragmented.*driver refused/s);
    expect(text).toMatch(/set_per_process_memory_fraction.*ulimit -v.*vm\.max_map_count/s);
    expect(found.remedy).toMatch(/dmesg.*mem_get_info/s);
    expect(found.remedy).not.toContain('expandable_segments');
    expect(found.confidence).toBe('medium');
  });

  it('T16: more reserved than the card has is memory of the host; 2^64 is no figure', async () => {
    const found = await of('T16-wsl-2pow34.txt');
    const text = textOf(found);
    expect(text).toMatch(/34\.6 GiB on a device of 24 GiB: memory of the host/);
    expect(text).not.toContain('in use by this process');
    expect(text).not.toMatch(/other processes hold|End the other/);
    expect(text).toContain('14.5 GiB less');
    expect(text).toContain('Prefer No Sysmem Fallback');
    expect(found.gainBytes).toBeNull();
  });

  it('T18: the named process is this very one', async () => {
    const found = await of('T18-container-own-pid.txt');
    const text = textOf(found);
    expect(text).toMatch(/15 GiB allocated.*full.*Process 482201 with 15\.6 GiB is this very process/s);
    expect(text).not.toMatch(/other processes hold|End the other/);
    expect(found.remedy).toMatch(/^Allocate less/);
    expect(found.gainBytes).toBeNull();
    expect(found.confidence).toBe('high');
  });

  it("T20: the process's own limit, not the pieces beside it", async () => {
    const found = await of('T20-hip-fraction-allowed.txt');
    expect(textOf(found)).toMatch(/own limit of 1\.05 GiB refused it/);
    expect(textOf(found)).toContain('55 MiB are cached beside it');
    expect(found.verdict).not.toContain('fragmentation');
    expect(found.remedy).toMatch(/set_per_process_memory_fraction.*empty_cache/s);
  });

  it('what was right stays right', async () => {
    for (const name of ['T57a-torch13.txt', 'T57b-torch112.txt']) {
      const found = await of(name);
      expect(found.verdict).toContain('in no one piece that fits: fragmentation');
      expect(found.remedy).toContain('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True');
      // More than a gibibyte is neither free nor PyTorch's: another process is not excluded.
      expect(found.remedy).toContain('nvidia-smi');
      expect(found.confidence).toBe('medium');
    }
    for (const name of ['T58-xpu.txt', 'T59-mps.txt']) {
      const found = await of(name);
      expect(found.verdict).toContain('the memory is full');
      expect(found.remedy).toContain('Allocate less at once');
      expect(found.confidence).toBe('high');
    }
  });
});

interface Told {
  readonly asked?: string;
  readonly total?: string;
  readonly free?: string;
  readonly processes?: string;
  readonly allowed?: string;
  readonly allocated?: string;
  readonly unallocated?: string;
}

const message = (told: Told): string =>
  `torch.OutOfMemoryError: CUDA out of memory. Tried to allocate ${told.asked ?? '2 GiB'}. GPU 0 has a total capacity of ${told.total ?? '79.2 GiB'} of which ${told.free ?? '500 MiB'} is free. ${told.processes ?? ''}${told.allowed ?? ''}Of the allocated memory ${told.allocated ?? '30 GiB'} is allocated by PyTorch, and ${told.unallocated ?? '200 MiB'} is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.`;

describe('more of the same kinds', () => {
  it('two containers on one GPU: one of two named ones is this one, the other holds what it holds', async () => {
    const found = await ofText(
      message({
        processes: 'Process 11 has 31.2 GiB memory in use. Process 12 has 47 GiB memory in use. ',
      }),
    );
    const text = textOf(found);
    expect(text).toContain('whichever of those that the message names is this one');
    // Whichever it is, the other holds 31 GiB at least: that is the gain, not the sum of both.
    expect(found.gainBytes! / GIB).toBeGreaterThan(31.1);
    expect(found.gainBytes! / GIB).toBeLessThan(31.2);
  });

  it('small ones of equal size beside a large one are contexts of other ranks', async () => {
    const found = await ofText(
      message({
        processes:
          'Process 21 has 871 MiB memory in use. Process 22 has 871 MiB memory in use. Process 23 has 873 MiB memory in use. Including non-PyTorch memory, this process has 76 GiB memory in use. ',
        allocated: '75 GiB',
        asked: '2.5 GiB',
      }),
    );
    expect(textOf(found)).toMatch(/3 processes of equal size.*other ranks/s);
    expect(found.remedy).toContain('torch.cuda.set_device(local_rank)');
    expect(found.remedy).not.toMatch(/kill|End /);
  });

  it('a process of another MIG instance holds nothing of this one', async () => {
    const slice = (other: string): Promise<Finding> =>
      ofText(
        message({
          total: '9.75 GiB',
          free: '12 MiB',
          allocated: '9 GiB',
          processes: `Process 31 has ${other} memory in use. Including non-PyTorch memory, this process has 9.6 GiB memory in use. `,
          asked: '512 MiB',
          unallocated: '80 MiB',
        }),
      );
    // More than this instance has: it is on another.
    const large = await slice('38 GiB');
    expect(textOf(large)).toContain('the memory is full');
    expect(textOf(large)).not.toContain('other processes hold');
    expect(large.gainBytes).toBeNull();
    // It would fit, but not beside this process: the figures do not fit each other.
    const small = await slice('5 GiB');
    expect(small.confidence).not.toBe('high');
    expect(small.gainBytes).toBeNull();
  });

  it('a process far larger than what PyTorch reserved need not be this one, where there is room beside it', async () => {
    const found = await ofText(
      message({
        processes: 'Process 300 has 60 GiB memory in use. ',
        allocated: '17.6 GiB',
        free: '600 MiB',
      }),
    );
    expect(textOf(found)).not.toContain('most likely this process');
    expect(found.gainBytes).toBeNull();
  });

  it('more free than the device has: the figures contradict each other', async () => {
    const found = await ofText(message({ free: '90 GiB', allocated: '3 GiB' }));
    expect(found.verdict).toContain('contradict');
    expect(found.confidence).toBe('low');
  });

  it('pieces in the cache and another process, each enough: both are named, none is high', async () => {
    const found = await ofText(
      message({
        processes:
          'Process 41 has 40 GiB memory in use. Including non-PyTorch memory, this process has 38.5 GiB memory in use. ',
        allocated: '33 GiB',
        unallocated: '5 GiB',
      }),
    );
    expect(textOf(found)).toMatch(/fragmentation.*other processes hold 40 GiB/s);
    expect(found.confidence).toBe('medium');
  });

  it('a limit and a full device: a higher limit alone does not serve it', async () => {
    const found = await ofText(
      message({
        free: '1 GiB',
        allowed: '31 GiB allowed; ',
        processes: 'Including non-PyTorch memory, this process has 30.8 GiB memory in use. ',
      }),
    );
    expect(textOf(found)).toMatch(/own limit of 31 GiB.*The device had too little as well/s);
    expect(found.confidence).toBe('medium');
  });

  it('more than 2^60 bytes: a size that was computed wrongly', async () => {
    const found = await ofText('CUDA out of memory. Tried to allocate more than 1EB memory.');
    expect(found.verdict).toContain('computed wrongly');
    expect(found.confidence).toBe('high');
  });

  it('the flags of a server stand only in what is said of that server', async () => {
    const found = await ofText(
      message({
        allocated: '77 GiB',
        processes: 'Including non-PyTorch memory, this process has 78.4 GiB memory in use. ',
      }),
    );
    expect(textOf(found)).toContain('the memory is full');
    expect(found.remedy).not.toMatch(/--max-num|--mem-fraction|--gpu-memory-utilization/);
  });
});
