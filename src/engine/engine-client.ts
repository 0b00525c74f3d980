/**
 * The page's side of the border: starts the worker wherever the page runs. A Blob worker works from https, from
 * localhost and from disk; inside `<iframe sandbox="allow-scripts">` it loses WebGPU, where a data: worker keeps it.
 */
import { proxy, type Remote, releaseProxy, wrap } from 'comlink';
import { workerSource } from 'virtual:engine-worker';
import { hasWebGpu } from '../kernel/device.ts';
import type { EngineApi, GpuMode } from './protocol.ts';

type WorkerApi = EngineApi & { ping(): Promise<{ webgpu: boolean }> };

interface Started {
  readonly worker: Worker;
  readonly remote: Remote<WorkerApi>;
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
    const remote = wrap<WorkerApi>(worker);
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

export interface EngineHandle {
  readonly api: EngineApi;
  dispose(): void;
}

/** Starts the engine in a worker. Rejects where the page may start no worker at all. */
export async function startEngine(options: { readonly gpu: GpuMode }): Promise<EngineHandle> {
  const { worker, remote } = await startWorker();
  await remote.start(options);
  const api: EngineApi = {
    start: (again) => remote.start(again),
    status: () => remote.status(),
    open: (job, file, onProgress) => remote.open(job, file, proxy(onProgress)),
    openFolder: (job, name, files, onProgress) => remote.openFolder(job, name, files, proxy(onProgress)),
    cancel: (job) => remote.cancel(job),
    close: (sourceId) => remote.close(sourceId),
    timeline: (query) => remote.timeline(query),
    range: (query) => remote.range(query),
    kernels: (query) => remote.kernels(query),
    moment: (device, axis, x) => remote.moment(device, axis, x),
    frames: (device, stack) => remote.frames(device, stack),
    analysis: () => remote.analysis(),
    exportArrow: (device) => remote.exportArrow(device),
  };
  return {
    api,
    dispose() {
      remote[releaseProxy]();
      worker.terminate();
    },
  };
}
