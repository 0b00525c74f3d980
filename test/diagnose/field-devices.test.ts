/** Lists of processes, GPUs without a total, states without history: what each answer must say and must not. */
import { describe, expect, it } from 'vitest';
import { ungroup } from '../../src/diagnose/group-devices.ts';
import { Engine } from '../../src/engine/engine.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { fieldDiagnosis, fieldFile, fieldFinding, textOf } from './field-for-test.ts';

/** Warnings and what was not recorded, as one text. */
async function toldOf(name: string): Promise<string> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [view] = await engine.open(1, new BytesSource(name, fieldFile(name)), () => undefined);
  return JSON.stringify(view, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

describe('lists of processes', () => {
  it('T34: ranks with a context on GPU 0 are not killed', async () => {
    const { findings } = await fieldDiagnosis('T34-ranks-on-gpu0.txt');
    expect(findings).toHaveLength(1);
    const text = textOf(findings[0]);
    expect(text).toMatch(/3 x 871 MiB.*process 7173 25\.6 GiB on GPU 1/s);
    expect(text).toContain('torch.cuda.set_device(local_rank)');
    expect(text).toContain('CUDA_VISIBLE_DEVICES');
    expect(text).not.toMatch(/\bkill\b|left over/);
    expect(findings[0].gainBytes).toBe(2_739_929_088);
  });

  it('T13: a GPU that shares the memory of its host has no total', async () => {
    const text = await toldOf('T13-gb10-not-supported.txt');
    expect(text).toContain('106,593 MiB');
    expect(text).toContain('104 GiB');
    expect(text).toMatch(/NVIDIA GB10 shares the memory of its host/);
    expect(text).toMatch(/\/proc\/meminfo.*--query-compute-apps=timestamp,pid,process_name,used_gpu_memory/s);
    expect(text).not.toContain('--query-gpu=timestamp,index,memory.used');
    const query = await toldOf('T13b-gb10-query.csv');
    expect(query).toMatch(/memory\.used has no figure in any of 3 samples: NVIDIA GB10 shares/);
    expect(query).not.toContain('--query-gpu=timestamp,index,memory.used');
  });

  it('T33: one impossible figure does not lose the row', async () => {
    const text = await toldOf('T33-hami-17tb.txt');
    expect(text).toContain('17,592,186,044,378 MiB');
    expect(text).toMatch(/HAMi/);
    expect(text).toContain('memory.total');
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    await engine.open(1, new BytesSource('t.txt', fieldFile('T33-hami-17tb.txt')), () => undefined);
    const { series } = await engine.analysis();
    const figures = series.map(({ id, samples }) => [id, Number(samples[0][1])]);
    expect(Object.fromEntries(figures)).toMatchObject({
      'memory.total': 24_576 * 2 ** 20,
      'temperature.gpu': 33,
      'power.draw': 115,
      'power.limit': 350,
    });
    expect(figures.map(([id]) => id)).not.toContain('memory.used');
  });
});

describe('monitors of one’s own', () => {
  it('U38: the process ended, with what it had', async () => {
    const found = await fieldFinding('restarts', 'U38-own-header.log');
    expect(textOf(found)).toMatch(/at 10:00:3\d.*ended, or was ended, with 29\.3/s);
    expect(found.severity).toBe('info');
  });
});

describe('devices of one recording', () => {
  it('U03: know of each other', async () => {
    const { findings } = await fieldDiagnosis('U03-first-step-of-dataparallel.pickle.gz');
    const [oom] = findings.filter(({ id }) => id === 'out-of-memory');
    expect(textOf(oom)).toMatch(
      /take 8\.7 times as much an allocation here as on device 2: the inputs are split unevenly/,
    );
    expect(textOf(oom)).toMatch(
      /update_nodes \(train\/models\.py:\d+\): .* an allocation here, .* on device 2/,
    );
    expect(oom.remedy).toMatch(/device 0 reserved .* at most and device 2 reserved .* at most/);
    expect(oom.remedy).toContain('activation checkpointing');
    const unclear = ungroup(findings).filter(({ id }) => id === 'growth-unclear');
    expect(unclear.map(({ confidence }) => confidence)).toEqual(['low', 'low']);
    const [failed, cut] = unclear.map(textOf);
    expect(failed).not.toContain('was not given back');
    expect(cut).toMatch(/layers of a single pass that the recording ends in/);
    expect(cut).toMatch(/what they kept was not given back. A request failed on device 1 of this recording/);
    // What grew and was given back is said by what became of it.
    const cache = findings.find(({ id }) => id === 'caching-allocator')!;
    expect(textOf(cache)).toContain('was given back before the recording ends');
    expect(textOf(cache)).not.toContain('state made at first use');
  });
});

describe('a state without history', () => {
  it('U07: a ring of one entry, and stacks in the state', async () => {
    const text = await toldOf('U07-ring-of-one-entry.pickle');
    expect(text).not.toContain('No stacks were recorded');
    expect(text).toContain('max_entries=1');
    expect(text).toContain('The events carry no stacks; the blocks that live at the end do');
    expect(text).toContain('the device was not used');
    // No rows of 0 B for a device of which nothing is known.
    expect(text).toContain('"headline":[]');
    expect(text).not.toContain('Recorded from the first allocation');
  });

  it('U05: what empty_cache() gives is the remedy and the gain', async () => {
    const found = await fieldFinding('recorded-late', 'U05-state-only-empty-segments.pickle');
    expect(found.gainBytes).toBe(494_927_872);
    expect(found.remedy).toMatch(/^torch\.cuda\.empty_cache\(\) gives .*To know more/);
  });
});
