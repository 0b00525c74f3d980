/** Worker entry: the engine behind comlink. The only place that knows it runs in a worker. */
import { expose } from 'comlink';
import { BlobSource } from '../file/blob-source.ts';
import { hasWebGpu } from '../kernel/device.ts';
import { Engine } from './engine.ts';
import type { EngineApi } from './protocol.ts';

const engine = new Engine();

const api: EngineApi & { ping(): Promise<{ webgpu: boolean }> } = {
  /** What this worker's context offers, asked before the engine starts (see engine-client.ts). */
  ping: () => Promise.resolve({ webgpu: hasWebGpu() }),
  start: (options) => engine.start(options),
  status: () => Promise.resolve(engine.status()),
  open: (job, file, onProgress) => engine.open(job, new BlobSource(file, file.name), onProgress),
  openFolder: (job, name, files, onProgress) =>
    engine.openFolder(
      job,
      name,
      files.map(({ path, file }) => new BlobSource(file, path)),
      onProgress,
    ),
  cancel: (job) => Promise.resolve(engine.cancel(job)),
  close: (sourceId) => engine.close(sourceId),
  timeline: (query) => engine.timeline(query),
  range: (query) => engine.range(query),
  kernels: (query) => engine.kernels(query),
  moment: (device, axis, x) => engine.moment(device, axis, x),
  frames: (device, stack) => engine.frames(device, stack),
  analysis: () => engine.analysis(),
  exportArrow: (device) => engine.exportArrow(device),
};

expose(api);
