/** Worker entry: the engine itself behind comlink. The only place that knows it runs in a worker. */
import { expose, transfer } from 'comlink';
import { hasWebGpu } from '../kernel/device.ts';
import { Engine } from './engine.ts';
import { buffersIn } from './transfer.ts';

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
}

type Asked = (...given: never[]) => Promise<object>;

/** From now on, answers of these questions take their arrays with them. */
function handOver<T extends object>(target: T, ...names: readonly (keyof T)[]): T {
  for (const name of names) {
    const ask = (target[name] as Asked).bind(target);
    const answer: Asked = async (...given) => {
      const told = await ask(...given);
      return transfer(told, [...buffersIn(told)]);
    };
    Object.assign(target, { [name]: answer });
  }
  return target;
}

// Their arrays are made for the one answer. What is kept for the next question (readings, requests) is copied.
const engine = handOver(
  new WorkerEngine(),
  'timeline',
  'ledgerColumns',
  'kernels',
  'raster',
  'saveTable',
  'addressMap',
  'addressTime',
  'freeTime',
  'stackTree',
  'line',
);
handOver(engine.replays, 'whatIf');
expose(engine);
