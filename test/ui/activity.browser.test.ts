/** When a page has nothing left to do. Frames are needed, so a browser is. */
import { LitElement, html } from 'lit';
import { afterEach, expect, it } from 'vitest';
import { Activity } from '../../src/ui/parts/activity.ts';

const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));

async function frames(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await frame();
}

/** Draws when its test lets it. */
class SlowElement extends LitElement {
  static override properties = { words: {} };
  declare words: string;
  let: () => void = () => undefined;

  protected override async scheduleUpdate(): Promise<void> {
    await new Promise<void>((resolve) => (this.let = resolve));
    await super.scheduleUpdate();
  }

  override render(): unknown {
    return html`${this.words}`;
  }
}
customElements.define('slow-for-test', SlowElement);

interface Waited {
  readonly activity: Activity;
  readonly isIdle: () => boolean;
}

function wait(activity = new Activity()): Waited {
  let idle = false;
  void activity.whenIdle(document.body).then(() => (idle = true));
  return { activity, isIdle: () => idle };
}

/** Work that ends when told to. */
function work(): { promise: Promise<void>; end(): void; fail(): void } {
  let end!: () => void;
  let fail!: () => void;
  const promise = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = () => reject(new Error('planted'));
  });
  promise.catch(() => undefined);
  return { promise, end, fail };
}

afterEach(() => document.body.replaceChildren());

it('is at once where nothing is under way', async () => {
  const { isIdle } = wait();
  await expect.poll(isIdle).toBe(true);
});

it('waits for every piece of work, also for what fails', async () => {
  const activity = new Activity();
  const [one, two] = [work(), work()];
  void activity.during(one.promise);
  activity.during(two.promise).catch(() => undefined);
  const { isIdle } = wait(activity);
  one.end();
  await frames(8);
  expect(isIdle()).toBe(false);
  two.fail();
  await expect.poll(isIdle).toBe(true);
});

it('waits for the question that an answer leads to, two frames later', async () => {
  const activity = new Activity();
  const [first, second] = [work(), work()];
  void activity.during(first.promise.then(async () => frames(1)));
  void first.promise.then(async () => {
    await frames(2);
    void activity.during(second.promise);
  });
  const { isIdle } = wait(activity);
  first.end();
  await frames(12);
  expect(isIdle()).toBe(false);
  second.end();
  await expect.poll(isIdle).toBe(true);
});

it('waits for an element that has not drawn yet, in whatever shadow tree', async () => {
  const slow = new SlowElement();
  const outer = document.createElement('div');
  outer.attachShadow({ mode: 'open' }).append(slow);
  document.body.append(outer);
  const { isIdle } = wait();
  await frames(8);
  expect(isIdle()).toBe(false);
  slow.let();
  await expect.poll(isIdle).toBe(true);
});

it('waits for no engine that is gone', async () => {
  const activity = new Activity();
  void activity.during(work().promise);
  const { isIdle } = wait(activity);
  await frames(4);
  expect(isIdle()).toBe(false);
  activity.end();
  await expect.poll(isIdle).toBe(true);
});

it('counts the questions to an engine that it watches, and hands the answers on', async () => {
  const activity = new Activity();
  const asked = work();
  const engine = {
    given: [] as unknown[],
    async close(id: number): Promise<void> {
      this.given.push(id);
      await asked.promise;
    },
    inner: { count: 3, twice: (value: number): Promise<number> => Promise.resolve(2 * value) },
  };
  const api = activity.watch(engine);
  // Awaiting an engine asks it nothing.
  expect(await Promise.resolve(api)).toBe(api);
  const closed = api.close(7);
  const { isIdle } = wait(activity);
  await frames(8);
  expect(isIdle()).toBe(false);
  expect(engine.given).toEqual([7]);
  asked.end();
  await closed;
  expect(api.inner.count).toBe(3);
  expect(await api.inner.twice(21)).toBe(42);
  await expect.poll(isIdle).toBe(true);
});
