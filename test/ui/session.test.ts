/** What is open: files read, cancelled, failed; the analysis that waits for all of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import { Session } from '../../src/ui/shell/session.ts';
import { EngineForTest } from './engine-for-test.ts';

interface Opened {
  readonly session: Session;
  readonly ready: Analysis[];
  readonly stages: string[];
}

function start(engine: EngineApi = new EngineForTest().api): Opened {
  const ready: Analysis[] = [];
  const stages: string[] = [];
  const session = new Session(
    () => Promise.resolve({ api: engine, dispose: () => undefined }),
    'auto',
    () => stages.push(session.jobs.map(({ progress }) => `${progress.stage} ${progress.doneBytes}`).join()),
    (analysis) => ready.push(analysis),
  );
  return { session, ready, stages };
}

const OOM = readFileSync(new URL('../fixtures/snapshot/oom.pickle', import.meta.url));
/** A snapshot of 12,296 bytes; "*.bad" is none. */
const file = (name: string): File =>
  new File([name.endsWith('.bad') ? new Uint8Array([0x7f, 1, 2]) : OOM], name);

describe('opening', () => {
  it('shows progress in bytes, then the source, then the analysis', async () => {
    const { session, ready, stages } = start();
    const analysis = session.analysis;
    await session.open([file('a.pickle')]);
    expect(stages.filter((stage, i) => stage !== '' && stages.indexOf(stage) === i)).toEqual([
      'waiting 0',
      'opening 0',
      'opening 12296',
      'decoding pickle 12296',
      'aggregating 12296',
    ]);
    expect(session.sources.map((source) => source.file)).toEqual(['a.pickle']);
    expect(session.jobs).toEqual([]);
    expect(ready).toEqual([await analysis]);
  });

  it('tells one analysis for files that were opened together, and another for the next', async () => {
    const { session, ready } = start();
    await Promise.all([session.open([file('a.pickle')]), session.open([file('b.pickle'), file('c.pickle')])]);
    expect(ready).toHaveLength(1);
    const first = session.analysis;
    await session.open([file('b.pickle')]);
    expect(ready).toHaveLength(2);
    expect(session.analysis).not.toBe(first);
  });

  it('keeps a file that could not be read, with its reason', async () => {
    const { session } = start();
    const [source] = await session.open([file('x.bad')]);
    expect(source.error?.code).toBe('unrecognised');
    expect(session.sources).toHaveLength(1);
  });
});

it('keeps the order in which files were given, whichever was read first', async () => {
  const real = new Engine();
  const engine = new EngineForTest(real);
  let go!: () => void;
  const gate = new Promise<void>((resolve) => (go = resolve));
  engine.instead('open', async (job, given, onProgress) => {
    if (given.name === 'rank0.pickle') await gate;
    return await real.open(job, given, onProgress);
  });
  const { session } = start(engine.api);
  const opening = session.open(['rank0', 'rank1', 'rank2'].map((name) => file(`${name}.pickle`)));
  await expect.poll(() => session.sources.length).toBe(2);
  expect(session.sources.map((source) => source.file)).toEqual(['rank1.pickle', 'rank2.pickle']);
  go();
  const opened = await opening;
  const inOrder = ['rank0.pickle', 'rank1.pickle', 'rank2.pickle'];
  expect(opened.map((source) => source.file)).toEqual(inOrder);
  expect(session.sources.map((source) => source.file)).toEqual(inOrder);
});

describe('a folder', () => {
  it('is read as one, with the paths in it', async () => {
    const engine = new EngineForTest();
    const { session, stages } = start(engine.api);
    const inside = ['a/rank0.pickle', 'a/rank1.pickle'].map((path) => ({ path, file: file(path) }));
    await session.open([], [{ name: 'run', files: inside }]);
    expect(engine.askedFor('openFolder')).toEqual(['openFolder 1 run']);
    expect(session.sources.map((source) => source.file)).toEqual([
      'run/a/rank0.pickle',
      'run/a/rank1.pickle',
    ]);
    expect(stages[0]).toBe('waiting 0');
  });
});

