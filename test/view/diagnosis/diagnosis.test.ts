/** The three answers, taken from what the engine says and never made up; ledger, waterfall, data quality. */
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../src/engine/protocol.ts';
import {
  freeTable,
  ledgerInput,
  ledgerModel,
  ledgerWords,
  splitChoice,
} from '../../../src/view/diagnosis/diagnosis-ledger.ts';
import { qualityModel } from '../../../src/view/diagnosis/diagnosis-quality.ts';
import type { Answers } from '../../../src/view/diagnosis/diagnosis.ts';
import { diagnosisPage } from '../../../src/view/diagnosis/diagnosis.ts';
import { amount, exactAmount } from '../../../src/base/amounts.ts';
import { exactly } from '../../../src/base/measured.ts';
import { deviceDiagnosis, diagnosis, finding, GIB, holders, MIB, proof } from './diagnosis-for-test.ts';

function answers(told: Diagnosis, hasStacks = true): Answers {
  const page = diagnosisPage(told, { deviceKey: '0:0', hasStacks }, 'binary');
  if (page.answers === null) throw new Error('no answers');
  return page.answers;
}

describe('who holds it', () => {
  it('names what leaks before what is largest', () => {
    const { who } = answers(diagnosis({ findings: [holders(), finding()] }));
    expect(who.words).toBe('Keeps more with every iteration:');
    expect(who.holders.map(({ name, words }) => [name, words])).toEqual([
      ['append_output (serve.py:41)', '32 MiB per iteration in 64 allocations'],
    ]);
    expect(who.holders[0].evidence.stack).toBe(3);
  });

  it('names the three largest where nothing leaks', () => {
    const { who } = answers(diagnosis({ findings: [holders()] }));
    expect(who.holders.map(({ name }) => name)).toEqual([
      'forward (model.py:103)',
      'forward (model.py:88)',
      'forward (model.py:41)',
    ]);
    expect(who.caveat).toBeNull();
    expect(who.words).toBe('At the peak (2 GiB), most is held by:');
  });

  it('says how much of the memory has no stack', () => {
    const unsure = holders({ confidence: 'high', confidenceWhy: '88.2 % of the live bytes have no stack.' });
    expect(answers(diagnosis({ findings: [unsure] })).who.caveat).toBe(
      '88.2 % of the live bytes have no stack.',
    );
  });

  it('where most bytes have no stack no line is the answer: sizes and streams are', () => {
    const held = { least: 32 * MIB, most: 32 * MIB, stream: '7', bytes: 960 * MIB, allocations: 30 };
    const small = { least: 512, most: 900, stream: '0', bytes: 2 * MIB, allocations: 3000 };
    const withoutStack = { live: GIB, bytes: 1023 * MIB, classes: [held, small] };
    const { who } = answers(
      diagnosis({ findings: [holders()], devices: [deviceDiagnosis({ withoutStack })] }),
    );
    expect(who.short).toBe('99.9 % of the bytes have no stack');
    expect(who.holders).toEqual([]);
    expect(who.classes.map(({ name, words }) => `${name}: ${words}`)).toEqual([
      '32 MiB each: 960 MiB in 30 allocations (93.8 %), stream 7',
      '512 B to 900 B each: 2 MiB in 3,000 allocations (0.2 %), stream 0',
    ]);
    // What leaks by its line is named all the same.
    const leak = answers(diagnosis({ findings: [finding()], devices: [deviceDiagnosis({ withoutStack })] }));
    expect(leak.who.holders).toHaveLength(1);
  });

  it('keeps a text of another form whole', () => {
    const odd = holders({ evidence: [proof('Somebody: who knows', { stack: 1 })] });
    expect(answers(diagnosis({ findings: [odd] })).who.holders[0]).toMatchObject({
      name: 'Somebody: who knows',
      words: '',
    });
  });

  it('is not known where no finding names a stack', () => {
    const nameless = finding({ evidence: [proof('4 iterations found.', { rows: [100, 900] })] });
    const of = diagnosis({ findings: [nameless] });
    expect(answers(of).who).toMatchObject({ known: false, holders: [] });
    expect(answers(of).who.words).toContain('Who holds it');
    expect(answers(of, false).who.words).toContain('No stacks were recorded');
  });
});

