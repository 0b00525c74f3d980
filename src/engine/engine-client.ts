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
import { toErrorData } from '../base/trace-error.ts';
import { type SweepHelper, sweepInPool } from './replay/pool.ts';

/** The worker's engine from here: comlink types what is nested as if it were awaited. */
type RemoteEngine = WorkerEngine & { readonly [releaseProxy]: () => void };

interface Started {
  readonly worker: Worker;
  readonly remote: RemoteEngine;
  readonly webgpu: boolean;
}

function launch(url: string): Promise<Started> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url);
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      reject(new Error(event.message || 'the worker could not be started'));
    };
    const remote = wrap(worker) as unknown as RemoteEngine;
    remote.ping().then(({ webgpu }) => {
      worker.onerror = null;
      resolve({ worker, remote, webgpu });
    }, reject);
  });
}

async function fromBlob(): Promise<Started> {
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  try {
    return await launch(url);
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

const fromData = (): Promise<Started> => launch(dataUrl(workerSource));

async function startWorker(): Promise<Started> {
  let started: Started;
  try {
    started = await fromBlob();
  } catch {
    return await fromData();
  }
  if (started.webgpu || !hasWebGpu()) return started;
  try {
    const other = await fromData();
    started.worker.terminate();
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
  const started = await Promise.allSettled(Array.from({ length: count }, () => fromBlob().catch(fromData)));
  return started
    .filter((one) => one.status === 'fulfilled')
    .map(({ value: { worker, remote } }) => {
      const died = new Promise<never>((_, reject) => {
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message || 'a worker of the sweep ended'));
        };
      });
      // Told to whoever waits; it may be nobody.
      died.catch(() => undefined);
      const stop = (): void => {
        remote[releaseProxy]();
        worker.terminate();
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
  dispose(): void;
}

/** Starts the engine in a worker. Rejects where the page may start no worker at all. */
export async function startEngine(options: { readonly gpu: GpuMode }): Promise<EngineHandle> {
  const { worker, remote } = await startWorker();
  await remote.start(options);
  const sweeps = new Sweeps(remote.replays);
  const api = withOwn<EngineApi>(remote, {
    open: (job, file, onProgress) => remote.open(job, file, proxy(onProgress)),
    openFolder: (job, name, files, onProgress) => remote.openFolder(job, name, files, proxy(onProgress)),
    cancel: async (job) => {
      if (!sweeps.cancel(job)) await remote.cancel(job);
    },
    replays: withOwn<EngineApi['replays']>(remote.replays, {
      sites: (query, onProgress) => remote.replays.sites(query, proxy(onProgress)),
      sweep: sweeps.sweep,
    }),
  });
  return {
    api,
    dispose() {
      sweeps.stop();
      remote[releaseProxy]();
      worker.terminate();
    },
  };
}
