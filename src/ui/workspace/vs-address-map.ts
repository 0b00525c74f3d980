/**
 * The address map: every segment at true scale at any event of the recording, stepped through by keys, with what pins each
 * hole; free memory below. Draws what the engine told and works out nothing.
 *
 * Long because pointer, keys, stepping and what is pinned act on one picture.
 */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { formatBytes } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { AddressMapAnswer, AddressMapQuery, HoleAnswer } from '../../engine/protocol.ts';
import {
  addressText,
  fitScale,
  headingText,
  LINE_HEIGHT,
  mapLayout,
  type MapLayout,
  type MapPlace,
  type MapSort,
  placeAt,
  placeOfLife,
  segmentBeside,
  segmentOf,
  stepRow,
  zoomedScale,
} from '../../view/workspace/address-map.ts';
import {
  blockWords,
  changeWords,
  eventWords,
  mapName,
  refusalWords,
  segmentWords,
  totalsWords,
} from '../../view/workspace/address-map-words.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import { WHEEL_PROPERTY } from '../parts/chart-pointer.ts';
import { Latest } from '../parts/latest.ts';
import { controls } from '../parts/theme.ts';
import { paintMap } from './address-map-canvas.ts';
import { renderHole, renderLegend, renderNothing, type StepIcon, stepIcon } from './address-map-parts.ts';
import { addressMapStyle } from './address-map-style.ts';
import './vs-free-memory.ts';

/** Between two events while it plays. */
const PLAY_MS = 120;

@customElement('vs-address-map')
export class VsAddressMap extends LitElement {
  static override styles = [controls, addressMapStyle];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;

  @state() private answer: AddressMapAnswer | null = null;
  @state() private problem: string | null = null;
  @state() private width = 0;
  @state() private height = 0;
  @state() private sort: MapSort = 'address';
  /** Bytes a pixel; null: what fits. */
  @state() private scale: number | null = null;
  @state() private addresses: AddressMapQuery['addresses'] = null;
  @state() private hovered: MapPlace | null = null;
  @state() private hole: HoleAnswer | null = null;
  @state() private spoken = '';
  @state() private playing = false;

  @query('canvas') private readonly canvas!: HTMLCanvasElement | null;
  @query('.scroller') private readonly scroller!: HTMLDivElement | null;

  /** Row that is asked for: ahead of the answer while keys are held. */
  private row = -1;
  private earlier: AddressMapAnswer | null = null;
  private layout: MapLayout | null = null;
  /** Scale that fitted, and what it fitted: the picture keeps its scale from event to event. */
  private fitted = { key: '', scale: 0 };
  private timer = 0;
  private asked = '';

