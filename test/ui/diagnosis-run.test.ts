/** When the diagnosis is asked for, and which answer is shown. */
import { expect, it } from 'vitest';
import { ok } from '../../src/base/result.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import { DiagnosisRun } from '../../src/ui/diagnosis/diagnosis-run.ts';
import { diagnosis } from '../view/diagnosis/diagnosis-for-test.ts';

interface Started {
  readonly run: DiagnosisRun;
  /** Answers what waits, the oldest first. */
  readonly answer: (milliseconds: number) => Promise<void>;
  readonly break: () => Promise<void>;
  readonly asked: () => number;
}

function start(): Started {
  const waiting: { resolve(milliseconds: number): void; reject(error: Error): void }[] = [];
  let asked = 0;
  const api = {
    diagnosis: () => {
      asked++;
      return new Promise((resolve, reject) => {
        waiting.push({ resolve: (milliseconds) => resolve(ok(diagnosis({ milliseconds }))), reject });
      });
    },
  } as unknown as EngineApi;
  const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
  return {
    run: new DiagnosisRun(
      () => Promise.resolve(api),
      () => undefined,
    ),
    answer: async (milliseconds) => {
      await rest();
      waiting.shift()?.resolve(milliseconds);
      await rest();
    },
    break: async () => {
      await rest();
      waiting.shift()?.reject(new Error('The worker is gone.'));
      await rest();
    },
    asked: () => asked,
  };
}

it('asks once at a time, and again where files came meanwhile', async () => {
  const { run, answer, asked } = start();
  run.ask();
  run.ask();
  run.ask();
  expect(run.state.running).toBe(true);
  await answer(1);
  // The first answer is about fewer files: it is not shown, and three questions became two.
  expect(run.state).toMatchObject({ running: true, diagnosis: null });
  await answer(2);
  expect(run.state).toMatchObject({ running: false, diagnosis: { milliseconds: 2 } });
  expect(asked()).toBe(2);
});

it('keeps the answer there is until the next one comes', async () => {
  const { run, answer } = start();
  run.ask();
  await answer(1);
  run.ask();
  expect(run.state).toMatchObject({ running: true, diagnosis: { milliseconds: 1 } });
  await answer(2);
  expect(run.state).toMatchObject({ running: false, diagnosis: { milliseconds: 2 } });
});

it('forgets all where nothing is open, an answer under way included', async () => {
  const { run, answer, asked } = start();
  run.ask();
  run.reset();
  await answer(1);
  expect(run.state).toEqual({ running: false, diagnosis: null, error: null });
  run.ask();
  await answer(2);
  expect(run.state.diagnosis?.milliseconds).toBe(2);
  expect(asked()).toBe(2);
});

it('asks again where a file came while the answer of closed ones was under way', async () => {
  const { run, answer } = start();
  run.ask();
  run.reset();
  run.ask();
  await answer(1);
  expect(run.state).toMatchObject({ running: true, diagnosis: null });
  await answer(2);
  expect(run.state).toMatchObject({ running: false, diagnosis: { milliseconds: 2 } });
});

it('says what went wrong, and can be asked again', async () => {
  const { run, answer, break: breaks } = start();
  run.ask();
  await breaks();
  expect(run.state.error?.message).toMatch(/^A fault of vramscope: /);
  run.ask();
  await answer(3);
  expect(run.state).toMatchObject({ running: false, error: null, diagnosis: { milliseconds: 3 } });
});
