/** Text and files pasted into the page and typed into the box, read by the real engine. */
import axe from 'axe-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { userEvent } from 'vitest/browser';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { pastedFrom } from '../../src/ui/shell/pasted.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { textOf } from './shadow-tree.ts';

const SNAPSHOT =
  'before = MemorySnapshot(torch_peak=0, free_memory=9663676416, total_memory=10737418240, cuda_memory=1073741824, torch_memory=0, non_torch_memory=1073741824, timestamp=100.0)';
const WRONG = SNAPSHOT.replace('before', 'after').replace('cuda_memory=1073741824', 'cuda_memory=1076887552');

let scope: VramScope;

/** All text below, shadow trees and slots included. */
const seen = (): string => textOf(scope).replace(/\s+/g, ' ');

const inScope = <E extends Element>(selector: string): E => {
  const found = scope.shadowRoot!.querySelector<E>(selector);
  if (found === null) throw new Error(`${selector} is not there`);
  return found;
};
const box = (): ShadowRoot => inScope('vs-paste').shadowRoot!;
const dialog = (): HTMLDialogElement => box().querySelector('dialog')!;
const area = (): HTMLTextAreaElement => box().querySelector('textarea')!;

function clipboard(text: string | null, files: readonly File[] = []): DataTransfer {
  const data = new DataTransfer();
  if (text !== null) data.setData('text/plain', text);
  for (const file of files) data.items.add(file);
  return data;
}

/** true: the page took it. */
function paste(data: DataTransfer, target: EventTarget = document.body): boolean {
  const event = new ClipboardEvent('paste', {
    clipboardData: data,
    bubbles: true,
    composed: true,
    cancelable: true,
  });
  target.dispatchEvent(event);
  return event.defaultPrevented;
}

/** The next analysis of everything opened. */
const analysed = (): Promise<Analysis> =>
  new Promise((resolve) => {
    scope.addEventListener('analysis-ready', (event) => resolve((event as CustomEvent<Analysis>).detail), {
      once: true,
    });
  });

beforeEach(async () => {
  document.body.replaceChildren();
  scope = document.createElement('vram-scope');
  document.body.append(scope);
  await scope.updateComplete;
});
afterEach(() => scope.remove());

describe('a paste on the page', () => {
  it('opens the text as a file that is known by its content, and the next one as another', async () => {
    let ready = analysed();
    expect(paste(clipboard(`${SNAPSHOT}\n${WRONG}`))).toBe(true);
    const first = await ready;
    expect(first.sources).toMatchObject([{ file: 'pasted text', format: 'vllm-log' }]);
    expect(first.vllm_memory[0].problems).toHaveLength(2);
    await expect.poll(seen).toContain("vLLM's own memory figures");
    expect(seen()).toContain('cuda_memory is not total_memory - free_memory: 3 MiB apart');
    expect(seen()).toContain('after less before');
    ready = analysed();
    paste(
      clipboard(
        'CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.53 GiB of which 1.00 GiB is free.',
      ),
    );
    const second = await ready;
    expect(second.sources.map(({ file }) => file)).toEqual(['pasted text', 'pasted text 2']);
    expect(second.sources[1].format).toBe('oom-text');
  });

  it('opens files as those files', async () => {
    const ready = analysed();
    expect(paste(clipboard(null, [new File([SNAPSHOT], 'mine.txt')]))).toBe(true);
    expect((await ready).sources.map(({ file }) => file)).toEqual(['mine.txt']);
  });

  it('leaves fields, and the rest of a page that holds the element, alone', () => {
    const field = document.createElement('input');
    const note = document.createElement('div');
    note.tabIndex = 0;
    document.body.append(field, note);
    expect(paste(clipboard(SNAPSHOT), field)).toBe(false);
    expect(paste(clipboard(SNAPSHOT), note)).toBe(false);
    expect(paste(clipboard(SNAPSHOT), inScope('button'))).toBe(true);
  });

  it('says where the clipboard holds nothing to read', async () => {
    paste(clipboard(' \n'));
    await expect.poll(seen).toContain('The clipboard holds neither text nor files.');
  });
});

describe('what a paste brings', () => {
  const picture = new File([new Uint8Array(4)], 'image.png', { type: 'image/png' });

  it('is the text of a copied table, not the picture of it', () => {
    expect(pastedFrom(clipboard('1,2', [picture]))).toEqual({ files: [], text: '1,2' });
    expect(pastedFrom(clipboard(null, [picture])).files).toHaveLength(1);
    const log = new File(['x'], 'server.log', { type: 'text/plain' });
    expect(pastedFrom(clipboard('/home/me/server.log', [log]))).toMatchObject({ files: [log], text: null });
  });
});

describe('the box for text', () => {
  const buttonIn = (root: ShadowRoot): HTMLButtonElement | undefined =>
    [...root.querySelectorAll('button')].find((one) => one.textContent.trim() === 'Paste text');
  /** From the empty page, which has the ways in itself; else from the bar. */
  const show = async (): Promise<void> => {
    const empty = scope.shadowRoot!.querySelector('vs-empty');
    buttonIn((empty ?? scope).shadowRoot!)!.click();
    await expect.poll(() => dialog().open).toBe(true);
  };

  it('opens from the empty page and from the bar, has the focus in its field, and closes with Escape', async () => {
    expect(buttonIn(scope.shadowRoot!)).toBeUndefined();
    await show();
    expect(box().activeElement).toBe(area());
    await userEvent.keyboard('{Escape}');
    await expect.poll(() => dialog().open).toBe(false);
    await scope.openText('[before_request_0] Allocated: 3122.0 MB | Reserved: 3754.0 MB\n');
    await expect.poll(() => buttonIn(scope.shadowRoot!)).toBeDefined();
    await show();
    expect(box().activeElement).toBe(area());
  });

  it('opens what was typed with Ctrl+Enter, and nothing while it is blank', async () => {
    await show();
    await userEvent.keyboard('{Control>}{Enter}{/Control}');
    expect(dialog().open).toBe(true);
    expect(box().querySelector<HTMLButtonElement>('button.primary')!.disabled).toBe(true);
    area().value = SNAPSHOT;
    area().dispatchEvent(new Event('input', { bubbles: true }));
    const ready = analysed();
    await userEvent.keyboard('{Control>}{Enter}{/Control}');
    expect((await ready).sources).toMatchObject([{ file: 'pasted text', format: 'vllm-log' }]);
    expect(dialog().open).toBe(false);
    expect(area().value).toBe('');
  });

  it('keeps a paste for its field, and keys from the charts', async () => {
    await show();
    expect(paste(clipboard(SNAPSHOT), area())).toBe(false);
    expect(paste(clipboard(SNAPSHOT), box().querySelector('button')!)).toBe(false);
  });

  it('is labelled and can be used by everyone', async () => {
    await show();
    const { violations } = await axe.run(scope, { runOnly: ['wcag2a', 'wcag2aa'] });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([]);
  });
});
