/** One clock on the page, over the real engine with clocks of the test's own: when it is shown, and what an offset set by hand leads to. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../src/base/result.ts';
import { TraceError } from '../../src/base/trace-error.ts';
import type { ClocksAnswer, SourceClock } from '../../src/engine/protocol.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { clock, disagreement, HOUR_NS, monitorClock, placeless } from '../view/diagnosis/clocks-for-test.ts';
import { diagnosis } from '../view/diagnosis/diagnosis-for-test.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';

/** Three sources; the monitor's offset is found, or what was set by hand, and then it contradicts. */
class Clocks {
  readonly engine = new EngineForTest();
  sources = 3;
  refuses = false;
  suggests = false;
  private offsetNs: bigint | null = null;

  constructor() {
    this.engine.instead('diagnosis', () => Promise.resolve(ok(diagnosis(this.answer()))));
    this.engine.instead('setClockOffset', (_, offsetNs) => {
      if (this.refuses)
        return Promise.resolve(fail(new TraceError('unsupported', 'It cannot be moved.').toData()));
      this.offsetNs = offsetNs;
      return Promise.resolve(ok(this.answer()));
    });
  }

  private answer(): ClocksAnswer {
    const { offsetNs } = this;
    const byHand = { status: 'override', offsetNs, offsetText: 'moved', sentence: 'smi.csv: set by hand.' };
    const unknown = {
      status: 'not found',
      offsetNs: null,
      offsetText: null,
      sentence: 'smi.csv: not found.',
    };
    const monitor: Partial<SourceClock> =
      offsetNs !== null
        ? byHand
        : this.suggests
          ? { ...unknown, suggestedNs: -HOUR_NS, suggestedText: '-1 h' }
          : {};
    return {
      clocks: [clock(), monitorClock(monitor), placeless()].slice(0, this.sources),
      contradictions: offsetNs === null ? [] : Array.from({ length: 7 }, () => disagreement()),
      observations: [disagreement({ kind: 'constant_difference', sentence: 'Always 4 MiB more.' })],
      compared: 40,
    };
  }
}

let clocks: Clocks;
let scope: VramScope;

const asked = (what: string): string[] => clocks.engine.askedFor(what);
const root = (): ShadowRoot | null =>
  scope.shadowRoot?.querySelector('[role="tabpanel"]:not([hidden]) vs-clocks')?.shadowRoot ?? null;
const told = (): string =>
  [...(root()?.children ?? [])]
    .filter((one) => !(one instanceof HTMLStyleElement))
    .map((one) => one.textContent)
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
const details = (): HTMLDetailsElement | null => root()?.querySelector('details') ?? null;

function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = root()?.querySelector<T>(selector);
  if (found == null) throw new Error(`Nothing of the clocks is ${selector}.`);
  return found;
}

const input = (): HTMLInputElement => find<HTMLInputElement>('input[aria-label="Offset of smi.csv"]');
const button = (label: string): HTMLButtonElement => find<HTMLButtonElement>(`button[aria-label="${label}"]`);

async function write(text: string): Promise<void> {
  input().value = text;
  input().dispatchEvent(new InputEvent('input'));
  await expect.poll(() => button('Set the offset of smi.csv').disabled).toBe(false);
}

const FILES: Readonly<Record<string, string>> = {
  'serve.pickle': 'test/fixtures/snapshot/oom.pickle',
  'smi.csv': 'test/fixtures/nvidia-smi/query.csv',
};
const open = async (name: string): Promise<void> => scope.openFiles([await fileAt(FILES[name], name)]);

beforeEach(() => {
  clocks = new Clocks();
  scope = document.createElement('vram-scope');
  scope.engine = clocks.engine.api;
  scope.style.width = '1280px';
  document.body.append(scope);
});

afterEach(() => {
  scope.remove();
  localStorage.clear();
});

it('is not shown where one source is open', async () => {
  clocks.sources = 1;
  await open('serve.pickle');
  await expect.poll(() => asked('diagnosis')).toHaveLength(1);
  await expect.poll(() => root()).not.toBeNull();
  expect(told()).toBe('');
  clocks.sources = 2;
  await open('smi.csv');
  await expect.poll(() => told()).toContain('One clock');
});

