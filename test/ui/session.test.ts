/** What is open: files read, cancelled, failed; the analysis that waits for all of them. */
import { describe, expect, it } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import { Session } from '../../src/ui/shell/session.ts';
import { FakeEngine } from './fake-engine.ts';

interface Opened {
  readonly session: Session;
  readonly ready: Analysis[];
  readonly stages: string[];
}

function start(engine: EngineApi = new FakeEngine()): Opened {
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

const file = (name: string): File => new File([new Uint8Array(1000)], name);

describe('opening', () => {
  it('shows progress in bytes, then the source, then the analysis', async () => {
    const { session, ready, stages } = start();
    const analysis = session.analysis;
    await session.open([file('a.pickle')]);
    expect(stages).toEqual(expect.arrayContaining(['waiting 0', 'reading 0', 'reading 500', 'reading 1000']));
    expect(session.sources.map((source) => source.file)).toEqual(['a.pickle']);
    expect(session.jobs).toEqual([]);
    expect(ready).toEqual([await analysis]);
  });

  it('tells one analysis for files that were opened together, and another for the next', async () => {
    const { session, ready } = start();
    await Promise.all([session.open([file('a.pickle')]), session.open([file('slow.pickle')])]);
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

describe('a folder', () => {
  it('is read as one, with the paths in it', async () => {
    const engine = new FakeEngine();
    const { session, stages } = start(engine);
    const inside = ['a/rank0.pickle', 'a/rank1.pickle'].map((path) => ({ path, file: file(path) }));
    await session.open([], [{ name: 'run', files: inside }]);
    expect(engine.asked).toContain('folder run: a/rank0.pickle a/rank1.pickle');
    expect(session.sources.map((source) => source.file)).toEqual(['a/rank0.pickle', 'a/rank1.pickle']);
    expect(stages[0]).toBe('waiting 0');
  });
});

it('many files wait their turn: a few are read at once, and one that waits can be cancelled', async () => {
  const engine = new FakeEngine();
  const { session } = start(engine);
  const open = engine.open.bind(engine);
  let running = 0;
  let most = 0;
  engine.open = async (...given) => {
    most = Math.max(most, ++running);
    const opened = await open(...given);
    running--;
    return opened;
  };
  const opening = session.open(Array.from({ length: 30 }, (_, i) => file(`rank${i}.pickle`)));
  await expect.poll(() => session.jobs.length).toBe(30);
  session.cancel(session.jobs[29].id);
  const opened = await opening;
  expect(most).toBe(3);
  expect(opened.map((source) => source.file)).not.toContain('rank29.pickle');
  expect(opened).toHaveLength(29);
  expect(session.jobs).toEqual([]);
});

it('a cancelled file leaves no source, and says so', async () => {
  const { session } = start();
  const opening = session.open([file('slow.pickle'), file('b.pickle')]);
  await expect
    .poll(() => session.jobs.find((one) => one.file === 'slow.pickle')?.progress.stage)
    .toBe('reading');
  const job = session.jobs.find((one) => one.file === 'slow.pickle');
  session.cancel(job?.id ?? -1);
  expect(session.jobs.find((one) => one.file === 'slow.pickle')?.cancelling).toBe(true);
  await opening;
  expect(session.sources.map((source) => source.file)).toEqual(['b.pickle']);
  expect(session.notice).toBe('Reading slow.pickle was cancelled.');
});

it('an engine that fails to answer becomes a source with an error', async () => {
  const engine = new FakeEngine();
  engine.open = () => Promise.reject(new Error('the worker died'));
  const { session } = start(engine);
  const [source] = await session.open([file('a.pickle')]);
  expect(source.error).toMatchObject({ code: 'internal', message: 'the worker died', file: 'a.pickle' });
});

it('closing forgets a source', async () => {
  const { session } = start();
  const [source] = await session.open([file('a.pickle')]);
  session.close(source.id);
  expect(session.sources).toEqual([]);
});
