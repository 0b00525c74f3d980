/**
 * The page's side of the border: starts the worker wherever the page runs. A Blob worker works from https, from
 * localhost and from disk; inside `<iframe sandbox="allow-scripts">` it loses WebGPU, where a data: worker keeps it.
 */
import { proxy, releaseProxy, wrap } from 'comlink';
import { workerSource } from 'virtual:engine-worker';
import { hasWebGpu } from '../kernel/device.ts';
import type { EngineApi } from './engine-api.ts';
import type { WorkerEngine } from './engine-worker.ts';
import type { GpuMode } from './protocol.ts';
import { fail } from '../base/result.ts';
import { type TraceError, toErrorData } from '../base/trace-error.ts';
import { type SweepHelper, sweepInPool } from './replay/pool.ts';
import { WorkerLife } from './worker-life.ts';

/** The worker's engine from here: comlink types what is nested as if it were awaited. */
type RemoteEngine = WorkerEngine & { readonly [releaseProxy]: () => void };

interface Started {
  readonly life: WorkerLife;
  readonly remote: RemoteEngine;
  readonly webgpu: boolean;
}

/** Told of a worker that is silent, where its end cannot be noticed. */
type Silent = (seconds: number) => void;

async function launch(url: string, silent: Silent): Promise<Started> {
  const worker = new Worker(url);
  const life = new WorkerLife(worker);
  const remote = wrap(worker) as unknown as RemoteEngine;
  const lock = `vramscope ${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
  try {
    const { webgpu, holds } = await life.during(remote.ping(lock));
    life.watch(holds ? lock : null, () => remote.ping(), silent);
    return { life, remote, webgpu };
  } catch (thrown) {
    life.dispose();
    throw thrown;
  }
}

async function fromBlob(silent: Silent): Promise<Started> {
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  try {
    return await launch(url, silent);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * The source as a data: URL. Chromium takes no URL beyond 2 MiB, and escaping everything would pass that: only what
 * a data: URL cannot carry as it is gets escaped (what the URL parser would strip, cut or decode, and non-ASCII).
 */
const dataUrl = (source: string): string =>
  `data:text/javascript;charset=utf-8,${source.trimEnd().replace(/[%#?]|[^\x20-\x7e]+/g, encodeURIComponent)}`;

const fromData = (silent: Silent): Promise<Started> => launch(dataUrl(workerSource), silent);

async function startWorker(silent: Silent): Promise<Started> {
  let started: Started;
  try {
    started = await fromBlob(silent);
  } catch {
    return await fromData(silent);
  }
  if (started.webgpu || !hasWebGpu()) return started;
  try {
    const other = await fromData(silent);
    started.life.dispose();
    return other;
  } catch {
    return started;
  }
}

/** Most workers that serve a sweep beside the engine's. */
const MOST_HELPERS = 4;

/** As many helpers as start; a sweep needs no GPU, so that any kind of worker will do. */
async function startHelpers(): Promise<SweepHelper[]> {
  const count = Math.max(1, Math.min(MOST_HELPERS, navigator.hardwareConcurrency));
  const ignored = (): void => undefined;
  const started = await Promise.allSettled(
    Array.from({ length: count }, () => fromBlob(ignored).catch(() => fromData(ignored))),
  );
  return started
    .filter((one) => one.status === 'fulfilled')
    .map(({ value: { life, remote } }) => {
      const died = life.lost.then((error): never => {
        throw error;
      });
      // Told to whoever waits; it may be nobody.
      died.catch(() => undefined);
      const stop = (): void => {
        remote[releaseProxy]();
        life.dispose();
      };
      return { api: remote.replays, died, stop };
    });
}

/** Sweeps in helpers that live as long as they do. */
class Sweeps {
  /** Jobs that run here; true: cancelled. */
  private readonly jobs = new Map<number, boolean>();
  private readonly helpers = new Set<SweepHelper>();

  constructor(private readonly engine: RemoteEngine['replays']) {}

  /** Whether the job was one of these. */
  cancel(job: number): boolean {
    if (!this.jobs.has(job)) return false;
    this.jobs.set(job, true);
    return true;
  }

  sweep: EngineApi['replays']['sweep'] = async (query, onProgress) => {
    const { job } = query;
    this.jobs.set(job, false);
    const helpers = await startHelpers();
    for (const helper of helpers) this.helpers.add(helper);
    try {
      if (helpers.length > 0 || this.jobs.get(job) === true)
        return await sweepInPool(
          { engine: this.engine, helpers, isCancelled: () => this.jobs.get(job) === true },
          query,
          onProgress,
        );
      this.jobs.delete(job);
      return await this.engine.sweep(query, proxy(onProgress));
    } catch (thrown) {
      return fail(toErrorData(thrown, null));
    } finally {
      this.jobs.delete(job);
      this.stop(helpers);
    }
  };

  stop(helpers: Iterable<SweepHelper> = this.helpers): void {
    for (const helper of helpers) if (this.helpers.delete(helper)) helper.stop();
  }
}

/** Methods of the worker's engine as they are, but for those that carry a callback and those answered here. */
const withOwn = <T extends object>(remote: T, own: Partial<T>): T =>
  new Proxy(remote, { get: (target, name): unknown => Reflect.get(name in own ? own : target, name) });

export interface EngineHandle {
  readonly api: EngineApi;
  /** Resolves with what happened once the worker has ended by itself; every question it was asked fails with the same. */
  readonly lost: Promise<TraceError>;
  dispose(): void;
}

export interface EngineOptions {
  readonly gpu: GpuMode;
  /** Number of the first source: a second engine goes on where the first one ended. */
  readonly firstId?: number;
  /** Told of an engine that is silent while it is asked, where the page cannot know whether it has ended. */
  readonly silent?: Silent;
}

/** Starts the engine in a worker. Rejects where the page may start no worker at all, or where it ends at once. */
export async function startEngine({ gpu, firstId, silent }: EngineOptions): Promise<EngineHandle> {
  const { life, remote } = await startWorker(silent ?? (() => undefined));
  const guarded = life.guard(remote);
  await guarded.start({ gpu, firstId });
  const sweeps = new Sweeps(guarded.replays);
  void life.lost.then(() => sweeps.stop());
  const api = withOwn<EngineApi>(guarded, {
    open: (job, file, onProgress) => guarded.open(job, file, proxy(onProgress)),
    openFolder: (job, name, files, onProgress) => guarded.openFolder(job, name, files, proxy(onProgress)),
    cancel: async (job) => {
      if (!sweeps.cancel(job)) await guarded.cancel(job);
    },
    replays: withOwn<EngineApi['replays']>(guarded.replays, {
      sites: (query, onProgress) => guarded.replays.sites(query, proxy(onProgress)),
      sweep: sweeps.sweep,
    }),
  });
  return {
    api,
    lost: life.lost,
    dispose() {
      sweeps.stop();
      remote[releaseProxy]();
      life.dispose();
    },
  };
}