it('many files wait their turn: a few are read at once, and one that waits can be cancelled', async () => {
  const engine = new EngineForTest();
  const { session } = start(engine.api);
  const held = engine.hold('open');
  const opening = session.open(Array.from({ length: 9 }, (_, i) => file(`rank${i}.pickle`)));
  await expect.poll(() => engine.askedFor('open').length).toBe(3);
  expect(session.jobs).toHaveLength(9);
  session.cancel(session.jobs[8].id);
  // What waits is told its turn by the ones before it.
  expect(engine.askedFor('open')).toHaveLength(3);
  held.release();
  const opened = await opening;
  expect(opened.map((source) => source.file)).not.toContain('rank8.pickle');
  expect(opened).toHaveLength(8);
  expect(session.jobs).toEqual([]);
});

it('a cancelled file leaves no source, and says so', async () => {
  const engine = new EngineForTest();
  const { session } = start(engine.api);
  const held = engine.hold('open');
  const opening = session.open([file('slow.pickle'), file('b.pickle')]);
  await expect.poll(() => engine.askedFor('open').length).toBe(2);
  const job = session.jobs.find((one) => one.file === 'slow.pickle');
  session.cancel(job?.id ?? -1);
  expect(session.jobs.find((one) => one.file === 'slow.pickle')?.cancelling).toBe(true);
  await expect.poll(() => engine.askedFor('cancel').length).toBe(1);
  held.release();
  await opening;
  expect(session.sources.map((source) => source.file)).toEqual(['b.pickle']);
  expect(session.notice).toBe('Reading slow.pickle was cancelled.');
});

it('an engine that fails to answer becomes a source with an error', async () => {
  const engine = new EngineForTest();
  engine.fail('open', 'the worker died');
  const { session } = start(engine.api);
  const [source] = await session.open([file('a.pickle')]);
  expect(source.error).toMatchObject({ code: 'internal', file: 'a.pickle' });
});

it('closing forgets a source', async () => {
  const { session } = start();
  const [source] = await session.open([file('a.pickle')]);
  session.close(source.id);
  expect(session.sources).toEqual([]);
});

it('names that turn writing round are shown as code points, in the file bar and in every answer', async () => {
  const { session } = start();
  const bytes = readFileSync(
    new URL('../fixtures/hostile/R13-bidi-overrides-in-names.pickle', import.meta.url),
  );
  const [source] = await session.open([new File([bytes], 'a\u202egnp.pickle')]);
  expect(source.file).toContain('\\u202egnp');
  const range = await (await session.api()).range({ device: source.devices[0].key, range: null, limit: 50 });
  const text = JSON.stringify([source, range], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(text).toContain('u202e');
  expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069\ufeff]/);
  // What is handed on is as the file has it.
  expect(JSON.stringify(await session.analysis)).toContain('\u202e');
});

it('what is too large for the machine is said before it is read', async () => {
  const { session } = start();
  const notices: string[] = [];
  const say = session.say.bind(session);
  session.say = (notice) => {
    notices.push(notice);
    say(notice);
  };
  const huge = file('huge.pickle');
  Object.defineProperty(huge, 'size', { value: 40 * 2 ** 30 });
  await session.open([huge]);
  expect(notices[0]).toMatch(
    /^huge\.pickle: This (may|will) not fit: a PyTorch snapshot .*vramscope analyze/,
  );
});

describe('what is fetched first', () => {
  it('is a job with its bytes, and opens nothing by itself', async () => {
    const { session, stages } = start();
    const got = await session.obtain('run.pickle', (onBytes) => {
      onBytes(0, 20);
      onBytes(10, 20);
      return Promise.resolve(file('run.pickle'));
    });
    expect(got?.name).toBe('run.pickle');
    expect(stages.filter((stage) => stage !== '')).toEqual(['fetching 0', 'fetching 0', 'fetching 10']);
    expect(session.jobs).toEqual([]);
    expect(session.sources).toEqual([]);
  });

  it('is cancelled as a file is', async () => {
    const { session } = start();
    const fetched = session.obtain(
      'run.pickle',
      (_onBytes, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))),
        ),
    );
    const [{ id }] = session.jobs;
    session.cancel(id);
    expect(await fetched).toBeNull();
    expect(session.jobs).toEqual([]);
    expect(session.notice).toBe('Fetching run.pickle was cancelled.');
  });

  it('leaves no job behind where it fails', async () => {
    const { session } = start();
    await expect(
      session.obtain('a', () => Promise.reject(new Error('the connection ended'))),
    ).rejects.toThrow('the connection ended');
    expect(session.jobs).toEqual([]);
  });
});
