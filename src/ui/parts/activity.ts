/**
 * What is under way: questions to the engine, files being read. Knows when all of it has ended and what came of it has
 * been drawn. It watches what is handed to it and nothing else: a timer that somebody starts beside it is not seen.
 */

/**
 * Frames without anything new before the page is idle. What an answer changed is laid out in the first, where a chart
 * learns of its new size; it takes it in the second, and the question that this leads to waits for the third, so that
 * questions of one frame become one. One more, for a chart within a view that is made in the first.
 */
const QUIET_FRAMES = 5;

const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));

/** Whether an element or one below it, shadow trees included, has yet to draw what it was given. */
function drawsYet(element: Element): boolean {
  if ('isUpdatePending' in element && element.isUpdatePending === true) return true;
  return [...(element.shadowRoot?.children ?? []), ...element.children].some(drawsYet);
}

export class Activity {
  private running = 0;
  /** Ever begun: what comes and goes within a frame is seen by it. */
  private begun = 0;
  private ended = false;
  private quiet: (() => void)[] = [];

  /** Counts a piece of work from now until it has ended, well or not. */
  during<T>(work: Promise<T>): Promise<T> {
    this.running++;
    this.begun++;
    const end = (): void => {
      if (--this.running === 0) this.release();
    };
    work.then(end, end);
    return work;
  }

  /** The same engine; each of its answers is waited for, also those of the objects in it. */
  watch<T extends object>(api: T): T {
    return new Proxy(api, {
      // A member may be a function, an object, or both at once, as one of an engine in a worker is.
      get: (target, name): unknown => {
        const member: unknown = Reflect.get(target, name);
        if (
          name === 'then' ||
          (typeof member !== 'function' && typeof member !== 'object') ||
          member === null
        )
          return member;
        return this.watch(typeof member === 'function' ? this.counted(member, target) : member);
      },
    });
  }

  /**
   * Resolves once nothing is under way and nothing at or below an element is left to draw. A browser draws no frame of a page
   * that is not shown: there it resolves when the page is shown.
   */
  async whenIdle(root: Element): Promise<void> {
    for (let still = 0, seen = this.begun; still < QUIET_FRAMES && !this.ended; still++) {
      if (this.running > 0) await new Promise<void>((resolve) => this.quiet.push(resolve));
      await frame();
      if (this.running > 0 || this.begun !== seen || drawsYet(root)) still = -1;
      seen = this.begun;
    }
  }

  /** The engine is gone and answers no more: nobody waits for it. */
  end(): void {
    this.ended = true;
    this.release();
  }

  private counted(method: object, owner: object): object {
    return new Proxy(method, {
      apply: (target, _, given: unknown[]): unknown =>
        this.during(Promise.resolve(Reflect.apply(target as () => unknown, owner, given))),
    });
  }

  private release(): void {
    for (const resolve of this.quiet.splice(0)) resolve();
  }
}
