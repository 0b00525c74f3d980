/** The view of stacks with the real engine: pointer, keys, search, the table beside the picture, what it asks to change. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceView, StackTreeAnswer } from '../../src/engine/protocol.ts';
import type { VsStacks } from '../../src/ui/workspace/vs-stacks.ts';
import '../../src/ui/workspace/vs-stacks.ts';
import type { ViewContext, WorkspaceChange } from '../../src/view/workspace/context.ts';
import { labelOf, pictureName } from '../../src/view/workspace/stack-words.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

let engine: EngineForTest;
let view: VsStacks;
let changes: WorkspaceChange[] = [];

const all = (selector: string): HTMLElement[] => allIn(view, selector);
function find(selector: string): HTMLElement {
  const [found] = all(selector);
  if (found === undefined) throw new Error(`Nothing in the view is ${selector}.`);
  return found;
}
const told = (selector: string): string => all(selector).map(textOf).join(' ').replace(/\s+/g, ' ').trim();
const button = (words: string): HTMLElement => {
  const found = all('button').find((one) => textOf(one).replace(/\s+/g, ' ').trim() === words);
  if (found === undefined) throw new Error(`There is no button "${words}".`);
  return found;
};
const answer = (): StackTreeAnswer => {
  if (view.answer === null) throw new Error('Nothing was answered yet.');
  return view.answer;
};
const press = (key: string, on = find('.plot')): boolean =>
  on.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }));

/** The middle of a node on screen. */
function pointAt(node: number): MouseEventInit {
  const graph = find('vs-stack-graph');
  const box = view.boxOf(node);
  if (box === null) throw new Error(`Node ${node} is not in view.`);
  const { left, top } = graph.getBoundingClientRect();
  return { clientX: left + box.x + box.width / 2, clientY: top + box.y + 10, bubbles: true, composed: true };
}
const hover = (node: number): boolean =>
  find('canvas').dispatchEvent(new PointerEvent('pointermove', pointAt(node)));
const click = (node: number): boolean => find('canvas').dispatchEvent(new MouseEvent('click', pointAt(node)));

/** The colours of a row of pixels of the picture. */
function pixels(y: number): Set<string> {
  const canvas = find('canvas') as HTMLCanvasElement;
  const { data } = canvas.getContext('2d')!.getImageData(0, y * window.devicePixelRatio, canvas.width, 1);
  const seen = new Set<string>();
  for (let at = 0; at < data.length; at += 4)
    seen.add(`${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`);
  return seen;
}

async function open(path: string, more: Partial<ViewContext> = {}, at = 0): Promise<void> {
  engine = new EngineForTest();
  await engine.api.start({ gpu: 'off' });
  const views: readonly SourceView[] = await engine.api.open(1, await fileAt(path), () => undefined);
  const [device] = views[at].devices;
  view = document.createElement('vs-stacks') as VsStacks;
  view.api = () => Promise.resolve(engine.api);
  view.context = {
    device,
    unit: 'binary',
    dark: false,
    axis: 'event',
    span: { from: 0, to: device.rows },
    range: null,
    moment: null,
    filter: '',
    selected: null,
    colour: 'line',
    iterations: null,
    ...more,
  };
  Object.assign(view.style, { width: '900px', height: '560px' });
  changes = [];
  view.addEventListener('workspace-change', (event) =>
    changes.push((event as CustomEvent<WorkspaceChange>).detail),
  );
  document.body.append(view);
  await expect.poll(() => view.answer !== null || told('vs-error') !== '', { timeout: 20_000 }).toBe(true);
  await view.updateComplete;
}

const answers = (): number => engine.given('stackTree').length;
/** Waits until the view shows an answer for which this holds. */
const shows = (is: (tree: StackTreeAnswer) => boolean): Promise<void> =>
  expect.poll(() => view.answer !== null && is(view.answer), { timeout: 20_000 }).toBe(true);

afterEach(() => view.remove());

