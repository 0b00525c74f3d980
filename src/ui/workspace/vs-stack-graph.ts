/**
 * A tree of stacks as an icicle (root on top) or a flame (root at the bottom), on one canvas: ten thousand nodes cost
 * what is painted. It draws and tells what the pointer does; what keys do is the view's. Deep trees scroll.
 */
import { LitElement, css, html } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { StackTreeAnswer } from '../../engine/protocol.ts';
import { type NodeLook, inkOf, lookOf } from '../../view/workspace/stacks.ts';
import { KIND, nodeAt, type StackLayout } from '../../view/workspace/stack-layout.ts';
import { labelOf, weightText } from '../../view/workspace/stack-words.ts';

/** Height of a level; the letters in it are 12 px. */
export const LEVEL = 20;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
/** Room on both sides of a label, and the least width that is worth one. */
const PAD = 5;
const LEAST_LABEL = 28;

/** Detail of `stack-hover`, `stack-pick` and `stack-zoom`: place of the node; -1: none. */
export type StackNodeEvent = CustomEvent<{ readonly node: number }>;

@customElement('vs-stack-graph')
export class VsStackGraph extends LitElement {
  static override styles = css`
    :host {
      display: block;
      position: relative;
      min-height: 0;
      overflow: hidden;
    }
    .scroll {
      position: absolute;
      inset: 0;
      overflow-x: hidden;
      overflow-y: auto;
    }
    .room {
      position: relative;
    }
    canvas {
      position: sticky;
      top: 0;
      display: block;
      cursor: pointer;
    }
  `;

  @property({ attribute: false }) answer: StackTreeAnswer | null = null;
  @property({ attribute: false }) layout: StackLayout | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;
  /** Root at the bottom. */
  @property({ type: Boolean }) flame = false;
  /** Where keys are; outlined. -1: nowhere. */
  @property({ attribute: false }) current = -1;
  /** What is pinned; outlined twice. */
  @property({ attribute: false }) pinned = -1;
  /** Something is searched: what is not found is faint. */
  @property({ type: Boolean }) searching = false;

  @state() private width = 0;
  @state() private height = 0;
  @query('canvas') private readonly canvas!: HTMLCanvasElement;
  @query('.scroll') private readonly scroller!: HTMLElement;

  private hovered = -1;
  private frame = 0;
  private atBottom = true;
  private readonly widths = new Map<string, number>();
  private readonly patterns = new Map<string, CanvasPattern | null>();
  private readonly watcher = new ResizeObserver(([entry]) => {
    this.width = Math.floor(entry.contentRect.width);
    this.height = Math.floor(entry.contentRect.height);
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.watcher.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watcher.disconnect();
    cancelAnimationFrame(this.frame);
  }

  private get contentHeight(): number {
    return Math.max(this.height, (this.layout?.levels ?? 0) * LEVEL);
  }

  override render(): unknown {
    const style = `width: ${this.width}px; height: ${this.height}px`;
    return html`<div class="scroll" tabindex="-1" @scroll=${() => this.scrolled()}>
      <div class="room" .style=${`height: ${this.contentHeight}px`}>
        <canvas
          aria-hidden="true"
          .style=${style}
          @pointermove=${(event: PointerEvent) => this.hover(this.nodeUnder(event))}
          @pointerleave=${() => this.hover(-1)}
          @click=${(event: MouseEvent) => this.tell('stack-pick', this.nodeUnder(event))}
          @dblclick=${(event: MouseEvent) => this.tell('stack-zoom', this.nodeUnder(event))}
        ></canvas>
      </div>
    </div>`;
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has('dark')) this.patterns.clear();
    if (
      this.flame &&
      (changed.has('layout') || changed.has('flame') || changed.has('height')) &&
      this.atBottom
    )
      this.scroller.scrollTop = this.contentHeight;
    if (changed.has('current')) this.reveal(this.current);
    this.paintSoon();
  }

  private scrolled(): void {
    this.atBottom = this.scroller.scrollTop + this.height >= this.contentHeight - 2;
    this.paintSoon();
  }

  private reveal(node: number): void {
    if (node < 0 || this.layout === null) return;
    const y = this.yOf(node);
    const { scrollTop } = this.scroller;
    if (y < scrollTop) this.scroller.scrollTop = y;
    else if (y + LEVEL > scrollTop + this.height) this.scroller.scrollTop = y + LEVEL - this.height;
  }

  /** From the top of the whole picture. */
  private yOf(node: number): number {
    const level = this.layout!.level[node];
    return this.flame ? this.contentHeight - (level + 1) * LEVEL : level * LEVEL;
  }

  /** Where a node is painted, from the corner of the element; null: it is not in view. */
  boxOf(node: number): { readonly x: number; readonly y: number; readonly width: number } | null {
    const { layout } = this;
    if (layout === null || node < 0 || layout.to[node] <= layout.from[node]) return null;
    const x = layout.from[node] * this.width;
    return { x, y: this.yOf(node) - this.scroller.scrollTop, width: layout.to[node] * this.width - x };
  }

  private nodeUnder(event: MouseEvent): number {
    if (this.layout === null || this.width === 0) return -1;
    const box = this.canvas.getBoundingClientRect();
    const y = event.clientY - box.top + this.scroller.scrollTop;
    const level = Math.floor((this.flame ? this.contentHeight - y : y) / LEVEL);
    return nodeAt(this.layout, (event.clientX - box.left) / this.width, level);
  }

  private hover(node: number): void {
    if (node === this.hovered) return;
    this.hovered = node;
    this.tell('stack-hover', node);
    this.paintSoon();
  }

  private tell(name: string, node: number): void {
    this.dispatchEvent(new CustomEvent(name, { detail: { node }, bubbles: true, composed: true }));
  }

