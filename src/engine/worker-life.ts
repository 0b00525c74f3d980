/**
 * Whether a worker still lives, and what becomes of those who wait for it once it does not. A worker that ends tells
 * nobody: the browser fires `error` for a script that fails and nothing at all for one that was stopped. So the worker
 * holds a lock of the browser for as long as it lives, and who is given that lock knows that it has ended. Where a page
 * may take no lock (a sandboxed frame, whose origin is opaque) a worker that is silent while it is asked is told of, and
 * not given up: it may be at work on something long.
 */
import { TraceError } from '../base/trace-error.ts';

/** Silence, while a question waits, after which it is told of (ms): longer than any step of reading that was seen. */
const SILENT_AFTER = 60_000;
const ASK_EVERY = 5000;

/** What the page can do about an engine that is gone. */
const ADVICE =
  'Most likely the browser gave it no more memory. Close other tabs and open the file by itself; or read it with the command line, which may use all memory of the machine: vramscope analyze FILE';

type Ping = () => Promise<unknown>;

export class WorkerLife {
  /** Resolves with what happened, once the worker is gone; never if it is disposed of. */
  readonly lost: Promise<TraceError>;
  private tellLost!: (error: TraceError) => void;
  private readonly waiting = new Set<(error: TraceError) => void>();
  private end: TraceError | null = null;
  private heard = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly stop = new AbortController();

  constructor(private readonly worker: Worker) {
    this.lost = new Promise((resolve) => (this.tellLost = resolve));
    worker.onerror = (event) => {
      event.preventDefault();
      this.ended('a fault in its script that nothing caught');
    };
    worker.onmessageerror = () => this.ended('an answer that could not be received');
  }

  /** From now on the end of the worker is noticed: by the lock that it holds, or else by its silence. */
  watch(lock: string | null, ping: Ping, silent: (seconds: number) => void): void {
    if (lock !== null) {
      void navigator.locks
        .request(lock, { signal: this.stop.signal }, () => this.ended('the browser stopped it'))
        .catch(() => undefined);
      return;
    }
    this.heard = Date.now();
    this.timer = setInterval(() => {
      void ping().then(() => (this.heard = Date.now()));
      const quiet = Date.now() - this.heard;
      if (this.waiting.size > 0 && quiet >= SILENT_AFTER) silent(Math.round(quiet / 1000));
    }, ASK_EVERY);
  }

  /** The answer, or the end of the worker: whichever comes first. */
  during<T>(answer: Promise<T>): Promise<T> {
    if (this.end !== null) {
      answer.catch(() => undefined);
      return Promise.reject(this.end);
    }
    return new Promise<T>((resolve, reject) => {
      this.waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  /** The same methods, also those of the objects in it; each answer ends with the worker. */
  guard<T extends object>(remote: T): T {
    return new Proxy(remote, {
      get: (target, name): unknown => {
        const member: unknown = Reflect.get(target, name);
        if (name === 'then' || typeof name === 'symbol' || typeof member !== 'function') return member;
        // A member of a remote object is a function and an object at once.
        return this.guard(
          new Proxy(member, {
            apply: (method, _, given: unknown[]): unknown =>
              this.during(Promise.resolve(Reflect.apply(method as () => unknown, target, given))),
          }),
        );
      },
    });
  }

  /** Ends the watch and the worker. Whoever still waits is told nothing: nobody is there any more. */
  dispose(): void {
    this.stop.abort();
    clearInterval(this.timer);
    this.worker.terminate();
  }

  private ended(what: string): void {
    if (this.end !== null || this.stop.signal.aborted) return;
    this.end = new TraceError('ended', `The engine that reads files and answers questions ended: ${what}.`, {
      advice: ADVICE,
    });
    this.dispose();
    for (const reject of this.waiting) reject(this.end);
    this.waiting.clear();
    this.tellLost(this.end);
  }
}
