/** Parts of the picture of allocations: what is chosen above it, its legend, its axes, what is told at the pointer. */
import { html, nothing } from 'lit';
import type { LifeAnswer, RasterAnswer, StackOrder } from '../../engine/protocol.ts';
import { xTicks } from '../../view/parts/curves.ts';
import { xToPixel } from '../../view/parts/viewport.ts';
import {
  allocationLegend,
  type AllocationLegendEntry,
  allocationsName,
  type Bytes,
  byteTicksIn,
  legendChange,
  lifeTooltip,
  linesOf,
  ORDERS,
} from '../../view/workspace/allocations.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import { textureCss } from '../../view/workspace/group-textures.ts';
import type { Place } from '../../view/workspace/raster-paint.ts';

/** A point of the plot, pixels from the left and from the bottom; or how large it is. */
interface Point {
  readonly x: number;
  readonly y: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export function renderHeader(
  context: ViewContext,
  order: StackOrder,
  choose: (order: StackOrder) => void,
  /** null: all bytes are shown. */
  showAll: (() => void) | null,
): unknown {
  const value = (event: Event): string => (event.target as HTMLSelectElement).value;
  return html`<header>
    <label
      >Stacked
      <select data-order @change=${(event: Event) => choose(value(event) as StackOrder)}>
        ${ORDERS.filter(({ id }) => id !== 'line' || context.device.hasStacks).map(
          ({ id, label }) => html`<option value=${id} ?selected=${id === order}>${label}</option>`,
        )}
      </select></label
    >
    ${showAll === null ? nothing : html`<button data-all-bytes @click=${showAll}>All bytes</button>`}
    <span class="space"></span>
    ${linesOf(context.device).map(
      (id) =>
        html`<span class="quiet"
          ><span
            class="line"
            .style=${`display: inline-block; vertical-align: middle; border-color: var(--curve-${id === 'reserved' ? 'orange' : 'green'})`}
          ></span>
          ${id}</span
        >`,
    )}
  </header>`;
}

export function renderLegend(
  answer: RasterAnswer,
  { filter, unit }: ViewContext,
  changed: (change: WorkspaceChange) => void,
): unknown {
  const press = (entry: AllocationLegendEntry): void => {
    const change = legendChange(entry);
    if (change !== null) changed(change);
  };
  return html`<ul aria-label="Groups, with what they hold at the peak">
    ${allocationLegend(answer, filter, unit).map(
      (entry) =>
        html`<li>
          <button
            title=${entry.title}
            aria-pressed=${entry.only ? 'true' : 'false'}
            ?disabled=${entry.filter === null}
            @click=${() => press(entry)}
          >
            <span
              class="swatch"
              .style=${`background: ${textureCss(entry.texture)}, var(--curve-${entry.color})`}
            ></span>
            <span class="name">${entry.name}</span> <span class="quiet">${entry.value}</span>
          </button>
        </li>`,
    )}
    ${
      answer.earlier > 0
        ? html`<li class="quiet">
            <button disabled>
              <span class="swatch" .style=${`background: ${textureCss('lines')}, var(--text-quiet)`}></span>
              <span class="name">lines: made before the recording</span>
            </button>
          </li>`
        : nothing
    }
  </ul>`;
}

export interface ChartParts {
  readonly context: ViewContext;
  readonly answer: RasterAnswer | null;
  readonly size: Size;
  readonly shown: Bytes;
  /** Where the plot begins, pixels from the left. */
  readonly left: number;
  readonly tip: unknown;
  readonly press: (event: KeyboardEvent) => void;
}

export function renderChart({ context, answer, size, shown, left, tip, press }: ChartParts): unknown {
  const { device, axis, span, unit } = context;
  const [from, to] = shown;
  const ticks = answer === null ? [] : byteTicksIn(shown, size.height, unit);
  const moments = device.rows === 0 ? [] : xTicks(axis, span, size.width);
  return html`<div class="chart ${device.rows === 0 ? 'one' : ''}">
    <div class="bytes" aria-hidden="true" title="Drag to zoom the bytes">
      ${ticks.map(
        ({ at, label }) =>
          html`<span class="tick" .style=${`bottom: ${((at - from) / (to - from)) * 100}%`}>${label}</span>`,
      )}
    </div>
    <div
      class="plot"
      role="application"
      tabindex="0"
      aria-roledescription="picture of allocations"
      aria-label=${allocationsName(answer, device, unit)}
      aria-description="Arrow keys go from allocation to allocation, Enter pins, z zooms to it, [ and ] go along its line, Shift with left and right along all of them, Home and End to the first and the last, Shift with W and S zooms the bytes."
      @keydown=${press}
    >
      <canvas aria-hidden="true"></canvas>
      ${tip}
    </div>
    <div class="moments" aria-hidden="true">
      ${moments.map(
        ({ at, label }) =>
          html`<span class="tick" .style=${`left: ${left + xToPixel(at, span, size.width)}px`}
            >${label}</span
          >`,
      )}
    </div>
  </div>`;
}

/** What is told of an allocation, beside where it is looked at. */
export function renderTip(
  { device, unit }: ViewContext,
  number: number,
  life: LifeAnswer | null,
  at: Point,
  size: Size,
): unknown {
  const { heading, lines } = lifeTooltip(number, life, device.clock, unit);
  const side = at.x < size.width / 2 ? `left: ${at.x + 14}px` : `right: ${size.width - at.x + 14}px`;
  const height = at.y > size.height / 2 ? `top: ${size.height - at.y + 8}px` : `bottom: ${at.y + 8}px`;
  return html`<div class="tip" aria-hidden="true" .style=${`${side}; ${height}`}>
    <strong>${heading}</strong>
    ${lines.map((line) => html`<br />${line}`)}
  </div>`;
}

/** Middle of a place of the picture, where these bytes are shown. */
export function pixelOf(
  place: Place,
  answer: RasterAnswer,
  { span }: ViewContext,
  [low, high]: Bytes,
  size: Size,
): Point {
  const [from, to] = answer.bytes;
  const bytes = from + ((place.row + 0.5) / answer.rows) * (to - from);
  return {
    x: xToPixel(answer.x[place.column], span, size.width),
    y: ((bytes - low) / (high - low)) * size.height,
  };
}