describe('the stacks of a training run', () => {
  beforeEach(async () => {
    await open('samples/train.pickle.gz');
    await expect.poll(() => view.boxOf(0)).not.toBeNull();
  });

  it('are a picture whose name says its figures, with letters and colours in it', async () => {
    const plot = find('.plot');
    expect(plot.getAttribute('aria-label')).toBe(pictureName(answer(), 'binary'));
    expect(told('#shown')).toContain('Alive at the peak');
    await expect.poll(() => pixels(4).size).toBeGreaterThan(1);
    const canvas = find('canvas');
    expect(canvas.getBoundingClientRect().width).toBe(900);
    expect(view.getBoundingClientRect().height).toBe(560);
    expect(find('.legend').getBoundingClientRect().bottom).toBeLessThanOrEqual(
      view.getBoundingClientRect().bottom,
    );
  });

  it('preview under the pointer and pin on a click', async () => {
    hover(0);
    await expect.poll(() => told('#node')).toContain(labelOf(answer(), 0));
    find('canvas').dispatchEvent(new PointerEvent('pointerleave', { bubbles: true }));
    await expect.poll(() => told('#node')).toContain('Point at a frame');
    click(1);
    expect(changes).toEqual([{ selected: { kind: 'stack', node: answer().nodes.stack[1] } }]);
    await expect.poll(() => told('#node')).toContain(labelOf(answer(), 1));
  });

  it('are walked, zoomed and left by keys', async () => {
    // What has no stack comes first; keys begin at the widest frame.
    expect(labelOf(answer(), 0)).toBe('no stack recorded');
    press('ArrowDown');
    await expect.poll(() => view.current).toBe(1);
    expect(told('#node')).toContain(labelOf(answer(), 1));
    press('ArrowDown');
    await expect.poll(() => view.current).toBe(2);
    const before = view.boxOf(2)!.width;
    press('Enter');
    await expect.poll(() => view.boxOf(2)?.width).toBe(900);
    expect(before).toBeLessThan(900);
    expect(view.boxOf(0)).toBeNull();
    expect(press('Backspace')).toBe(false);
    await expect.poll(() => view.boxOf(1)?.width).toBe(900);
    expect(told('.actions')).toContain('Show the whole tree');
    press('Escape');
    await expect.poll(() => told('.actions')).not.toContain('Show the whole tree');
    expect(view.boxOf(0)).not.toBeNull();
    press('ArrowUp');
    await expect.poll(() => view.current).toBe(1);
    expect(press('x')).toBe(true);
    press(' ');
    expect(changes.at(-1)).toEqual({ selected: { kind: 'stack', node: answer().nodes.stack[1] } });
  });

  it('fold and unfold frames by "h", and turn round by "F"', async () => {
    const folded = answer().allNodes;
    press('h');
    await shows(({ hiddenFrames, allNodes }) => hiddenFrames === 0 || allNodes > folded);
    press('h');
    await shows(({ allNodes }) => allNodes === folded);
    const top = labelOf(answer(), 1);
    press('F');
    await expect.poll(() => engine.given('stackTree').at(-1)?.[0].direction).toBe('bottom-up');
    await shows((tree) => labelOf(tree, 1) !== top);
    expect(answer().total.total).toBeGreaterThan(0);
  });

  it('are searched, with the share of what is found', async () => {
    const box = find('#search') as HTMLInputElement;
    box.value = 'forward';
    box.dispatchEvent(new Event('input'));
    await expect.poll(() => told('#found')).toMatch(/^forward: [\d.]+ [KMG]iB, [\d.]+ %, in \d+ frames?$/);
    box.value = '/(/';
    box.dispatchEvent(new Event('input'));
    await expect.poll(() => told('#found')).toContain('no regular expression');
    press('Escape', box);
    await expect.poll(() => told('#found')).toBe('');
  });

  it('are a table with the same figures, walked by keys', async () => {
    button('Table').click();
    await expect.poll(() => all('[role=treegrid] tbody tr').length).toBeGreaterThan(1);
    const rows = (): HTMLElement[] => all('[role=treegrid] tbody tr');
    expect(find('[role=treegrid]').getAttribute('aria-label')).toBe(pictureName(answer(), 'binary'));
    expect(rows()[0].getAttribute('aria-level')).toBe('1');
    const [, total] = rows()[0].querySelectorAll('td');
    expect(total.title).toBe(`${answer().nodes.total[0].toLocaleString('en')} bytes`);
    const at = rows().findIndex((row) => row.getAttribute('aria-expanded') === 'true');
    const shown = rows().length;
    rows()[at].focus();
    await expect.poll(() => view.current).toBe(Number(rows()[at].dataset['node']));
    press('ArrowLeft', rows()[at]);
    await expect.poll(() => rows().length).toBeLessThan(shown);
    expect(rows()[at].getAttribute('aria-expanded')).toBe('false');
    press('ArrowRight', rows()[at]);
    await expect.poll(() => rows().length).toBe(shown);
    press('ArrowDown', rows()[at]);
    await expect.poll(() => view.current).toBe(Number(rows()[at + 1].dataset['node']));
    rows()[at + 1].click();
    expect(changes.at(-1)?.selected).toEqual({ kind: 'stack', node: answer().nodes.stack[view.current] });
  });

  it('ask for the growth over a chosen range in one click', async () => {
    view.context = { ...view.context, range: { from: 100, to: 600 } };
    await expect.poll(() => told('vs-stack-bar')).toContain('Growth over the range');
    button('Growth over the range').click();
    await shows(({ measure, a, b }) => measure === 'grown' && a === 99 && b === 599);
    expect(told('#shown')).toContain('From event 99');
    expect(changes.at(-1)?.stacks).toMatchObject({ measure: 'grown' });
  });

  it('set the filter of all views to a frame', async () => {
    press('ArrowDown');
    await expect.poll(() => told('.actions')).toContain('Filter by this');
    button('Filter by this').click();
    const { filter } = changes.at(-1) ?? {};
    expect(filter).toMatch(/^frame:/);
    const whole = answer().total.total;
    view.context = { ...view.context, filter: filter ?? '' };
    await shows(({ total }) => total.total > 0 && total.total <= whole);
    expect(answer().fault).toBeNull();
  });

  it('lead to the page of a line, and back', async () => {
    press('ArrowDown');
    press('l');
    await expect.poll(() => told('vs-stack-line')).toMatch(/allocations?, [\d.]+ .iB in all/);
    expect(all('svg path')).toHaveLength(2);
    button('Back to the stacks').click();
    await expect.poll(() => all('vs-stack-graph').length).toBe(1);
  });

  it('fold by rules that somebody writes, and say which line cannot be read', async () => {
    (find('details') as HTMLDetailsElement).open = true;
    const box = find('#rules') as HTMLTextAreaElement;
    expect(box.value.split('\n')).toEqual([...answer().rules]);
    box.value = '@pytorch\n@nobody';
    button('Fold these').click();
    await expect.poll(() => told('.none')).toContain('Line 2: there is no set @nobody');
    button('Defaults').click();
    await shows(({ fault }) => fault === null);
  });

  it('mark what another view has pinned', async () => {
    const node = answer().nodes.stack[2];
    view.context = { ...view.context, selected: { kind: 'stack', node } };
    await view.updateComplete;
    expect((find('vs-stack-graph') as HTMLElement & { pinned: number }).pinned).toBe(2);
  });
});

it('what has no stack is a band of its true width, with how to record stacks', async () => {
  await open('samples/train.pickle.gz', { filter: '-frame:/./' });
  const { stackless, total } = answer();
  expect(stackless.total).toBeGreaterThan(0);
  expect(stackless.total).toBe(total.total);
  await expect.poll(() => view.boxOf(0)?.width).toBe(900);
  expect(told('.recipe')).toContain('100 % of these bytes have no stack');
  expect(told('.recipe')).toContain('_record_memory_history');
  expect(answers()).toBe(1);
});