  private paintSoon(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    const { answer, canvas, layout, width, height } = this;
    const context = canvas?.getContext('2d') ?? null;
    if (context === null || width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (answer === null || layout === null) return;
    context.font = FONT;
    context.textBaseline = 'middle';
    const top = this.scroller.scrollTop;
    /** Right end of what was painted last in each level: what lies within a pixel of it is painted already. */
    const painted = new Float64Array(layout.levels).fill(-1);
    for (let node = 0; node < answer.nodes.length; node++) {
      const from = layout.from[node] * width;
      const to = layout.to[node] * width;
      if (to <= from) continue;
      const y = this.yOf(node) - top;
      if (y + LEVEL < 0 || y > height) continue;
      const level = layout.level[node];
      if (to <= painted[level]) continue;
      const right = Math.max(to, Math.floor(from) + 1);
      painted[level] = right;
      this.paintNode(context, answer, node, from, y, right - from);
    }
    for (const [node, line] of [
      [this.hovered, 1],
      [this.current, 2],
      [this.pinned, 3],
    ])
      this.outline(context, node, line);
  }

  private paintNode(
    context: CanvasRenderingContext2D,
    answer: StackTreeAnswer,
    node: number,
    x: number,
    y: number,
    wide: number,
  ): void {
    const { dark, searching } = this;
    const { nodes } = answer;
    const look = lookOf(answer, node, dark);
    context.globalAlpha = searching && nodes.hit[node] === 0 ? 0.35 : 1;
    const gap = wide > 3 ? 1 : 0;
    context.fillStyle = look.fill;
    context.fillRect(x, y, wide - gap, LEVEL - 1);
    if (look.pattern !== null && wide > 3) {
      context.fillStyle = this.patternOf(context, look) ?? look.fill;
      context.fillRect(x, y, wide - gap, LEVEL - 1);
    }
    if (searching && nodes.hit[node] === 1 && wide > 2) {
      context.strokeStyle = inkOf(dark);
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, wide - gap - 1, LEVEL - 2);
    }
    context.globalAlpha = 1;
    if (wide >= LEAST_LABEL) this.write(context, answer, node, x, y, wide - gap);
    else if (answer.measure === 'grown' && wide >= 12) {
      const sign = nodes.total[node] > 0 ? '+' : nodes.total[node] < 0 ? '−' : '';
      context.fillStyle = inkOf(dark);
      context.fillText(sign, x + 2, y + LEVEL / 2);
    }
  }

  private write(
    context: CanvasRenderingContext2D,
    answer: StackTreeAnswer,
    node: number,
    x: number,
    y: number,
    wide: number,
  ): void {
    const figure = weightText(answer, answer.nodes.total[node], this.unit);
    const figureWidth = this.widthOfText(context, figure);
    const room = wide - 2 * PAD;
    const isGrown = answer.measure === 'grown';
    context.fillStyle = inkOf(this.dark);
    // A difference always says its sign; other figures where there is room for both.
    const hasFigure = room > figureWidth + (isGrown ? 0 : 90);
    if (hasFigure) context.fillText(figure, x + wide - PAD - figureWidth, y + LEVEL / 2);
    else if (isGrown) context.fillText(figure.slice(0, 1), x + wide - PAD - 7, y + LEVEL / 2);
    const left = room - (hasFigure ? figureWidth + 8 : isGrown ? 12 : 0);
    const label = this.cut(context, labelOf(answer, node), left);
    const isBacked = answer.nodes.kind[node] === KIND.stackless || answer.nodes.kind[node] === KIND.more;
    if (isBacked && label !== '') {
      // Letters over hatching: a plain ground below them.
      context.fillStyle = lookOf(answer, node, this.dark).fill;
      context.fillRect(x + PAD - 2, y + 2, this.widthOfText(context, label) + 4, LEVEL - 5);
      context.fillStyle = inkOf(this.dark);
    }
    if (label !== '') context.fillText(label, x + PAD, y + LEVEL / 2);
  }

  private widthOfText(context: CanvasRenderingContext2D, text: string): number {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 20_000) this.widths.clear();
      this.widths.set(text, (width = context.measureText(text).width));
    }
    return width;
  }

  /** As much of a text as fits; '' where that is less than three letters. */
  private cut(context: CanvasRenderingContext2D, text: string, room: number): string {
    const width = this.widthOfText(context, text);
    if (width <= room) return text;
    const letters = Math.floor((text.length * (room - 9)) / width);
    return letters < 3 ? '' : `${text.slice(0, letters)}…`;
  }

  private patternOf(context: CanvasRenderingContext2D, { fill, pattern }: NodeLook): CanvasPattern | null {
    const key = `${fill} ${pattern}`;
    const known = this.patterns.get(key);
    if (known !== undefined) return known;
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const ink = tile.getContext('2d');
    if (ink === null) return null;
    ink.strokeStyle = ink.fillStyle = inkOf(this.dark);
    ink.globalAlpha = 0.35;
    if (pattern === 'hatched') {
      ink.beginPath();
      for (const from of [-8, 0, 8]) {
        ink.moveTo(from, 8);
        ink.lineTo(from + 8, 0);
      }
      ink.stroke();
    } else ink.fillRect(3, 3, 1.5, 1.5);
    const made = context.createPattern(tile, 'repeat');
    this.patterns.set(key, made);
    return made;
  }

  private outline(context: CanvasRenderingContext2D, node: number, line: number): void {
    const box = this.boxOf(node);
    if (box === null) return;
    context.strokeStyle = inkOf(this.dark);
    context.lineWidth = line;
    const inset = line / 2;
    context.strokeRect(box.x + inset, box.y + inset, Math.max(1, box.width - 1 - line), LEVEL - 1 - line);
  }
}
