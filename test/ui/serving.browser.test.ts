/** A server's part of the diagnosis on the page of its log, over the real engine with a server of the test's own. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fail, ok } from '../../src/base/result.ts';
import { toErrorData } from '../../src/base/trace-error.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import type { ServerGiven } from '../../src/engine/protocol.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { diagnosis } from '../view/diagnosis/diagnosis-for-test.ts';
import { buckets, gaugeGrowth, kv, server, usage } from '../view/serving/serving-for-test.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn } from './shadow-tree.ts';

/** Its first source is a server that is stuck; config.json adds a figure. */
class Serving {
  readonly engine = new EngineForTest();
  readonly told: [number, ServerGiven][] = [];
  /** Number of the first source, as the engine gives it. */
  readonly source = 1;
  /** The next diagnoses end in an error. */
  failing = false;

  constructor() {
    this.engine.instead('setServer', (...given) => {
      this.told.push(given);
      return Promise.resolve();
    });
    this.engine.instead('diagnosis', () => Promise.resolve(this.answer()));
  }

  private answer(): Awaited<ReturnType<EngineApi['diagnosis']>> {
    if (this.failing) return fail(toErrorData(new Error('Broken.'), null));
    const sourceId = this.source;
    const given = this.told.at(-1)?.[1] ?? { gpusPerPod: null, modelConfig: null };
    const model =
      given.modelConfig === null
        ? null
        : { error: null, bytesPerTokenPerRank: 65_536, tokens: null, copies: 1, notes: ['8 KV heads.'] };
    return ok(
      diagnosis({
        findings: [],
        devices: [],
        servers: [
          server({
            sourceId,
            gpusPerPod: given.gpusPerPod,
            modelConfig: given.modelConfig,
            modelError: given.modelConfig === 'no JSON' ? 'In line 1, column 1, a value is expected.' : null,
            kv: [kv({ model })],
            usage: [usage()],
          }),
        ],
        requests: [buckets({ sourceId }), buckets({ sourceId: sourceId + 100, memory: 'of another file' })],
        gaugeGrowth: [gaugeGrowth({ sourceId }), gaugeGrowth({ sourceId: sourceId + 100, label: 'Other' })],
      }),
    );
  }
}

let serving: Serving;
let scope: VramScope;

const all = (selector: string, root: Element | ShadowRoot = scope): HTMLElement[] => allIn(root, selector);

function within(host: string, selector: string): HTMLElement {
  const found = all(host).flatMap((one) => [
    ...(one.shadowRoot?.querySelectorAll<HTMLElement>(selector) ?? []),
  ]);
  if (found.length !== 1) throw new Error(`${host} has ${found.length} of ${selector}.`);
  return found[0];
}

function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  const root = node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node;
  return [...root.childNodes].map(textOf).join(' ');
}
const told = (selector: string): string => all(selector).map(textOf).join(' ').replace(/\s+/g, ' ').trim();

beforeEach(async () => {
  serving = new Serving();
  scope = document.createElement('vram-scope');
  scope.engine = serving.engine.api;
  scope.style.width = '1280px';
  document.body.append(scope);
  await scope.openFiles([await fileAt('test/fixtures/log/vllm-v1-tp2.log', 'vllm.txt')]);
  await expect.poll(() => told('vs-serving')).toContain('KV cache');
});

afterEach(() => {
  scope.remove();
  localStorage.clear();
});

it('tells the cache, what would change it, and that it is stuck', () => {
  const words = told('vs-serving');
  expect(words).toContain('30.5 GiB on TP1, which has least');
  expect(words).toContain('--gpu-memory-utilization 0.95 32.8 GiB +2.22 GiB');
  expect(words).toContain('The log says "auto"');
  expect(told('.state.bad')).toBe('Stuck');
});

it('tells requests and growth of this file alone, in the unit of the user', async () => {
  expect(told('vs-serving-requests')).toContain('M 513 to 2,048 6 712 to 1,512');
  expect(told('vs-serving-requests')).not.toContain('of another file');
  expect(told('vs-serving-growth')).toContain('Allocated Grew, then stays at 2.91 GiB high 21');
  expect(told('vs-serving-growth')).not.toContain('Other');
  all('button')
    .find((one) => one.textContent.trim() === 'GB')
    ?.click();
  await expect.poll(() => told('vs-serving-growth')).toContain('at 3.12 GB');
  expect(told('vs-serving')).toContain('32.8 GB on TP1');
});

it('takes what the log does not say, and diagnoses anew', async () => {
  within('vs-serving-given', 'summary').click();
  const gpus = within('vs-serving-given', 'input') as HTMLInputElement;
  const config = within('vs-serving-given', 'textarea') as HTMLTextAreaElement;
  const use = within('vs-serving-given', 'button[type="submit"]');
  gpus.value = 'eight';
  use.click();
  await expect.poll(() => told('.problem')).toContain('"eight" is no number of GPUs');
  expect(serving.told).toEqual([]);
  const before = serving.engine.askedFor('diagnosis').length;
  gpus.value = '8';
  config.value = ' {"num_hidden_layers": 32} ';
  use.click();
  await expect.poll(() => told('vs-serving')).toContain('The same by config.json 64 KiB');
  expect(serving.told).toEqual([
    [serving.source, { gpusPerPod: 8, modelConfig: '{"num_hidden_layers": 32}' }],
  ]);
  expect(serving.engine.askedFor('diagnosis')).toHaveLength(before + 1);
  expect(told('.problem')).toBe('');
  // The form is still open, with what was typed: the next diagnosis does not take it away.
  expect(config.isConnected && config.value !== '').toBe(true);
  within('vs-serving-given', 'button[type="button"]').click();
  await expect.poll(() => told('vs-serving')).not.toContain('config.json 64 KiB');
  expect(serving.told.at(-1)?.[1]).toEqual({ gpusPerPod: null, modelConfig: null });
  expect(gpus.value + config.value).toBe('');
});

it('keeps the text of config.json where it is wrong, and where a diagnosis ends in an error', async () => {
  within('vs-serving-given', 'summary').click();
  const config = (): HTMLTextAreaElement => within('vs-serving-given', 'textarea') as HTMLTextAreaElement;
  config().value = 'no JSON';
  within('vs-serving-given', 'button[type="submit"]').click();
  await expect.poll(() => told('.problem')).toBe('In line 1, column 1, a value is expected.');
  expect(config().getAttribute('aria-invalid')).toBe('true');
  serving.failing = true;
  config().value = '{"num_hidden_layers": 32}';
  within('vs-serving-given', 'button[type="submit"]').click();
  await expect.poll(() => all('vs-serving-given')).toHaveLength(0);
  // Another file asks for another diagnosis.
  serving.failing = false;
  await scope.openFiles([await fileAt('test/fixtures/log/oom.txt', 'other.txt')]);
  await expect.poll(() => all('vs-serving-given').length).toBeGreaterThan(0);
  expect(
    (all('vs-serving-given')[0].shadowRoot!.querySelector('textarea') as HTMLTextAreaElement).value,
  ).toBe('{"num_hidden_layers": 32}');
});
