/** Questions asked faster than they are answered. Frames are needed, so a browser is. */
import { expect, it } from 'vitest';
import { Latest } from '../../src/ui/parts/latest.ts';

const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));

interface Run {
  readonly latest: Latest<number, number>;
  readonly asked: number[];
  readonly told: number[];
  readonly answer: (() => void)[];
}

/** Answers only when told to. */
function start(): Run {
  const asked: number[] = [];
  const told: number[] = [];
  const answer: (() => void)[] = [];
  const latest = new Latest<number, number>(
    (question) => {
      asked.push(question);
      return new Promise((resolve) => answer.push(() => resolve(question)));
    },
    (value) => told.push(value),
    () => told.push(-1),
  );
  return { latest, asked, told, answer };
}

it('asks once a frame, for the newest', async () => {
  const { latest, asked } = start();
  for (let i = 1; i <= 5; i++) latest.want(i);
  await frame();
  await frame();
  expect(asked).toEqual([5]);
});

it('holds the newest back while an answer is on its way', async () => {
  const { latest, asked, told, answer } = start();
  latest.want(1);
  await frame();
  await frame();
  latest.want(2);
  await frame();
  await frame();
  latest.want(3);
  await frame();
  await frame();
  expect(asked).toEqual([1]);
  answer[0]();
  await expect.poll(() => asked).toEqual([1, 3]);
  answer[1]();
  await expect.poll(() => told).toEqual([1, 3]);
});

it('drops an answer to what is no longer asked', async () => {
  const { latest, asked, told, answer } = start();
  latest.want(1);
  await frame();
  await frame();
  latest.reset();
  latest.want(2);
  answer[0]();
  await expect.poll(() => asked).toEqual([1, 2]);
  answer[1]();
  await expect.poll(() => told).toEqual([2]);
});

it('goes on after a failure', async () => {
  const told: string[] = [];
  let fails = true;
  const latest = new Latest<number, number>(
    (question) => (fails ? Promise.reject(new Error('no')) : Promise.resolve(question)),
    (value) => told.push(`answer ${value}`),
    (error) => told.push(String(error)),
  );
  latest.want(1);
  await expect.poll(() => told).toEqual(['Error: no']);
  fails = false;
  latest.want(2);
  await expect.poll(() => told).toEqual(['Error: no', 'answer 2']);
});
