/**
 * The engine as the page asks it: every text of a file in its answers is made visible on the way in, so that no name turns
 * what stands beside it round. What leaves the page whole (the analysis, saved tables) stays as it is.
 */
import { shown } from '../../base/visible.ts';

/** Answers that are not drawn but handed on. */
const HANDED_ON: ReadonlySet<string> = new Set(['analysis', 'saveTable']);

export function visibleAnswers<T extends object>(api: T): T {
  return new Proxy(api, {
    get: (target, name): unknown => {
      const member: unknown = Reflect.get(target, name);
      if (name === 'then' || typeof name === 'symbol') return member;
      if (typeof member === 'function') {
        const ask = (given: unknown[]): unknown => Reflect.apply(member as () => unknown, target, given);
        return visibleAnswers(
          new Proxy(member, {
            apply: async (_method, _self, given: unknown[]): Promise<unknown> =>
              HANDED_ON.has(name) ? await ask(given) : shown(await ask(given)),
          }),
        );
      }
      return typeof member === 'object' && member !== null ? visibleAnswers(member) : member;
    },
  });
}