describe('with three sources', () => {
  beforeEach(async () => {
    await open('serve.pickle');
    await expect.poll(() => told()).toContain('One clock');
  });

  it('says what is known of each, folded while nobody need look', () => {
    expect(details()?.open).toBe(false);
    expect(told()).toContain('2 of 3 have their place on it. 40 samples compared, none contradicts.');
    const rows = [...(root()?.querySelectorAll('tbody tr') ?? [])].map((row) =>
      (row.textContent ?? '').replace(/\s+/g, ' ').trim(),
    );
    expect(rows).toHaveLength(3);
    expect(rows[1]).toContain('found from the curves');
    expect(rows[1]).toContain('12 of 14 steps');
    expect(rows[2]).toContain('no times to move');
    expect(find('details details').hasAttribute('open')).toBe(false);
    expect(find('details details summary').textContent).toContain('1 observation');
    expect(root()?.querySelectorAll('input')).toHaveLength(2);
  });

  it('an offset set by hand moves the source, is marked, and is taken back', async () => {
    await write('+2h');
    find<HTMLFormElement>('tr[data-file="smi.csv"] form').requestSubmit();
    await expect.poll(() => asked('setClockOffset')).toEqual(['setClockOffset 1 7200000000000']);
    await expect.poll(() => told()).toContain('set by hand');
    // The whole diagnosis rests on it.
    await expect.poll(() => asked('diagnosis')).toHaveLength(2);
    expect(details()?.open).toBe(true);
    expect(input().value).toBe('+2 h');
    expect(root()?.querySelectorAll('[aria-label="Contradictions"] li')).toHaveLength(5);
    expect(find('[aria-label="Contradictions"] li').textContent).toContain('Risk');
    find<HTMLButtonElement>('button.more').click();
    await expect.poll(() => root()?.querySelectorAll('[aria-label="Contradictions"] li').length).toBe(7);
    button('Automatic: find the offset of smi.csv again').click();
    await expect.poll(() => asked('setClockOffset')[1]).toBe('setClockOffset 1 null');
    await expect.poll(() => told()).toContain('none contradicts');
    expect(input().value).toBe('');
    expect(told()).not.toContain('set by hand.');
    // The button is gone: the keyboard goes on from the input.
    expect(root()?.activeElement).toBe(input());
    expect(details()?.open).toBe(true);
  });

  it('empty text is automatic too', async () => {
    await write('-1.5 s');
    find<HTMLFormElement>('tr[data-file="smi.csv"] form').requestSubmit();
    await expect.poll(() => input().value).toBe('-1.5 s');
    await write('');
    find<HTMLFormElement>('tr[data-file="smi.csv"] form').requestSubmit();
    await expect
      .poll(() => asked('setClockOffset'))
      .toEqual(['setClockOffset 1 -1500000000', 'setClockOffset 1 null']);
  });

  it('what cannot be read is told, and nothing is moved', async () => {
    await write('7200');
    button('Set the offset of smi.csv').click();
    await expect.poll(() => root()?.querySelector('[role="alert"]')?.textContent).toContain('7200 of what?');
    expect(input().getAttribute('aria-invalid')).toBe('true');
    expect(input().getAttribute('aria-describedby')).toContain(find('[role="alert"]').id);
    expect(asked('setClockOffset')).toEqual([]);
    input().dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, composed: true }));
    await expect.poll(() => root()?.querySelector('[role="alert"]')).toBeNull();
    expect(input().value).toBe('');
  });

  it('what the engine refuses is told where it was written', async () => {
    clocks.refuses = true;
    await write('2h');
    button('Set the offset of smi.csv').click();
    await expect.poll(() => find('tr[data-file="smi.csv"]').textContent).toContain('It cannot be moved.');
    expect(asked('diagnosis')).toHaveLength(1);
  });
});

it('a likely offset is offered, and used at a click', async () => {
  clocks.suggests = true;
  await open('serve.pickle');
  await expect.poll(() => told()).toContain('not known');
  // An offset that is not known asks to be looked at.
  await expect.poll(() => details()?.open).toBe(true);
  button('Use -1 h for smi.csv').click();
  await expect.poll(() => asked('setClockOffset')).toEqual(['setClockOffset 1 -3600000000000']);
  await expect.poll(() => told()).toContain('set by hand');
});