describe('does it end', () => {
  const ends = (kind: string): Answers['ends'] =>
    answers(
      diagnosis({
        devices: [deviceDiagnosis({ conclusion: { kind, confidence: 'high', sentence: 'S.' } })],
      }),
    ).ends;

  it.each([
    ['leak', /^Yes\. It grows/, 'problem'],
    ['pending_free', /^Yes\. Freed/, 'problem'],
    ['fragmentation', /^Yes\. Reserved/, 'risk'],
    ['slowing_growth', /^It slows down/, 'risk'],
    ['caching_allocator', /^No\. The allocator's cache/, 'good'],
    ['warm_up', /^No\. It was warm-up/, 'good'],
    ['no_growth', /^No\. It does not grow\.$/, 'good'],
  ])('%s', (kind, short, severity) => {
    expect(ends(kind)).toMatchObject({ known: true, severity, words: 'S.', confidence: 'Confidence: high' });
    expect(ends(kind).short).toMatch(short);
  });

  it('cannot be told where the engine cannot tell, nor from a kind that is new here', () => {
    expect(ends('cannot_tell')).toMatchObject({ known: false, short: 'Cannot tell', words: 'S.' });
    expect(ends('constructor')).toMatchObject({ known: false, short: 'Cannot tell', words: 'S.' });
    const none = deviceDiagnosis({ conclusion: null, growth: [] });
    const { words, known } = answers(diagnosis({ devices: [none] })).ends;
    expect(known).toBe(false);
    expect(words).toContain('No iterations were found');
  });

  it('has slope or bound of allocated and reserved, each once', () => {
    expect(ends('leak').figures.map(({ text }) => text)).toEqual([
      'Allocated 32 MiB per iteration',
      'Reserved 32 MiB per iteration',
    ]);
  });
});

describe('how to get it back', () => {
  const back = (...findings: Diagnosis['findings']): Answers['back'] =>
    answers(diagnosis({ findings, devices: [deviceDiagnosis({ ledgers: [] })] })).back;

  it('lists remedies with their gain, in the order of the findings', () => {
    const setting = finding({
      id: 'better-setting',
      severity: 'risk',
      remedy: '`PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`',
      gainBytes: 64 * MIB,
    });
    expect(back(finding(), setting).ways.map(({ gain, remedy }) => [gain?.text, remedy.code])).toEqual([
      ['128 MiB', null],
      ['64 MiB', 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True'],
    ]);
  });

  it('takes a remedy of a problem without a gain, but not advice on how to record', () => {
    const recorded = finding({ id: 'recorded-late', severity: 'info', gainBytes: null, gainHow: null });
    const failed = finding({ id: 'out-of-memory', gainBytes: null, gainHow: null, title: 'Out of memory' });
    expect(back(recorded)).toMatchObject({ known: false, ways: [] });
    expect(back(recorded, failed).ways.map(({ because }) => because)).toEqual(['Out of memory']);
  });

  it('says so where no finding offers one', () => {
    expect(back(holders())).toMatchObject({
      known: false,
      words: expect.stringContaining('No fix with a measurable gain') as string,
    });
  });

  describe('names what empty_cache gives back at the end', () => {
    const cached = (emptyCacheBytes: number, ...findings: Diagnosis['findings']): Answers['back'] => {
      const [end] = deviceDiagnosis().ledgers;
      const ledgers = [{ when: end.when, ledger: { ...end.ledger, emptyCacheBytes } }];
      return answers(diagnosis({ findings, devices: [deviceDiagnosis({ ledgers })] })).back;
    };

    it('where no finding does', () => {
      expect(cached(424 * MIB, holders()).ways.map(({ gain, remedy }) => [gain?.text, remedy.code])).toEqual([
        ['424 MiB', 'torch.cuda.empty_cache()'],
      ]);
    });

    it('not twice, and not a little of it', () => {
      const said = finding({ id: 'caching-allocator', severity: 'good', gainBytes: 424 * MIB });
      expect(cached(424 * MIB, said).ways).toHaveLength(1);
      expect(cached(51 * MIB, holders()).known).toBe(false);
    });

    it('after the ways of findings, the first of which stay', () => {
      const titles = ['a', 'b', 'c'].map((title) => finding({ title, gainBytes: MIB }));
      expect(cached(424 * MIB, ...titles).ways.map(({ gain }) => gain?.text)).toEqual([
        '1 MiB',
        '1 MiB',
        '424 MiB',
      ]);
    });

    it('and says where it waits for other streams', () => {
      const [{ ledger }] = deviceDiagnosis().ledgers;
      const pending = { id: 'pending', label: 'Freed, waiting', bytes: exactly(MIB), note: null };
      const ledgers = [{ when: 'end' as const, ledger: { ...ledger, parts: [...ledger.parts, pending] } }];
      const [way] = answers(diagnosis({ findings: [], devices: [deviceDiagnosis({ ledgers })] })).back.ways;
      expect(way.gain?.how).toMatch(/\(empty_cache\(\) waits for all streams first\)$/);
    });

    it('and says where that is nothing', () => {
      expect(cached(0, holders()).words).toContain('empty_cache() would release nothing');
    });
  });
});

describe('a page', () => {
  const log = finding({ id: 'weights', deviceKey: null, device: null, title: 'Weights' });
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id);

  it('has its own findings, and those of no device', () => {
    const other = finding({ id: 'other', deviceKey: '0:1', device: 1 });
    const of = diagnosis({ findings: [finding(), log, other] });
    const page = diagnosisPage(of, { deviceKey: '0:0', hasStacks: true }, 'binary');
    expect(ids(page.findings)).toEqual(['linear-leak']);
    expect(ids(page.general)).toEqual(['weights']);
  });

  it('has what is said of several devices at once', () => {
    const also = finding({ deviceKey: '0:1', device: 1, title: 'The same of device 1' });
    const of = diagnosis({ findings: [{ ...finding(), also: [also] }] });
    const page = diagnosisPage(of, { deviceKey: '0:1', hasStacks: true }, 'binary');
    expect(page.findings.map(({ title }) => title)).toEqual(['The same of device 1']);
  });

  it('without a device has no answers', () => {
    const page = diagnosisPage(
      diagnosis({ findings: [finding(), log] }),
      { deviceKey: null, hasStacks: false },
      'binary',
    );
    expect(page.answers).toBeNull();
    expect(page.findings).toEqual([]);
    expect(ids(page.general)).toEqual(['weights']);
  });
});

describe('the ledger', () => {
  const part = (id: string, bytes: number | null): Parameters<typeof ledgerModel>[0][number] => ({
    id,
    label: id,
    bytes: bytes === null ? null : exactly(bytes),
    note: null,
  });

  it('places each part after the one before it, in shares of the whole', () => {
    const { rows, total, apart } = ledgerModel([part('a', 3 * MIB), part('b', MIB)], 4 * MIB, 'binary');
    expect(rows.map(({ bar, share }) => [bar, share])).toEqual([
      [{ left: 0, width: 0.75 }, '75.0 %'],
      [{ left: 0.75, width: 0.25 }, '25.0 %'],
    ]);
    expect([total, apart]).toEqual(['4 MiB', null]);
  });

  it('says to the byte where the parts are not the whole', () => {
    expect(ledgerModel([part('a', 3)], 4, 'binary').apart).toBe('The parts are 1 B less than the whole.');
    expect(ledgerModel([part('a', 5)], 4, 'binary').apart).toBe('The parts are 1 B more than the whole.');
    expect(ledgerModel([part('a', 3), part('b', null)], 4, 'binary').apart).toBeNull();
  });

  it('gives what is not known neither figure nor bar', () => {
    expect(ledgerModel([part('a', null)], 4, 'binary').rows[0]).toMatchObject({
      text: 'not known',
      title: '',
      bar: null,
      share: '',
    });
  });

  it('is that of what is reserved while nothing is known besides', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    const input = ledgerInput(ledger);
    expect(input.total).toBe(GIB);
    expect(input.parts.map(({ id }) => id)).toEqual(['requested', 'releasable']);
    expect(ledgerModel(input.parts, input.total, 'binary').apart).toBeNull();
  });

  it('puts what is known of the rest of the device beside what is reserved', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    const [requested, releasable, nonTorch] = ledger.parts;
    const input = ledgerInput({
      ...ledger,
      used: exactly(2 * GIB),
      parts: [requested, releasable, { ...nonTorch, bytes: exactly(GIB) }],
    });
    expect(input.total).toBe(2 * GIB);
    const { rows, apart } = ledgerModel(input.parts, input.total, 'binary');
    expect(rows.map(({ id, depth, bar }) => [id, depth, bar?.left])).toEqual([
      ['reserved', 0, 0],
      ['requested', 1, 0],
      ['releasable', 1, 0.29296875],
      ['non_torch', 0, 0.5],
    ]);
    expect(apart).toBeNull();
  });

  it('has no whole where nobody tells what is used, and shows how far off a figure may be', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    const [requested, releasable, nonTorch] = ledger.parts;
    const input = ledgerInput({
      ...ledger,
      parts: [requested, releasable, { ...nonTorch, bytes: { value: GIB, error: 2 * MIB } }],
    });
    expect(input.total).toBeNull();
    const { rows, apart } = ledgerModel(input.parts, input.total, 'binary');
    expect(rows.at(-1)).toMatchObject({
      text: '1 GiB ± 2 MiB',
      title: '1,073,741,824 bytes, within 2,097,152 both ways',
    });
    expect(apart).toBeNull();
  });

  it('divides what is free beside something live by who could use it, as one stream sees it', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    const split = (stream: string, own: number) => ({
      stream,
      parts: [
        { id: 'own_large', label: `Of stream ${stream}`, bytes: exactly(own), note: null },
        { id: 'other_streams', label: 'Held by others', bytes: exactly(9 * MIB - own), note: null },
      ],
    });
    const splitFor = [split('0', 8 * MIB), split('7', MIB)];
    const part = { id: 'inactive_split', label: 'Free beside', bytes: exactly(9 * MIB), note: null };
    const view = { ...ledger, splitFor, parts: [{ ...part, children: splitFor[0].parts }] };
    const ownOf = (stream: string | null): unknown =>
      ledgerModel(ledgerInput(view, stream).parts, GIB, 'binary').rows.map(({ depth, text }) => [
        depth,
        text,
      ]);
    expect(ownOf(null)).toEqual([
      [0, '9 MiB'],
      [1, '8 MiB'],
      [1, '1 MiB'],
    ]);
    expect(ownOf('7')).toEqual([
      [0, '9 MiB'],
      [1, '1 MiB'],
      [1, '8 MiB'],
    ]);
    expect(splitChoice(view, null)).toEqual({ streams: ['0', '7'], current: '0', why: 'it holds most' });
    expect(splitChoice(view, '7')).toMatchObject({ current: '7', why: '' });
    expect(splitChoice({ ...view, splitFor: [splitFor[0]] }, null)).toBeNull();
  });

  it('lists free memory by pool, stream and size class', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    const free = [
      { pool: '', stream: '0', small: false, splitBytes: 3 * MIB, pageBytes: 0, wholeBytes: MIB },
      { pool: '(1, 0)', stream: '7', small: true, splitBytes: 0, pageBytes: 0, wholeBytes: 2 * MIB },
    ];
    const texts = (more: number): string[][] =>
      freeTable({ ...ledger, free: [{ ...free[0], pageBytes: more }, free[1]] }, 'binary').rows.map(
        ({ cells }) => cells.map(({ text }) => text),
      );
    expect(texts(0)).toEqual([
      ['default', '0', 'over 1 MiB', '3 MiB', '1 MiB', '4 MiB'],
      ['private (1, 0)', '7', 'up to 1 MiB', '0 B', '2 MiB', '2 MiB'],
    ]);
    expect(texts(MIB)[0]).toEqual(['default', '0', 'over 1 MiB', '3 MiB', '1 MiB', '1 MiB', '5 MiB']);
  });

  it('names the samples that tell of the device', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    expect(ledgerWords({ ...ledger, deviceFrom: 'smi.csv: the sample 1 s before' }, 'binary')).toContain(
      'What is told of the device is from smi.csv: the sample 1 s before.',
    );
  });

  it('says what would be served, a range where it is one', () => {
    const { ledger } = deviceDiagnosis().ledgers[0];
    expect(ledgerWords(ledger, 'binary')).toEqual([
      'empty_cache() would give back 424 MiB.',
      'Largest request that would be served on stream 0: 20 MiB from the cache, with a new segment 1 GiB, after the cache is released 1 GiB at least, 2 GiB at most.',
      'What else is on the device.',
    ]);
  });
});

