/** Worker entry: the engine behind comlink. The only place that knows it runs in a worker. */
import { expose, transfer } from 'comlink';
import { BlobSource } from '../file/blob-source.ts';
import { hasWebGpu } from '../kernel/device.ts';
import { Engine } from './engine.ts';
import type { EngineApi } from './protocol.ts';
import type { SweepWorkerApi } from './replay-protocol.ts';

const engine = new Engine();

const api: EngineApi & SweepWorkerApi & { ping(): Promise<{ webgpu: boolean }> } = {
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
  diagnosis: () => engine.diagnosis(),
  ledger: (device, row) => engine.ledger(device, row),
  ledgerColumns: (query) => engine.ledgerColumns(query),
  pins: (device, row) => engine.pins(device, row),
  setClockOffset: (sourceId, offsetNs) => Promise.resolve(engine.setClockOffset(sourceId, offsetNs)),
  setServer: (sourceId, given) => Promise.resolve(engine.setServer(sourceId, given)),
  tables: (query) => Promise.resolve(engine.tables(query)),
  // Handed over, not copied: they are nobody else's.
  saveTable: async (query) => {
    const saved = await engine.saveTable(query);
    return saved.ok
      ? transfer(
          saved,
          saved.value.map(({ buffer }) => buffer),
        )
      : saved;
  },
  conf: (text) => Promise.resolve(engine.replays.conf(text)),
  replay: (device) => engine.replays.replay(device),
  whatIf: (query) => engine.replays.whatIf(query),
  sites: (query, onProgress) => engine.replays.sites(query, onProgress),
  sweep: (query, onProgress) => engine.replays.sweep(query, onProgress),
  sweepWork: (query) => engine.replays.sweepWork(query),
  sweepRound: (query, rows) => engine.replays.sweepRound(query, rows),
  sweepConclusion: (query, rows) => engine.replays.sweepConclusion(query, rows),
  sweepPrepare: (work) => Promise.resolve(engine.replays.sweepPrepare(work)),
  // What it throws has to reject.
  sweepBatch: (settings) => new Promise((resolve) => resolve(engine.replays.sweepBatch(settings))),
};

expose(api);