  private readonly observer = new ResizeObserver(() =>
    requestAnimationFrame(() => {
      this.width = Math.max(0, Math.floor(this.scroller?.clientWidth ?? 0));
      this.height = Math.max(0, Math.floor(this.scroller?.clientHeight ?? 0));
    }),
  );
  private readonly latest = new Latest<AddressMapQuery, AddressMapAnswer>(
    async (asked) => {
      const answer = await (await this.api()).addressMap(asked);
      if (!answer.ok) throw new Error(answer.error.message);
      return answer.value;
    },
    (answer) => this.take(answer),
    (error) => (this.problem = error instanceof Error ? error.message : String(error)),
  );

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.scroller !== null) this.observer.observe(this.scroller);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
    this.latest.reset();
    this.asked = '';
    this.play(false);
  }

  override firstUpdated(): void {
    if (this.scroller !== null) this.observer.observe(this.scroller);
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('context')) {
      const before = changed.get('context') as ViewContext | undefined;
      if (before !== undefined && before.device.key !== this.context.device.key) {
        this.answer = this.hole = this.hovered = this.addresses = this.scale = null;
        this.play(false);
      }
      if (
        before === undefined ||
        before.moment !== this.context.moment ||
        before.device.key !== this.context.device.key
      )
        this.row = this.context.moment ?? this.context.device.rows - 1;
    }
    this.ask();
    const { answer, width, height, sort } = this;
    if (answer === null || width === 0) return;
    const key = `${answer.device} ${width} ${height} ${sort} ${JSON.stringify(this.addresses)}`;
    if (this.fitted.key !== key)
      this.fitted = { key, scale: fitScale(answer, width, Math.max(LINE_HEIGHT, height), sort) };
    if (
      ['answer', 'width', 'height', 'sort', 'scale'].some((name) => changed.has(name)) ||
      this.layout === null
    )
      this.layout = mapLayout(answer, width, this.scale ?? this.fitted.scale, sort, this.context.unit);
  }

  override updated(changed: Map<string, unknown>): void {
    const before = changed.get('context') as ViewContext | undefined;
    if (changed.has('context') && before?.selected !== this.context.selected) this.reveal();
    this.paint();
  }

  /** What is pinned, by whichever view, is in view. */
  private reveal(): void {
    const { answer, scroller, segment } = this;
    const { selected } = this.context;
    if (answer === null || scroller === null || segment === null) return;
    const offset = selected?.kind === 'life' ? (placeOfLife(answer, selected.life)?.offset ?? 0) : 0;
    const box = this.boxOf(segment, offset);
    if (box === null) return;
    if (box.y < scroller.scrollTop || box.y + LINE_HEIGHT > scroller.scrollTop + this.height)
      scroller.scrollTop = box.y - this.height / 2;
  }

  private ask(): void {
    const { device, colour, filter } = this.context;
    const query = { device: device.key, row: this.row, addresses: this.addresses, colour, filter };
    const key = JSON.stringify(query);
    if (key === this.asked) return;
    this.asked = key;
    this.latest.want(query);
  }

  private take(answer: AddressMapAnswer): void {
    this.earlier = this.answer;
    this.answer = answer;
    this.problem = null;
    this.hovered = null;
    if (this.hole !== null && this.hole.row !== answer.row) void this.showHole(this.hole.address, answer.row);
    if (!this.playing) this.spoken = changeWords(this.earlier, answer, this.context.unit);
  }

  private paint(): void {
    const { answer, layout, canvas, width, height } = this;
    if (answer === null || layout === null || canvas === null || width === 0) return;
    const { selected } = this.context;
    const life = selected?.kind === 'life' ? placeOfLife(answer, selected.life) : null;
    const hole = this.hole === null ? null : this.placeOfAddress(this.hole.address);
    paintMap(canvas, {
      answer,
      layout,
      dark: this.context.dark,
      width,
      height,
      scroll: this.scroller?.scrollTop ?? 0,
      hovered: this.hovered?.block ?? null,
      pinned: hole?.block ?? life?.block ?? null,
      segment: this.segment,
    });
  }

  /** Segment that is pinned, or holds what is. */
  private get segment(): number | null {
    const { answer } = this;
    const { selected } = this.context;
    if (answer === null || selected === null) return null;
    if (selected.kind === 'segment') return segmentOf(answer, selected.address);
    return selected.kind === 'life' ? (placeOfLife(answer, selected.life)?.segment ?? null) : null;
  }

  private placeOfAddress(address: string): MapPlace | null {
    const { answer } = this;
    const segment = answer === null ? null : segmentOf(answer, address);
    if (answer === null || segment === null) return null;
    const { blocks, segments, origin } = answer;
    for (let block = segments.blockStart[segment]; block < segments.blockStart[segment + 1]; block++)
      if (addressText(origin, blocks.address[block]) === address) return { segment, block, offset: 0 };
    return null;
  }

  private change(detail: WorkspaceChange): void {
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }

  // ---- stepping --------------------------------------------------------------------------------------------

  private go(row: number): void {
    this.row = row;
    this.ask();
    this.change({ moment: row });
  }

  private step(by: -1 | 1, segmentsOnly: boolean): void {
    const row = this.answer === null ? null : stepRow(this.answer, this.row, by, segmentsOnly);
    if (row !== null) this.go(row);
    else if (this.playing) this.play(false);
  }

  private play(on: boolean): void {
    window.clearInterval(this.timer);
    this.playing = on;
    if (!on) {
      if (this.answer !== null) this.spoken = changeWords(this.earlier, this.answer, this.context.unit);
      return;
    }
    // From the end there is nothing to play: from the start then.
    if (this.answer !== null && this.row >= this.answer.rows - 1) this.go(0);
    this.timer = window.setInterval(() => this.step(1, false), PLAY_MS);
  }

  private zoom(finer: boolean, at: { x: number; y: number } | null): void {
    const { answer, layout, scroller } = this;
    if (answer === null || layout === null || scroller === null) return;
    const place = at === null ? null : placeAt(answer, layout, at.x, at.y + scroller.scrollTop);
    this.scale = zoomedScale(layout.bytesPerPixel, finer);
    if (place === null || at === null) return;
    void this.updateComplete.then(() => {
      const box = this.boxOf(place.segment, place.offset);
      if (box !== null) scroller.scrollTop = box.y - at.y + LINE_HEIGHT / 2;
    });
  }

  private boxOf(segment: number, offset: number) {
    const { layout } = this;
    if (layout === null) return null;
    for (let at = layout.firstBox[segment]; at < layout.boxes.length; at++)
      if (layout.boxes[at].to > offset) return layout.boxes[at];
    return null;
  }

  private beside(by: -1 | 1): void {
    const { answer, layout } = this;
    if (answer === null || layout === null) return;
    const segment = segmentBeside(layout, this.segment, by);
    if (segment === null) return;
    this.hole = null;
    this.spoken = segmentWords(answer, segment, this.context.unit);
    const address = addressText(answer.origin, answer.segments.address[segment]);
    this.change({ selected: { kind: 'segment', address } });
  }

  private keydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, shiftKey } = event;
    const steps: Readonly<Record<string, -1 | 1>> = {
      ',': -1,
      '<': -1,
      ArrowLeft: -1,
      '.': 1,
      '>': 1,
      ArrowRight: 1,
    };
    const by = steps[key];
    if (by !== undefined) this.step(by, shiftKey);
    else if (key === 'ArrowUp' || key === 'ArrowDown') this.beside(key === 'ArrowUp' ? -1 : 1);
    else if (key === ' ') this.play(!this.playing);
    else if (key === '+' || key === '=' || key === '-') this.zoom(key !== '-', null);
    else if (key === '0') this.scale = null;
    else if (key === 'Home' && this.answer !== null) this.go(0);
    else if (key === 'End' && this.answer !== null) this.go(this.answer.rows - 1);
    else if (key === 'Escape' && (this.hole !== null || this.playing)) {
      this.hole = null;
      this.play(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- pointer ---------------------------------------------------------------------------------------------

  private place(event: MouseEvent): MapPlace | null {
    const { answer, layout, canvas, scroller } = this;
    if (answer === null || layout === null || canvas === null || scroller === null) return null;
    const box = canvas.getBoundingClientRect();
    return placeAt(answer, layout, event.clientX - box.left, event.clientY - box.top + scroller.scrollTop);
  }

  private move(event: PointerEvent): void {
    const place = this.place(event);
    if (place?.block !== this.hovered?.block) this.hovered = place;
  }

  private pick(event: MouseEvent): void {
    const { answer } = this;
    const place = this.place(event);
    if (answer === null || place === null) return;
    const life = answer.blocks.life[place.block];
    if (life >= 0) {
      this.hole = null;
      this.change({ selected: { kind: 'life', life } });
      return;
    }
    const address = addressText(answer.origin, answer.blocks.address[place.block]);
    void this.showHole(address, answer.row);
    const segment = addressText(answer.origin, answer.segments.address[place.segment]);
    this.change({ selected: { kind: 'segment', address: segment } });
  }

  private async showHole(address: string, row: number): Promise<void> {
    const answer = await (await this.api()).addressHole({ device: this.context.device.key, row, address });
    if (!answer.ok) this.problem = answer.error.message;
    else if (this.answer?.row === row) this.hole = answer.value;
  }

  private wheel(event: WheelEvent): void {
    const zooms = getComputedStyle(this).getPropertyValue(WHEEL_PROPERTY).trim() === 'zooms';
    if (!zooms && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.canvas?.getBoundingClientRect();
    if (box !== undefined)
      this.zoom(event.deltaY < 0, { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  // ---- drawn -----------------------------------------------------------------------------------------------

  override render(): unknown {
    const { answer, problem } = this;
    const { unit } = this.context;
    const isEmpty =
      answer !== null && answer.rows === 0 && answer.totals.blocks === 0 && answer.totals.size === 0;
    return html`
      ${this.bar(answer)}
      <p class="totals" title=${answer === null ? '' : answer.notExact.join(' ')}>
        ${answer === null ? 'Working out what lies where' : totalsWords(answer, unit)}
        ${answer === null || answer.notExact.length === 0 ? nothing : html`<span class="quiet">${answer.notExact.join(' ')}</span>`}
      </p>
      ${problem === null ? nothing : html`<p role="status">${problem}</p>`}
      <div class="body">
        <div class="scroller" @scroll=${() => this.paint()}>
          ${isEmpty ? renderNothing() : this.picture(answer)}
        </div>
        <aside tabindex="0" aria-label="What is pinned, and the legend">
          ${
            answer === null
              ? nothing
              : refusalWords(answer, unit).map((sentence) => html`<p class="refused">${sentence}</p>`)
          }
          ${this.hole === null ? nothing : renderHole(this.hole, unit, (life) => this.change({ selected: { kind: 'life', life } }))}
          ${answer === null || this.hole !== null ? nothing : this.segmentAside(answer)}
          ${answer === null ? nothing : renderLegend(answer, this.context.dark)}
        </aside>
      </div>
      <p class="hover">${this.hoverWords(answer)}</p>
      <p class="visually-hidden" role="status">${this.spoken}</p>
      ${
        answer === null || isEmpty
          ? nothing
          : html`<vs-free-memory
              .context=${this.context}
              .api=${this.api}
              .answer=${answer}
            ></vs-free-memory>`
      }
    `;
  }

  private bar(answer: AddressMapAnswer | null): unknown {
    const { unit } = this.context;
    const button = (icon: StepIcon, words: string, act: () => void, pressed?: boolean): unknown =>
      html`<button
        title=${words}
        aria-label=${words}
        aria-pressed=${pressed === undefined ? nothing : pressed ? 'true' : 'false'}
        ?disabled=${answer === null || answer.rows === 0}
        @click=${act}
      >
        ${stepIcon(icon)}
      </button>`;
    const scale = this.layout?.bytesPerPixel;
    return html`<div class="bar">
      <span class="group" role="group" aria-label="Step through the events">
        ${button('first', 'Previous event that changes segments (Shift+,)', () => this.step(-1, true))}
        ${button('back', 'Previous event (,)', () => this.step(-1, false))}
        ${button(this.playing ? 'pause' : 'play', this.playing ? 'Stop (space)' : 'Play (space)', () => this.play(!this.playing), this.playing)}
        ${button('next', 'Next event (.)', () => this.step(1, false))}
        ${button('last', 'Next event that changes segments (Shift+.)', () => this.step(1, true))}
      </span>
      <span class="event" title=${answer === null ? '' : eventWords(answer, unit)}
        >${answer === null ? '' : eventWords(answer, unit)}</span
      >
      ${
        this.addresses === null
          ? nothing
          : html`<button @click=${() => (this.addresses = null)}>All segments</button>`
      }
      <span class="group" role="group" aria-label="Order of segments">
        ${(['address', 'waste'] as const).map(
          (sort) =>
            html`<button
              aria-pressed=${this.sort === sort ? 'true' : 'false'}
              @click=${() => (this.sort = sort)}
            >
              ${sort === 'address' ? 'By address' : 'Most free first'}
            </button>`,
        )}
      </span>
      <span class="group" role="group" aria-label="Scale">
        <button aria-label="Coarser (-)" title="Coarser (-)" @click=${() => this.zoom(false, null)}>−</button>
        <button aria-label="Fit (0)" title="Fit (0)" @click=${() => (this.scale = null)}>Fit</button>
        <button aria-label="Finer (+)" title="Finer (+)" @click=${() => this.zoom(true, null)}>+</button>
      </span>
      <span class="quiet">${scale === undefined ? '' : `1 px = ${formatBytes(scale, 'binary')}`}</span>
    </div>`;
  }

  private picture(answer: AddressMapAnswer | null): unknown {
    if (answer?.cut === true && answer.segments.size.length === 0) return this.kinds(answer);
    const { unit } = this.context;
    const words = answer === null ? '' : eventWords(answer, unit);
    return html`<div class="space" .style=${`height: ${Math.max(this.height, this.layout?.height ?? 0)}px`}>
      <canvas
        tabindex="0"
        role="slider"
        aria-label=${answer === null ? 'Address map' : mapName(answer, unit)}
        aria-description="Left and right, or comma and full stop, step through events, with Shift through those that change segments; up and down go from segment to segment; space plays; plus and minus zoom"
        aria-valuemin="0"
        aria-valuemax=${Math.max(0, (answer?.rows ?? 1) - 1)}
        aria-valuenow=${Math.max(0, answer?.row ?? 0)}
        aria-valuetext=${words}
        .style=${`width: ${this.width}px; height: ${this.height}px`}
        @keydown=${(event: KeyboardEvent) => this.keydown(event)}
        @pointermove=${(event: PointerEvent) => this.move(event)}
        @pointerleave=${() => (this.hovered = null)}
        @click=${(event: MouseEvent) => this.pick(event)}
        @wheel=${(event: WheelEvent) => this.wheel(event)}
      ></canvas>
    </div>`;
  }

  /** Too many segments to draw each: sums by kind, each of which opens. */
  private kinds(answer: AddressMapAnswer): unknown {
    return html`<div class="kinds">
      <p>${answer.totals.segments} segments are too many to draw each. Open those of one kind:</p>
      <ul>
        ${answer.kinds.map(
          (kind) =>
            html`<li>
              <button @click=${() => (this.addresses = { from: kind.from, to: kind.to })}>Open</button>
              <span>${headingText(kind, this.context.unit)}</span>
            </li>`,
        )}
      </ul>
    </div>`;
  }

  private segmentAside(answer: AddressMapAnswer): unknown {
    const { segment } = this;
    return segment === null
      ? nothing
      : html`<h2>Segment</h2>
          <p>${segmentWords(answer, segment, this.context.unit)}</p>`;
  }

  private hoverWords(answer: AddressMapAnswer | null): unknown {
    if (answer === null) return '';
    if (this.hovered === null)
      return answer.cut && answer.segments.size.length > 0
        ? `The first ${answer.segments.size.length} segments of this part are drawn; there are more.`
        : 'Point at a block to see whose it is; click a free one to see what pins it.';
    return blockWords(answer, this.hovered, this.context.unit);
  }
}