describe('data quality', () => {
  const of = (changes: object): ReturnType<typeof qualityModel> =>
    qualityModel(deviceDiagnosis({ quality: { ...deviceDiagnosis().quality, ...changes } }));

  it('is a line, with the settings only where there are any', () => {
    expect(of({})).toEqual({
      words: 'Figures: certain',
      facts: ['recorded from the start', 'every live byte has its stack'],
      sentences: ['Recorded from the start.'],
      settings: null,
    });
    expect(of({ settings: 'PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:20' }).settings).toContain(':20');
  });

  it.each([
    [0.106, '10.6 % of live bytes have no stack'],
    [0.0001, '< 0.1 % of live bytes have no stack'],
    [0.9999, '> 99.9 % of live bytes have no stack'],
    [1, 'no live byte has a stack, so no line can be named'],
  ])('%f without a stack', (share, words) => {
    expect(of({ shareWithoutFrames: share }).facts).toContain(words);
  });

  it('says nothing of what is not told', () => {
    expect(of({ shareWithoutFrames: null, began: 'sideways' }).facts).toEqual([]);
  });
});

it('every text of a finding has its amounts in the unit of the user', () => {
  const told = diagnosis({
    findings: [
      finding({
        id: 'who-holds',
        title: `Grew to ${amount(4_901_044_224)}`,
        verdict: `It is ${exactAmount(4_901_044_224)}.`,
        remedy: `Frees ${amount(1024)}: \`torch.cuda.empty_cache()\``,
        evidence: [proof(`forward (app.py:3): ${exactAmount(1_048_576)} in 2 allocations.`, { stack: 1 })],
      }),
    ],
  });
  const page = (unit: 'binary' | 'decimal') =>
    diagnosisPage(told, { deviceKey: '0:0', hasStacks: true }, unit);
  const [binary, decimal] = [page('binary'), page('decimal')];
  expect([binary.findings[0].title, decimal.findings[0].title]).toEqual([
    'Grew to 4.56 GiB',
    'Grew to 4.9 GB',
  ]);
  // The bytes are in the title, not in the sentence.
  expect(decimal.findings[0].verdict).toBe('It is 4.9 GB.');
  expect(decimal.findings[0].verdictExact).toBe('It is 4.9 GB (4,901,044,224 bytes).');
  expect(decimal.findings[0].evidence[0].exact).toContain('(1,048,576 bytes)');
  expect(decimal.findings[0].remedy).toEqual({ words: 'Frees 1.02 kB:', code: 'torch.cuda.empty_cache()' });
  expect(decimal.answers!.who.holders[0]).toMatchObject({
    name: 'forward (app.py:3)',
    words: '1.05 MB in 2 allocations',
  });
  expect(JSON.stringify([binary, decimal])).not.toMatch(/\{(bytes|exact):|`/);
});
