/**
 * A worker of the page that ends: stopped by the browser, closed, failed by its script while it reads or at its start.
 * Workers are real and end for real; what a test adds is a line of script that ends them when it is told to.
 */
import { sampleBase64, sampleName } from 'virtual:sample';
import { afterEach, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine-client.ts';
import { Session } from '../../src/ui/shell/session.ts';

const RealWorker = globalThis.Worker;
const END = 'end of this worker';

/** Workers started since, each of which takes an order: 'close', 'throw'. */
function watchWorkers(): { readonly all: Worker[]; readonly order: (what: string) => void } {
  const all: Worker[] = [];
  globalThis.Worker = class extends RealWorker {
    constructor(url: string | URL) {
      const script = `addEventListener('message', ({ data }) => {
        if (data === 'close') self.close();
        if (data === 'throw') setTimeout(() => { throw new Error('${END}'); });
      }); importScripts(${JSON.stringify(String(url))});`;
      super(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
      all.push(this);
    }
  };
  return { all, order: (what) => all.at(-1)?.postMessage(what) };
}
afterEach(() => (globalThis.Worker = RealWorker));

const sample = (name = sampleName): File =>
  new File([Uint8Array.from(atob(sampleBase64), (letter) => letter.charCodeAt(0))], name);

/** A log of 22 MB. */
function huge(name: string): File {
  const line = 'INFO 01-01 00:00:00 model_runner.py:1 Loading model weights took 14.9 GB\n'.repeat(1000);
  return new File(new Array<string>(300).fill(line), name);
}

const ends = {
  terminated: ({ all }: ReturnType<typeof watchWorkers>) => all.at(-1)!.terminate(),
  closed: ({ order }: ReturnType<typeof watchWorkers>) => order('close'),
  'failed by its script': ({ order }: ReturnType<typeof watchWorkers>) => order('throw'),
} as const;

describe('a worker that ends', () => {
  it.each(Object.entries(ends))('%s: what waits fails, and so does what is asked later', async (_, end) => {
    const workers = watchWorkers();
    const engine = await startEngine({ gpu: 'off' });
    const [view] = await engine.api.open(1, sample(), () => undefined);
    expect(view.error).toBeNull();
    end(workers);
    const error = await engine.lost;
    expect(error).toMatchObject({ code: 'ended' });
    expect(error.message).not.toContain(END);
    await expect(engine.api.diagnosis()).rejects.toBe(error);
    await expect(engine.api.replays.replay(view.devices[0].key)).rejects.toBe(error);
    engine.dispose();
  });

  it('a worker that fails at its start is told of, not waited for', async () => {
    globalThis.Worker = class extends RealWorker {
      constructor() {
        super(URL.createObjectURL(new Blob(['throw new Error("at the start")'])));
      }
    };
    await expect(startEngine({ gpu: 'off' })).rejects.toMatchObject({ code: 'ended' });
  });

  it('an engine that was disposed of has not ended by itself', async () => {
    const others = new Set((await navigator.locks.query()).held?.map(({ name }) => name));
    const engine = await startEngine({ gpu: 'off' });
    const { held } = await navigator.locks.query();
    const [lock] = (held ?? []).filter(({ name }) => !others.has(name));
    let lost = false;
    void engine.lost.then(() => (lost = true));
    engine.dispose();
    // Who waits for the worker's lock is served in turn: had the engine still waited for it, it would know by now.
    await navigator.locks.request(lock.name!, () => undefined);
    expect(lost).toBe(false);
  });
});

describe('the page whose engine ends', () => {
  it('names the file that was being read, keeps the others, and reads the next one with a new engine', async () => {
    const workers = watchWorkers();
    let changed = (): void => undefined;
    const session = new Session(
      ({ firstId }) => startEngine({ gpu: 'off', firstId }),
      'off',
      () => changed(),
      () => undefined,
    );
    const [first] = await session.open([sample('first.pickle.gz')]);
    await session.analysis;
    const told = session.diagnosis;
    await expect.poll(() => told.state.running).toBe(false);
    const findings = told.state.diagnosis?.findings;
    expect(findings?.length).toBeGreaterThan(0);

    // Stopped in the middle of reading: at the first word of it.
    changed = () => {
      if (session.jobs.some(({ progress }) => progress.stage !== 'waiting')) workers.all.at(-1)!.terminate();
    };
    const reading = session.open([huge('huge.log')]);
    const [failed] = await reading;
    changed = () => undefined;
    expect(session.jobs).toEqual([]);
    expect(failed.error).toMatchObject({ code: 'ended', file: 'huge.log' });
    expect(failed.error?.message).toContain('It was reading huge.log.');
    expect(failed.error?.advice).toContain('vramscope analyze');
    expect(session.sources[0].devices).toEqual(first.devices);
    expect(session.sources[0].error?.message).toContain('What is shown of this file stays');
    expect(told.state.diagnosis?.findings).toEqual(findings);

    const [next] = await session.open([sample('next.pickle.gz')]);
    expect(next.error).toBeNull();
    expect(next.id).toBeGreaterThan(first.id);
    const analysis = await session.analysis;
    expect(analysis.sources.map(({ file }) => file)).toEqual(['next.pickle.gz']);
    // What the first engine held is not mistaken for what the second one holds.
    const old = await (await session.api()).moment(first.devices[0].key, 'event', 0);
    expect(old).toMatchObject({ ok: false, error: { code: 'ended' } });

    await session.reopen(first.id);
    expect(session.sources.map(({ file, error }) => [file, error?.code])).toEqual([
      ['huge.log', 'ended'],
      ['next.pickle.gz', undefined],
      ['first.pickle.gz', undefined],
    ]);
    await session.dispose();
  });
});
