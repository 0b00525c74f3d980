/** Settings as points: reserved peak to the right, calls of the driver up, the front as stairs between its points. */
import { LitElement, css, html, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { PointKind, ScatterModel, ScatterPoint, SweepPoints } from '../../view/replay/sweep.ts';
import { describeScatter, nearFront, scatterModel } from '../../view/replay/sweep.ts';
import { controls } from '../parts/theme.ts';

const HEIGHT = 300;
const RADIUS: Readonly<Record<PointKind, number>> = { fails: 4, other: 3, front: 4.5, base: 5.5, winner: 6 };
const LABELS: readonly (readonly [PointKind, string])[] = [
  ['winner', 'Least memory'],
  ['front', 'On the front: no setting is better in both'],
  ['base', 'As recorded'],
  ['other', 'Other settings'],
  ['fails', 'A request fails'],
];

@customElement('vs-replay-scatter')
export class VsReplayScatter extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      svg.plot {
        display: block;
        overflow: visible;
        font-size: 11px;
        fill: var(--text-quiet);
      }
      .grid {
        stroke: var(--line);
      }
      .stairs {
        fill: none;
        stroke: var(--accent);
        stroke-width: 1.5;
      }
      circle,
      .cross {
        cursor: pointer;
      }
      .other {
        fill: color-mix(in srgb, var(--text-quiet) 45%, transparent);
      }
      .front,
      .winner {
        fill: var(--accent);
      }
      .winner {
        stroke: var(--panel);
        stroke-width: 1.5;
      }
      .base {
        fill: var(--panel);
        stroke: var(--text);
        stroke-width: 2;
      }
      .cross {
        fill: none;
        stroke: var(--bad);
        stroke-width: 1.5;
      }
      .ring {
        fill: none;
        stroke: var(--text);
        stroke-width: 1.5;
      }
      .winner-ring {
        fill: none;
        stroke: var(--accent);
        stroke-width: 1.5;
      }
      .reach {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 12px;
        margin-bottom: 8px;
        font-size: 13px;
        color: var(--text-quiet);
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 18px;
        margin-bottom: 6px;
        list-style: none;
        font-size: 12px;
        color: var(--text-quiet);
      }
      li {
        display: flex;
        align-items: center;
        gap: 6px;
      }
    `,
  ];

  @property({ attribute: false }) points: SweepPoints = { rows: [], front: [], winner: null };
  /** Index of the setting that is shown in words. */
  @property({ attribute: false }) current: number | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private width = 0;
  @state() private every = false;

  private model: ScatterModel | null = null;
  /** Points that are far from the front. */
  private beyond = 0;
  /** In the next frame: what is drawn for a width changes the height, which would be observed again in this one. */
  private readonly observer = new ResizeObserver(() =>
    requestAnimationFrame(() => (this.width = Math.floor(this.clientWidth))),
  );

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (this.width === 0 || !['points', 'unit', 'width', 'every'].some((name) => changed.has(name))) return;
    const { points, unit, width } = this;
    const near = nearFront(points);
    this.beyond = points.rows.length - near.length;
    this.model = scatterModel(points, this.every ? [...points.rows.keys()] : near, unit, width, HEIGHT);
  }

  override render(): unknown {
    const { model } = this;
    if (model === null) return html`<div .style=${`height: ${HEIGHT}px`}></div>`;
    const { width, height, left, right, top, bottom } = model;
    const shown = new Set(model.points.map(({ kind }) => kind));
    const current = model.points.find(({ row }) => row === this.current);
    return html`
      ${this.beyond === 0 ? nothing : this.reach()}
      <ul aria-hidden="true">
        ${LABELS.filter(([kind]) => shown.has(kind)).map(
          ([kind, label]) =>
            html`<li><svg width="14" height="14">${mark({ kind, x: 7, y: 7 })}</svg>${label}</li>`,
        )}
      </ul>
      <svg
        class="plot"
        width=${width}
        height=${height}
        role="img"
        aria-label=${describeScatter(this.points, this.unit)}
      >
        ${model.yTicks.map(
          ({ at, label }) =>
            svg`<line class="grid" x1=${left} x2=${right} y1=${at} y2=${at}></line>
              <text x=${left - 8} y=${at + 4} text-anchor="end">${label}</text>`,
        )}
        ${model.xTicks.map(
          ({ at, label }) =>
            svg`<line class="grid" x1=${at} x2=${at} y1=${top} y2=${bottom}></line>
              <text x=${at} y=${bottom + 16} text-anchor="middle">${label}</text>`,
        )}
        <text x=${(left + right) / 2} y=${height - 8} text-anchor="middle">Reserved peak</text>
        <text
          x="12"
          y=${(top + bottom) / 2}
          text-anchor="middle"
          transform=${`rotate(-90 12 ${(top + bottom) / 2})`}
        >
          cudaMalloc and cudaFree calls${model.logarithmic ? ' (logarithmic)' : ''}
        </text>
        ${
          model.front.length < 2
            ? nothing
            : svg`<polyline class="stairs" points=${model.front.map((corner) => corner.join()).join(' ')}></polyline>`
        }
        ${model.points.map(
          (point) => svg`<g @click=${() => this.pick(point)}><title>${point.title}</title>${mark(point)}</g>`,
        )}
        ${current === undefined ? nothing : svg`<circle class="ring" cx=${current.x} cy=${current.y} r="10"></circle>`}
      </svg>
    `;
  }

  /** A few settings that cost many times more would press all others into a corner. */
  private reach(): unknown {
    const button = (every: boolean, label: string): unknown =>
      html`<button
        aria-pressed=${this.every === every ? 'true' : 'false'}
        @click=${() => (this.every = every)}
      >
        ${label}
      </button>`;
    return html`<p class="reach">
      <span class="group" role="group" aria-label="Settings in the chart">
        ${button(false, 'Near the front')}${button(true, 'All settings')}
      </span>
      <span
        >${this.every ? '' : `${count(this.beyond, 'setting costs', 'settings cost')} more and lie beyond.`}</span
      >
    </p>`;
  }

  private pick({ row }: ScatterPoint): void {
    this.dispatchEvent(new CustomEvent('pick-setting', { detail: { row }, bubbles: true, composed: true }));
  }
}

/** Kinds differ in shape, not in colour alone. */
function mark({ kind, x, y }: Pick<ScatterPoint, 'kind' | 'x' | 'y'>): unknown {
  const r = RADIUS[kind];
  if (kind === 'fails')
    return svg`<path class="cross" d=${`M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`}></path>`;
  const dot = svg`<circle class=${kind} cx=${x} cy=${y} r=${kind === 'winner' ? 4 : r}></circle>`;
  return kind === 'winner' ? svg`<circle class="winner-ring" cx=${x} cy=${y} r=${r}></circle>${dot}` : dot;
}
