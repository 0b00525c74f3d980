/**
 * Two recordings compared, or two moments of one: which line makes the difference, in one sentence first, then both
 * curves, then the tables that sum up to the difference.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Axis, CompareView, SourceView, TimelineAnswer } from '../../engine/protocol.ts';
import {
  comparables,
  type Comparable,
  compareChart,
  compareModel,
  type CompareModel,
  momentOptions,
  type MomentChoice,
  type MomentOption,
} from '../../view/workspace/compare.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import type { TableModel } from '../../view/parts/table.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';
import { askEngine } from '../replay/replay-questions.ts';
import '../shell/vs-error.ts';

const HEIGHT = 150;
/** Lines that are listed; what differs less is summed up. */
const MOST_LINES = 200;

/** A sentence with what stands between backticks as code. */
const code = (text: string): unknown =>
  text.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`));

@customElement('vs-compare')
export class VsCompare extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        height: 100%;
        padding: 12px 16px;
        overflow: auto;
      }
      .choice {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 10px;
        font-size: 13px;
      }
      .choice select {
        max-width: 240px;
      }
      .side {
        font-weight: 600;
      }
      h2.sentence {
        margin: 14px 0 4px;
        font-size: 17px;
        line-height: 1.35;
        overflow-wrap: anywhere;
      }
      .notes {
        margin: 4px 0 0 18px;
        font-size: 13px;
      }
      .keys {
        display: flex;
        gap: 16px;
        margin: 12px 0 0;
        font-size: 12px;
      }
      .keys i {
        display: inline-block;
        width: 20px;
        margin-right: 6px;
        border-top: 3px solid var(--curve-blue);
        vertical-align: middle;
      }
      .keys .a i {
        border-top: 3px dashed var(--curve-orange);
      }
      code {
        font: 0.94em var(--mono);
      }
      h3 {
        margin: 18px 0 4px;
      }
      .pair {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(340px, 1fr));
        gap: 0 32px;
      }
    `,
  ];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) sources: readonly SourceView[] = [];

  /** Device that is A; '' until one is chosen. */
  @state() private otherKey = '';
  @state() private swapped = false;
  @state() private momentA: MomentChoice = 'peak';
  @state() private momentB: MomentChoice = 'peak';
  @state() private axis: Axis = 'event';
  @state() private answer: CompareView | null = null;
  @state() private curves: readonly [TimelineAnswer, TimelineAnswer] | null = null;
  @state() private error: TraceErrorData | null = null;
  @state() private width = 800;
  /** What was asked last: an answer to another question is dropped. */
  private asked = '';
  private askedCurves = '';

  private get all(): Comparable[] {
    return comparables(this.context.device, this.sources);
  }

  /** A and B as they are compared. */
  private get sides(): readonly [Comparable, Comparable] | null {
    const { all } = this;
    const [here] = all;
    const other = all.find(({ key }) => key === this.otherKey) ?? all.at(1) ?? here;
    if (here === undefined || other === undefined) return null;
    return this.swapped ? [here, other] : [other, here];
  }

  private get options(): MomentOption[] {
    const { range, axis, moment } = this.context;
    const rows =
      range !== null && axis === 'event'
        ? ([Math.floor(range.from), Math.max(Math.floor(range.from), Math.ceil(range.to) - 1)] as const)
        : null;
    return momentOptions(rows, moment);
  }

  override willUpdate(): void {
    const { sides } = this;
    if (sides === null) return;
    // One recording with itself: the moment before it grew, and the end.
    if (sides[0].key === sides[1].key && this.momentA === this.momentB) {
      this.momentA = 'peak';
      this.momentB = 'end';
    }
    const moments = [this.momentA, this.momentB].map(
      (id) => this.options.find((option) => option.id === id)?.moment ?? 'peak',
    );
    const asked = JSON.stringify([sides.map(({ key }) => key), moments]);
    if (asked !== this.asked) {
      this.asked = asked;
      void this.ask(asked, sides, [moments[0], moments[1]]);
    }
    const curves = JSON.stringify([sides.map(({ key }) => key), this.axis, this.width]);
    if (curves !== this.askedCurves) {
      this.askedCurves = curves;
      void this.askCurves(curves, sides);
    }
  }

  private async ask(
    asked: string,
    [a, b]: readonly [Comparable, Comparable],
    [at, atB]: readonly [MomentOption['moment'], MomentOption['moment']],
  ): Promise<void> {
    const answer = await askEngine(this.api, (api) =>
      api.compare({ a: a.key, b: b.key, at, atB, limit: MOST_LINES }),
    );
    if (asked !== this.asked) return;
    this.error = answer.ok ? null : answer.error;
    this.answer = answer.ok ? answer.value : null;
  }

  private async askCurves(asked: string, [a, b]: readonly [Comparable, Comparable]): Promise<void> {
    const { axis } = this;
    const of = ({ device }: Comparable): number => (axis === 'event' ? device.rows : device.spanNs + 1);
    const range = { axis, from: 0, to: Math.max(1, of(a), of(b)) };
    const query = { range, axis, columns: this.width };
    const series = (one: Comparable): string[] => [one.device.producer === 'nsys' ? 'device' : 'requested'];
    const answers = await Promise.all(
      [a, b].map((one) =>
        askEngine(this.api, (api) => api.timeline({ ...query, device: one.key, series: series(one) })),
      ),
    );
    if (asked !== this.askedCurves) return;
    const [left, right] = answers;
    this.curves = left.ok && right.ok ? [left.value, right.value] : null;
  }

  override render(): unknown {
    const { sides, answer, context } = this;
    if (sides === null) return html`<p class="quiet">There is nothing to compare.</p>`;
    const clocks = [sides[0].device.clock, sides[1].device.clock] as const;
    return html`
      ${this.choice(sides)}
      ${this.error === null ? nothing : html`<vs-error role="alert" .error=${this.error}></vs-error>`}
      ${answer === null ? (this.error === null ? html`<p class="quiet" role="status">Comparing</p>` : nothing) : this.told(compareModel(answer, clocks, context.unit), sides, clocks)}
    `;
  }

  private choice([a, b]: readonly [Comparable, Comparable]): unknown {
    const { all, options } = this;
    const isAlone = all.length < 2;
    const other = this.swapped ? b : a;
    const here = this.swapped ? a : b;
    const files = html`<select
      aria-label="Recording to compare with"
      @change=${(event: Event) => (this.otherKey = (event.target as HTMLSelectElement).value)}
    >
      ${all.map(
        ({ key, label, device }) =>
          html`<option value=${key} ?selected=${key === other.key}>
            ${device.key === this.context.device.key ? `${label} (this recording)` : label}
          </option>`,
      )}
    </select>`;
    const moment = (side: 'A' | 'B', chosen: MomentChoice, choose: (to: MomentChoice) => void): unknown =>
      html`<select
        aria-label=${`Moment of ${side}`}
        @change=${(event: Event) => choose((event.target as HTMLSelectElement).value as MomentChoice)}
      >
        ${options.map(({ id, label }) => html`<option value=${id} ?selected=${id === chosen}>${label}</option>`)}
      </select>`;
    const named = html`<span>${here.label} (this recording)</span>`;
    return html`<div class="choice" role="group" aria-label="What is compared">
      <span class="side">A, before:</span> ${this.swapped ? named : files}
      ${moment('A', this.momentA, (to) => (this.momentA = to))}
      <span class="side">B, now:</span> ${this.swapped ? files : named}
      ${moment('B', this.momentB, (to) => (this.momentB = to))}
      <button @click=${() => this.swap()}>Swap</button>
      ${
        isAlone
          ? html`<span class="quiet"
              >Open a second recording to compare two runs.
              <button class="link" @click=${() => this.emit('choose-files')}>Open files</button></span
            >`
          : nothing
      }
    </div>`;
  }

  private swap(): void {
    this.swapped = !this.swapped;
    [this.momentA, this.momentB] = [this.momentB, this.momentA];
  }

  private told(
    model: CompareModel,
    sides: readonly [Comparable, Comparable],
    clocks: readonly [string, string],
  ): unknown {
    const table = (of: TableModel | null): unknown =>
      of === null
        ? nothing
        : html`<div>
            <h3>${of.caption}</h3>
            <vs-table .model=${of}></vs-table>
          </div>`;
    return html`
      <div role="status"><h2 class="sentence">${code(model.sentence)}</h2></div>
      <p class="quiet">A: ${sides[0].label}, ${model.placeA}. B: ${sides[1].label}, ${model.placeB}.</p>
      ${
        model.notes.length === 0
          ? nothing
          : html`<ul class="notes">
              ${model.notes.map((note) => html`<li>${code(note)}</li>`)}
            </ul>`
      }
      ${this.chart(clocks.every((clock) => clock !== 'none'))}
      <h3>${model.lines.caption}</h3>
      <vs-table
        .model=${model.lines}
        opens
        @row-open=${(event: RowOpenEvent) => this.openLine(Number(event.detail.key), sides)}
      ></vs-table>
      <div class="pair">
        ${table(model.figures)}${table(model.ledger)}${table(model.sizes)}${table(model.streams)}${table(model.settings)}
      </div>
    `;
  }

  /** The stack of a line, where it is one of the recording on screen. */
  private openLine(index: number, sides: readonly [Comparable, Comparable]): void {
    const line = this.answer?.lines.at(index);
    if (line === undefined) return;
    const here = this.context.device.key;
    const node = sides[1].key === here ? line.stackInB : sides[0].key === here ? line.stackInA : null;
    if (node !== null) this.emit('workspace-change', { selected: { kind: 'stack', node } });
  }

  private chart(hasTimes: boolean): unknown {
    const { curves, context, width } = this;
    const model =
      curves === null ? null : compareChart(curves, this.axis, context.unit, { width, height: HEIGHT });
    const axisButton = (axis: Axis, label: string): unknown =>
      html`<button aria-pressed=${this.axis === axis ? 'true' : 'false'} @click=${() => (this.axis = axis)}>
        ${label}
      </button>`;
    return html`
      <div class="keys">
        <span class="a"><i></i>A, requested</span><span class="b"><i></i>B, requested</span>
        ${hasTimes ? html`<span role="group" aria-label="Axis">${axisButton('event', 'By event')}${axisButton('time', 'By time')}</span>` : nothing}
      </div>
      <uplot-chart
        role="img"
        aria-label="Requested memory of A and of B over their recordings; the tables below have the figures"
        .model=${model}
        .height=${HEIGHT}
        .interactive=${false}
        ?dark=${context.dark}
        .style=${`height: ${HEIGHT}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => {
          event.stopPropagation();
          this.width = event.detail.width;
        }}
      ></uplot-chart>
    `;
  }

  private emit(name: string, detail: WorkspaceChange | null = null): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
