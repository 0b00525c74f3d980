/**
 * The real engine over real files, for tests of the page. It notes what it is asked; a test may hold an answer back, have
 * a question fail, or give an answer in the engine's place. Everything else is what the engine says, and a new question
 * needs nothing here.
 */
import { Engine } from '../../src/engine/engine.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';

/** A method of the engine, or "replays.sweep" for one of its replays. */
export type Question =
  Exclude<keyof EngineApi, 'replays'> | `replays.${Extract<keyof EngineApi['replays'], string>}`;

type MethodOf<Q extends Question> = Q extends `replays.${infer R extends keyof EngineApi['replays']}`
  ? EngineApi['replays'][R]
  : Q extends keyof EngineApi
    ? EngineApi[Q]
    : never;

type Method = (...given: never[]) => unknown;

interface Held {
  /** Lets the question go to the engine. */
  release(): void;
}

const isPlain = (value: unknown): boolean =>
  ['string', 'number', 'bigint'].includes(typeof value) || value === null;

interface RangeLike {
  readonly from?: number;
  readonly to?: number;
  readonly axis?: string;
  readonly columns?: number;
  readonly range?: { readonly from: number; readonly to: number } | null;
}

/** "timeline time 0 4000 900", "moment event 12", "pins 7": a question in words, its device and its lists left out. */
function wordsOf(question: string, given: readonly unknown[]): string {
  const [query] = given;
  if (typeof query === 'object' && query !== null && ('range' in query || 'columns' in query)) {
    const { axis, range, columns, from, to } = query as RangeLike;
    return [question, axis, range?.from ?? from, range?.to ?? to, columns]
      .filter((one) => one !== undefined)
      .join(' ');
  }
  const plain = given.filter((one) => isPlain(one) && !/^\d+:\d+$/.test(String(one)));
  return [question, ...plain.map(String)].join(' ');
}

export class EngineForTest {
  /** Questions so far, in words. */
  readonly asked: string[] = [];
  readonly api: EngineApi;
  private readonly calls: { readonly question: string; readonly given: readonly unknown[] }[] = [];
  private readonly own = new Map<string, Method>();
  private readonly held = new Map<string, Promise<void>>();

  constructor(engine = new Engine()) {
    this.api = this.watched(engine, '');
  }

  /** What a question was asked with, each time. */
  given<Q extends Question>(question: Q): Parameters<MethodOf<Q>>[] {
    const calls = this.calls.filter((one) => one.question === question);
    return calls.map(({ given }) => given as Parameters<MethodOf<Q>>);
  }

  /** Questions in words that begin so. */
  askedFor(what: string): string[] {
    return this.asked.filter((one) => one.startsWith(what));
  }

  /** From now on the test answers this question; null: the engine does. */
  instead<Q extends Question>(question: Q, answer: MethodOf<Q> | null): void {
    if (answer === null) this.own.delete(question);
    else this.own.set(question, answer);
  }

  /** From now on the question rejects, as that of a worker that is gone. */
  fail(question: Question, message: string): void {
    this.own.set(question, () => Promise.reject(new Error(message)));
  }

  /** Questions of this kind wait until they are let go. */
  hold(question: Question): Held {
    let release!: () => void;
    this.held.set(question, new Promise((resolve) => (release = resolve)));
    return {
      release: () => {
        this.held.delete(question);
        release();
      },
    };
  }

  private watched<T extends object>(target: T, path: string): T {
    return new Proxy(target, {
      get: (_, name): unknown => {
        const member: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || name === 'then') return member;
        const question = path + name;
        if (typeof member === 'object' && member !== null) return this.watched(member, `${question}.`);
        if (typeof member !== 'function') return member;
        return async (...given: never[]): Promise<unknown> => {
          this.asked.push(wordsOf(question, given));
          this.calls.push({ question, given });
          await this.held.get(question);
          return Reflect.apply(this.own.get(question) ?? (member as Method), target, given);
        };
      },
    });
  }
}
