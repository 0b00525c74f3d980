/** Worker entry: the engine itself behind comlink. The only place that knows it runs in a worker. */
import { expose, transfer } from 'comlink';
import { hasWebGpu } from '../kernel/device.ts';
import { Engine } from './engine.ts';
import type { TableQuery } from './table-query.ts';

/** The engine, and what only a worker has to say or do. */
export class WorkerEngine extends Engine {
  /**
   * What this worker's context offers, asked before the engine starts (see engine-client.ts). The worker holds the lock
   * of this name until it ends; `holds` is false where it may take none.
   */
  async ping(lock?: string): Promise<{ readonly webgpu: boolean; readonly holds: boolean }> {
    return { webgpu: hasWebGpu(), holds: lock !== undefined && (await this.hold(lock)) };
  }

  private hold(lock: string): Promise<boolean> {
    return new Promise((resolve) => {
      const held = (): Promise<never> => {
        resolve(true);
        return new Promise(() => undefined);
      };
      try {
        navigator.locks.request(lock, held).catch(() => resolve(false));
      } catch {
        // An insecure context has no `locks`.
        resolve(false);
      }
    });
  }

  /** Handed over, not copied: the bytes are nobody else's. */
  override async saveTable(query: TableQuery): ReturnType<Engine['saveTable']> {
    const saved = await super.saveTable(query);
    const buffers = saved.ok ? saved.value.map(({ buffer }) => buffer) : [];
    return transfer(saved, buffers);
  }
}

expose(new WorkerEngine());
