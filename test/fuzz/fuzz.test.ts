/** A part of a minute of the fuzzer over every reader (hours: npm run fuzz), and that it finds what is planted. */
import { describe, expect, it } from 'vitest';
import { subjects } from './corpus.ts';
import { damaged, fuzz, input, joined, table } from './fuzz.ts';
import { complaintsOf, complaintsOfText } from './invariants.ts';
import { opcodesOf } from './mutate-pickle.ts';
import { tryInput } from './try-input.ts';

const SEED = 20_261_201;

describe('the fuzzer', () => {
  it('makes the same input again from its seed and number', () => {
    const all = subjects();
    const [one, again] = [input(all, SEED, 77), input(all, SEED, 77)];
    expect(one.bytes).toEqual(again.bytes);
    expect(input(all, SEED + 1, 77).bytes).not.toEqual(one.bytes);
  });

  it('takes pickles apart at their opcodes', () => {
    const pickle = subjects().find(({ name }) => name === 'oom.pickle')!;
    const starts = opcodesOf(pickle.bytes);
    // PROTO, FRAME first and STOP last: nothing in between was taken for an opcode that is none.
    expect(pickle.bytes[starts[0]]).toBe(0x80);
    expect(pickle.bytes[starts.at(-1)!]).toBe(0x2e);
    expect(starts.length).toBeGreaterThan(1000);
  });

  it('every intact subject breaks no rule', async () => {
    for (const { name, bytes } of subjects())
      expect((await tryInput(name, bytes)).complaints, name).toEqual([]);
  }, 120_000);

  it('logs of several processes are one', async () => {
    const only = { seconds: 60, inputs: 4, readers: ['tensor-listing', 'tracker-csv'] };
    const [one, other] = [await fuzz(1, only), await fuzz(2, only)];
    const log = joined([one, other]);
    expect(log).toMatchObject({ seeds: [1, 2], inputs: 8, broken: [] });
    for (const name of ['inputs', 'told', 'read'] as const)
      expect(log.readers.get('tracker-csv')![name]).toBe(
        one.readers.get('tracker-csv')![name] + other.readers.get('tracker-csv')![name],
      );
    expect(one.readers.get('tracker-csv')!.inputs).toBe(3);
  });

  it('a few hundred damaged inputs break none', async () => {
    const log = await fuzz(SEED, { seconds: 30, inputs: 800 });
    expect(log.broken.map(({ reader, number, complaint }) => `${reader} #${number}: ${complaint}`)).toEqual(
      [],
    );
    expect(log.inputs).toBeGreaterThan(20);
    expect(table(log)).toContain('| torch-snapshot |');
  }, 120_000);
});

describe('what once broke a rule breaks none', () => {
  // By subject, seed and number: an input of each kind (docs/fuzzing.md).
  it.each([
    ['torch214.ring.pickle', 3001, 1391],
    ['torch214.json', 3006, 37439],
    ['ring.pickle', 3002, 16249],
    ['graphs.pickle', 3015, 27338],
    ['pools.arrow', 3001, 17013],
    ['CUDA_GPU_MEMORY_USAGE_EVENTS.parquet', 3011, 40675],
    ['CUDA_GPU_MEMORY_USAGE_EVENTS.parquet', 2004, 12705],
    ['T21-memory-summary-mb.txt', 2004, 1202],
    ['several.tar', 2007, 11454],
    ['vllm-memory.txt', 2006, 745],
    ['vllm-memory.txt', 2013, 7460],
    ['U07-ring-of-one-entry.pickle', 4003, 47529],
    ['oom.devices.pickle', 4011, 27825],
    ['pools.json', 4013, 20679],
    ['pools.arrow', 4014, 63741],
    ['oom.cpp.pickle', 8003, 6535],
  ])('%s, seed %i, number %i', async (name, seed, number) => {
    const subject = subjects().find((one) => one.name === name)!;
    const { bytes } = damaged(subject, seed, number);
    expect((await tryInput(name, bytes)).complaints).toEqual([]);
  });
});

describe('the rules see what is planted', () => {
  const term = (name: string) => ({ name, bytes: { bytes: -5, error_bytes: 1 } });
  it.each([
    ['not finite', { devices: [{ total_bytes: NaN }] }],
    ['below 0', { devices: [{ total_bytes: -5 }] }],
    ['beyond 2^53', { devices: [{ total_bytes: 2 ** 60 }] }],
    [
      'internal',
      { sources: [{ file: 'x', warnings: [], error: { code: 'internal', message: '', offset: null } }] },
    ],
    [
      'not our words',
      { sources: [{ file: 'x', warnings: ["Cannot read properties of undefined (reading 'map')"] }] },
    ],
    [
      'confidence',
      {
        findings: [{ id: 'a', source: 0, confidence: 'high' }],
        sources: [{ file: 'x', warnings: [], damage: 'cut', rows: 1 }],
      },
    ],
    ['below 0', { vllm_memory: [{ profiling: [{ terms: [term('activation peak')] }] }] }],
    ['sum', { devices: [{ memory_stats: { 'a.all.current': 5, 'a.all.peak': 1 } }] }],
  ])('%s', (kind, planted) => {
    const whole = { sources: [], devices: [], ledger: [], pins: [], findings: [], growth: [] };
    const devices =
      (planted as { devices?: object[] }).devices?.map((one) => ({ memory_stats: {}, ...one })) ?? [];
    const analysis = { ...whole, ...planted, devices } as unknown as Parameters<typeof complaintsOf>[0];
    expect(complaintsOf(analysis).some((one) => one.startsWith(kind))).toBe(true);
  });

  it('an escape sequence, a mark that turns writing round, a placeholder', () => {
    for (const text of ['a\x1b[2J', 'a\u202eb', 'a\rb', 'total {bytes:5}'])
      expect(complaintsOfText(text)).toHaveLength(1);
    expect(complaintsOfText('two\nlines, 5 °C, \\x1b')).toEqual([]);
  });
});
