/**
 * The view of stacks: who holds, made, freed or grew, by who called. A picture (icicle or flame) and the same tree as a
 * table; one measure, the workspace's range, moment and filter. Works out nothing: it asks, and shows what is told.
 *
 * Long because pointer, keys, zoom and questions move one state.
 */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { Result } from '../../base/result.ts';
import { type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import { percent } from '../../base/words.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  LineAnswer,
  LineOf,
  LineQuery,
  StackTreeAnswer,
  StackTreeQuery,
} from '../../engine/protocol.ts';
import { RECIPES } from '../../view/shell/recipes.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import { FIRST_CHOICE, type StackChoice, type StackShape } from '../../view/workspace/stack-choice.ts';
import {
  KIND,
  layoutStacks,
  linksOf,
  NO_NODE,
  type StackLayout,
  type StackLinks,
  type Step,
  stepFrom,
} from '../../view/workspace/stack-layout.ts';
import {
  filterTerm,
  frameAt,
  labelOf,
  missingWords,
  nodeOfPath,
  pathOf,
  pictureName,
  readout,
  shareOf,
  shownWords,
} from '../../view/workspace/stack-words.ts';
import { legendOf, treeQuery, withTerm } from '../../view/workspace/stacks.ts';
import { Latest } from '../parts/latest.ts';
import { controls } from '../parts/theme.ts';
import '../shell/vs-error.ts';
import { stacksStyle } from './stacks-style.ts';
import type { VsStackBar } from './vs-stack-bar.ts';
import './vs-stack-bar.ts';
import type { StackNodeEvent, VsStackGraph } from './vs-stack-graph.ts';
import './vs-stack-graph.ts';
import './vs-stack-line.ts';
import './vs-stack-table.ts';

/** Share without a stack from which the view says how to record them. */
const MOSTLY = 0.5;
/** Pixel columns of a line's curve. */
const LINE_COLUMNS = 500;

type Told<T> = Result<T, TraceErrorData>;

@customElement('vs-stacks')
export class VsStacks extends LitElement {
  static override styles = [controls, stacksStyle];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;

  @state() private choice: StackChoice = FIRST_CHOICE;
  /** What is shown; null: nothing yet. */
  @state() answer: StackTreeAnswer | null = null;
  @state() private error: TraceErrorData | null = null;
  /** Place of the node that keys are at; -1: none. */
  @state() current = -1;
  @state() private hovered = -1;
  @state() private line: { readonly of: LineOf; readonly label: string } | null = null;
  @state() private lineAnswer: LineAnswer | null = null;
  @query('vs-stack-graph') private readonly graph!: VsStackGraph | null;
  @query('vs-stack-bar') private readonly tools!: VsStackBar | null;

  private layout: StackLayout | null = null;
  private links: StackLinks | null = null;
  private focusAt = -1;
  private pinned = -1;
  /** Part of the tree that was asked for in full: the question without what changes nothing in it, and the node. */
  private within: { readonly tree: string; readonly id: number } | null = null;
  private askedTree = '';
  private asked = '';
  private askedLine = '';

  private readonly trees = new Latest<StackTreeQuery, Told<StackTreeAnswer>>(
    async (asked) => (await this.api()).stackTree(asked),
    (told) => (told.ok ? this.take(told.value) : this.fail(told.error)),
    (thrown) => this.fail(toErrorData(thrown, null)),
  );
  private readonly lines = new Latest<LineQuery, Told<LineAnswer>>(
    async (asked) => (await this.api()).line(asked),
    (told) => {
      if (told.ok) this.lineAnswer = told.value;
      else this.fail(told.error);
    },
    (thrown) => this.fail(toErrorData(thrown, null)),
  );

  override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get('context') as ViewContext | undefined;
    if (changed.has('context')) {
      const { stacks } = this.context;
      if (stacks !== undefined && stacks !== before?.stacks) this.choice = stacks;
      if (before !== undefined && before.device.key !== this.context.device.key) this.forget();
      this.pinned = this.placeOfSelected();
    }
    this.ask();
    this.askLine();
  }

  private forget(): void {
    this.trees.reset();
    this.lines.reset();
    [this.answer, this.line, this.lineAnswer, this.within] = [null, null, null, null];
    [this.current, this.hovered] = [-1, -1];
  }

  private ask(): void {
    const whole = treeQuery(this.context, this.choice, null);
    this.askedTree = JSON.stringify({ ...whole, search: '', mark: null });
    const within = this.within?.tree === this.askedTree ? this.within.id : null;
    const mark = this.placeOfSelected() >= 0 ? null : whole.mark;
    const asked = { ...whole, within, mark };
    const key = JSON.stringify({ ...asked, mark: null });
    const marks = JSON.stringify(asked);
    // What is pinned is looked for here before it is asked for.
    if (marks === this.asked || (key === this.asked && mark === null)) return;
    this.asked = mark === null ? key : marks;
    this.trees.want(asked);
  }

  private take(answer: StackTreeAnswer): void {
    const path = this.answer !== null && this.current >= 0 ? pathOf(this.answer, this.current) : null;
    this.error = null;
    this.answer = answer;
    this.links = linksOf(answer.nodes);
    this.current = path === null ? -1 : nodeOfPath(answer, path);
    this.hovered = -1;
    this.pinned = answer.marked >= 0 ? answer.marked : this.placeOfSelected();
    this.arrange();
  }

  /** The picture for the node that fills the width; what of it was left out is asked for. */
  private arrange(): void {
    const { answer } = this;
    if (answer === null) return;
    this.focusAt = this.choice.focus.length === 0 ? -1 : nodeOfPath(answer, this.choice.focus);
    this.layout = layoutStacks(answer.nodes, this.focusAt);
    if (this.focusAt >= 0 && this.isCutBelow(answer, this.focusAt)) {
      const id = answer.nodes.id[this.focusAt];
      if (this.within?.tree !== this.askedTree || this.within.id !== id)
        this.within = { tree: this.askedTree, id };
    }
    this.requestUpdate();
  }

  private isCutBelow({ nodes }: StackTreeAnswer, focus: number): boolean {
    const isIn = new Uint8Array(nodes.length);
    for (let node = focus; node < nodes.length; node++) {
      isIn[node] = node === focus || (nodes.parent[node] >= 0 && isIn[nodes.parent[node]] === 1) ? 1 : 0;
      if (isIn[node] === 1 && nodes.isCut[node] === 1) return true;
    }
    return false;
  }

  private fail(error: TraceErrorData): void {
    this.error = error;
  }

  private placeOfSelected(): number {
    const { selected } = this.context;
    if (selected?.kind !== 'stack' || this.answer === null) return -1;
    const { nodes } = this.answer;
    if (this.current >= 0 && nodes.stack[this.current] === selected.node) return this.current;
    for (let node = 0; node < nodes.length; node++) if (nodes.stack[node] === selected.node) return node;
    return -1;
  }

  private askLine(): void {
    if (this.line === null) return;
    const { device, filter, axis, range, iterations } = this.context;
    const asked: LineQuery = {
      device: device.key,
      of: this.line.of,
      filter,
      axis,
      range: range === null ? null : { axis, from: range.from, to: range.to },
      columns: LINE_COLUMNS,
      marks: iterations?.rows ?? [],
    };
    const key = JSON.stringify(asked);
    if (key === this.askedLine) return;
    this.askedLine = key;
    this.lineAnswer = null;
    this.lines.want(asked);
  }

  private change(detail: WorkspaceChange): void {
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }

  private choose(more: Partial<StackChoice>): void {
    this.choice = { ...this.choice, ...more };
    if (more.focus !== undefined) this.arrange();
    this.change({ stacks: this.choice });
  }

  private focusOn(node: number): void {
    const { answer } = this;
    if (answer === null || (node >= 0 && answer.nodes.kind[node] === KIND.more)) {
      // What was left out of a parent is in it.
      if (answer !== null && node >= 0) this.focusOn(answer.nodes.parent[node]);
      return;
    }
    const isAgain = node === this.focusAt;
    this.choose({ focus: node < 0 || isAgain ? [] : pathOf(answer, node) });
  }

  private pin(node: number): void {
    this.current = node;
    const { answer } = this;
    if (answer === null || node < 0) return this.change({ selected: null });
    const stack = answer.nodes.stack[node];
    if (stack !== NO_NODE) this.change({ selected: { kind: 'stack', node: stack } });
  }

  private filterBy(node: number): void {
    const { answer, context } = this;
    if (answer === null) return;
    const term = filterTerm(frameAt(answer, node), answer.frames);
    if (term !== null) this.change({ filter: withTerm(context.filter, term) });
  }

  private openLine(node: number): void {
    const { answer } = this;
    const frame = answer === null ? null : frameAt(answer, node);
    if (answer === null || frame === null) return;
    const label = labelOf(answer, node);
    const kind = answer.nodes.kind[node];
    if (kind !== KIND.frame && kind !== KIND.work) return;
    const { name, filename, line } = frame;
    const of: LineOf =
      kind === KIND.work
        ? { kind: 'label', label: name }
        : { kind: 'frame', frame: { name, filename, line } };
    this.line = { of, label };
  }

  private readonly keys: Readonly<Record<string, () => void>> = {
    Enter: () => this.focusOn(this.current),
    ' ': () => this.pin(this.current),
    h: () => this.choose({ fold: !this.choice.fold }),
    F: () =>
      this.choose({ direction: this.choice.direction === 'top-down' ? 'bottom-up' : 'top-down', focus: [] }),
    l: () => this.openLine(this.current),
  };

  private key(event: KeyboardEvent): void {
    if (event.altKey || (event.ctrlKey && event.key !== 'f') || event.metaKey) return;
    const { answer, links } = this;
    const steps: Readonly<Record<string, Step>> = {
      ArrowDown: this.choice.shape === 'flame' ? 'out' : 'in',
      ArrowUp: this.choice.shape === 'flame' ? 'in' : 'out',
      ArrowLeft: 'previous',
      ArrowRight: 'next',
      Home: 'first',
      End: 'last',
    };
    if (event.ctrlKey) this.tools?.search();
    else if (event.key in steps && answer !== null && links !== null) {
      this.current = stepFrom(answer.nodes, links, this.current, steps[event.key]);
      this.hovered = -1;
    } else if (event.key === 'Backspace' && this.choice.focus.length > 0)
      this.choose({ focus: this.choice.focus.slice(0, -1) });
    else if (event.key === 'Escape' && this.choice.focus.length > 0) this.choose({ focus: [] });
    else if (event.key in this.keys) this.keys[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  override render(): unknown {
    if (this.line !== null) return this.linePage();
    const { answer, context, choice } = this;
    const told = this.hovered >= 0 ? this.hovered : this.current;
    const words =
      answer === null
        ? 'Asking…'
        : `${shownWords(answer, context.unit)} ${missingWords(answer, context.unit)}`;
    return html`
      ${this.bar()}
      <div class="said">
        <p id="shown" title=${words}>${words}</p>
        <p class="node">
          <span id="node" aria-live="polite"
            >${
              answer === null || told < 0
                ? 'Point at a frame or walk the tree with the arrow keys. Enter fills the width with a frame, Space pins it.'
                : readout(answer, told, context.unit)
            }</span
          >
        </p>
        <p class="actions">${this.actions()}</p>
      </div>
      ${this.error === null ? nothing : html`<vs-error .error=${this.error}></vs-error>`}
      ${answer === null ? html`<div class="picture"></div>` : this.picture(answer, choice.shape)}
      ${answer === null ? nothing : this.legend(answer)}
    `;
  }

  private picture(answer: StackTreeAnswer, shape: StackShape): unknown {
    const { context, choice } = this;
    const { fault, why } = answer;
    if (fault !== null && fault.of !== 'search')
      return html`<p class="none" role="status">
        ${fault.of === 'filter' ? 'The filter cannot be read' : 'The rules cannot be read'}: ${fault.why}
      </p>`;
    if (why !== null) return html`<p class="none" role="status">${why}</p>`;
    if (answer.nodes.length === 0)
      return html`<p class="none" role="status">
        Nothing to show: no allocation ${context.filter.trim() === '' ? '' : 'that passes the filter '}is in
        it.
        ${
          context.filter.trim() === ''
            ? nothing
            : html`<button class="link" @click=${() => this.change({ filter: '' })}>Lift the filter</button>`
        }
      </p>`;
    const name = pictureName(answer, context.unit);
    const body =
      shape === 'table'
        ? html`<vs-stack-table
            .answer=${answer}
            .unit=${context.unit}
            .current=${this.current}
            .pinned=${this.pinned}
            .name=${name}
            @keydown=${(event: KeyboardEvent) => this.key(event)}
          ></vs-stack-table>`
        : html`<div
            class="plot"
            role="application"
            tabindex="0"
            aria-roledescription=${shape === 'flame' ? 'flame graph' : 'icicle graph'}
            aria-label=${name}
            aria-describedby="node"
            @keydown=${(event: KeyboardEvent) => this.key(event)}
          >
            <vs-stack-graph
              .answer=${answer}
              .layout=${this.layout}
              .unit=${context.unit}
              .dark=${context.dark}
              .flame=${shape === 'flame'}
              .current=${this.current}
              .pinned=${this.pinned}
              .searching=${answer.found !== null && choice.search.trim() !== ''}
            ></vs-stack-graph>
          </div>`;
    return html`<div
        class="picture"
        @stack-hover=${({ detail }: StackNodeEvent) => (this.hovered = detail.node)}
        @stack-move=${({ detail }: StackNodeEvent) => (this.current = detail.node)}
        @stack-pick=${({ detail }: StackNodeEvent) => this.pin(detail.node)}
        @stack-zoom=${({ detail }: StackNodeEvent) => this.focusOn(detail.node)}
      >
        ${body}
      </div>
      ${this.recipe(answer)}`;
  }

  /** How stacks are recorded, where most bytes have none. */
  private recipe(answer: StackTreeAnswer): unknown {
    const share = shareOf(answer, answer.stackless);
    const { device } = this.context;
    if (share < MOSTLY && device.hasStacks) return nothing;
    const recipe = RECIPES.find(({ id }) => id === (device.producer === 'nsys' ? 'nsys' : 'snapshot'));
    const code =
      device.producer === 'nsys' ? 'nsys profile --cudabacktrace=memory --trace=cuda …' : recipe?.code;
    return html`<section class="recipe">
      <p>
        ${device.hasStacks ? `${percent(share)} of these bytes have no stack` : 'This recording has no stacks'}:
        they were made before stacks were recorded, or without them. Record from the beginning, with stacks:
      </p>
      <pre>${code}</pre>
    </section>`;
  }

  private legend(answer: StackTreeAnswer): unknown {
    if (this.choice.shape === 'table') return nothing;
    return html`<p class="legend">
      ${legendOf(answer, this.context.dark).map(
        ({ label, fill, hatched }) =>
          html`<span
            ><i class=${hatched ? 'hatched' : ''} .style=${`background-color: ${fill}`}></i>${label}</span
          >`,
      )}
    </p>`;
  }

  private bar(): unknown {
    return html`<vs-stack-bar
      .choice=${this.choice}
      .answer=${this.answer}
      .moment=${this.context.moment}
      .hasRange=${this.context.range !== null}
      .unit=${this.context.unit}
      @stack-choose=${({ detail }: CustomEvent<Partial<StackChoice>>) => this.choose(detail)}
      @stack-leave=${() => this.renderRoot.querySelector<HTMLElement>('.plot')?.focus()}
    ></vs-stack-bar>`;
  }

  private actions(): unknown {
    const { answer, current, choice } = this;
    const zoomed =
      choice.focus.length === 0
        ? nothing
        : html`<button class="link" @click=${() => this.choose({ focus: [] })}>Show the whole tree</button>`;
    if (answer === null || current < 0) return zoomed;
    const term = filterTerm(frameAt(answer, current), answer.frames);
    const isFrame =
      term !== null && [KIND.frame, KIND.work].some((kind) => kind === answer.nodes.kind[current]);
    return html`${zoomed}
      <button class="link" @click=${() => this.focusOn(current)}>
        ${current === this.focusAt ? 'Leave it' : 'Fill the width'}
      </button>
      ${
        isFrame && answer.nodes.kind[current] === KIND.frame
          ? html`<button class="link" title=${term} @click=${() => this.filterBy(current)}>
              Filter by this
            </button>`
          : nothing
      }
      ${isFrame ? html`<button class="link" @click=${() => this.openLine(current)}>Page of this line</button>` : nothing}`;
  }

  private linePage(): unknown {
    const { context, line, lineAnswer } = this;
    return html`<div class="bar">
        <button
          @click=${() => {
            this.line = null;
            this.askedLine = '';
          }}
        >
          Back to the stacks
        </button>
      </div>
      ${this.error === null ? nothing : html`<vs-error .error=${this.error}></vs-error>`}
      <vs-stack-line
        .answer=${lineAnswer}
        .label=${line?.label ?? ''}
        .unit=${context.unit}
        .axis=${context.axis}
      ></vs-stack-line>`;
  }

  /** Where a node is painted, for whoever points at it; null: it is not in view. */
  boxOf(node: number): { readonly x: number; readonly y: number; readonly width: number } | null {
    return this.graph?.boxOf(node) ?? null;
  }
}
