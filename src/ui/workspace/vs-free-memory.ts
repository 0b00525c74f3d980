/**
 * The lower part of the address map: addresses over time, free blocks by size over time, and at the moment the free
 * blocks by size class and the largest request that would succeed.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { AddressMapAnswer, AddressTimeAnswer, FreeTimeAnswer, Range } from '../../engine/protocol.ts';
import { toRange } from '../../view/parts/viewport.ts';
import { addressHeat, addressTimeName, addressTimeWords } from '../../view/workspace/address-time.ts';
import type { ViewContext } from '../../view/workspace/context.ts';
import {
  type Heat,
  freeHeat,
  freeHeatName,
  freeHeatWords,
  freeModel,
} from '../../view/workspace/free-memory.ts';
import { Latest } from '../parts/latest.ts';
import { tableFrame } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';
import type { HeatPoint } from './vs-heat.ts';
import './vs-heat.ts';

interface Pictures {
  readonly time: AddressTimeAnswer;
  readonly free: FreeTimeAnswer;
  readonly addressHeat: Heat;
  readonly freeHeat: Heat;
}

interface Asked {
  readonly device: string;
  readonly axis: ViewContext['axis'];
  readonly range: Range;
  readonly columns: number;
}

const HEAT_ROWS = 96;

@customElement('vs-free-memory')
export class VsFreeMemory extends LitElement {
  static override styles = [
    controls,
    tableFrame,
    css`
      h2 {
        font-size: 13px;
      }
      :host {
        display: flex;
        gap: 16px;
        min-height: 0;
        overflow: hidden;
        font-size: 13px;
      }
      section {
        display: flex;
        flex: 1 1 0;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        gap: 3px;
      }
      vs-heat {
        flex: 1 1 0;
      }
      .words {
        min-height: 1.45em;
        overflow: hidden;
        white-space: nowrap;
        text-overflow: ellipsis;
        color: var(--text-quiet);
      }
      .sizes {
        flex: 1 1 0;
        overflow: auto;
      }
      th,
      td {
        padding: 1px 6px 1px 0;
      }
      th.number,
      td.number {
        text-align: right;
      }
      thead {
        color: var(--text-quiet);
      }
      td.bar {
        width: 40%;
      }
      .shares {
        min-width: 60px;
      }
      .shares {
        display: flex;
        height: 10px;
      }
      .shares > * {
        border: 1px solid var(--text-quiet);
      }
      .shares > .releasable {
        background: repeating-linear-gradient(135deg, transparent 0 2px, var(--text-quiet) 2px 3px);
      }
      .shares > .idle {
        background: repeating-linear-gradient(45deg, transparent 0 2px, var(--text-quiet) 2px 3px);
      }
      h3 {
        margin: 6px 0 0;
        font-size: 13px;
      }
      ul {
        list-style: none;
      }
    `,
  ];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  /** The map at the moment. */
  @property({ attribute: false }) answer: AddressMapAnswer | null = null;

  @state() private width = 0;
  @state() private pictures: Pictures | null = null;
  @state() private words: readonly [string, string] = ['', ''];
  @state() private problem: string | null = null;

  private asked = '';
  private readonly observer = new ResizeObserver(() =>
    requestAnimationFrame(() => (this.width = Math.floor(this.clientWidth))),
  );
  private readonly latest = new Latest<Asked, Pictures>(
    (asked) => this.ask(asked),
    (pictures) => (this.pictures = pictures),
    (error) => (this.problem = error instanceof Error ? error.message : String(error)),
  );

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
    this.latest.reset();
    this.asked = '';
  }

  override willUpdate(): void {
    if (this.width === 0 || this.context.device.rows === 0) return;
    const { device, axis, span } = this.context;
    const columns = Math.max(64, Math.min(1024, Math.floor(this.width / 3)));
    const asked = { device: device.key, axis, range: toRange(axis, span), columns };
    const key = JSON.stringify(asked);
    if (key === this.asked) return;
    this.asked = key;
    this.latest.want(asked);
  }

  private async ask({ device, axis, range, columns }: Asked): Promise<Pictures> {
    const api = await this.api();
    const query = { device, axis, range, columns };
    const time = await api.addressTime({ ...query, rows: HEAT_ROWS });
    if (!time.ok) throw new Error(time.error.message);
    const free = await api.freeTime(query);
    if (!free.ok) throw new Error(free.error.message);
    this.problem = null;
    return {
      time: time.value,
      free: free.value,
      addressHeat: addressHeat(time.value),
      freeHeat: freeHeat(free.value),
    };
  }

  /** Share of the pictures' width at which the moment is. */
  private at(): number | null {
    const { pictures, answer } = this;
    if (pictures === null || answer === null) return null;
    const { from, to, axis } = pictures.time.range;
    const x = axis === 'event' ? answer.row : (answer.xNs ?? -1);
    return x < from || x >= to ? null : (x - from) / (to - from);
  }

  override render(): unknown {
    const { answer, pictures, problem } = this;
    if (answer === null) return nothing;
    const { unit, dark, device } = this.context;
    if (problem !== null) return html`<p role="status">${problem}</p>`;
    const isNsight = device.producer === 'nsys';
    return html`
      ${device.rows === 0 ? this.noHistory() : pictures === null ? html`<section><h2>Addresses over time</h2></section>` : this.overTime(pictures, dark, isNsight)}
      ${isNsight ? nothing : this.atMoment(answer, unit)}
    `;
  }

  private noHistory(): unknown {
    return html`<section>
      <h2>Over time</h2>
      <p>
        The file holds a state alone. To see how it came to be, call
        <code>torch.cuda.memory._record_memory_history()</code> at the start of the program and dump a
        snapshot again.
      </p>
    </section>`;
  }

  private overTime(pictures: Pictures, dark: boolean, isNsight: boolean): unknown {
    const at = this.at();
    const { unit } = this.context;
    return html`
      <section>
        <h2>Addresses over time</h2>
        <vs-heat
          id="addresses"
          .heat=${pictures.addressHeat}
          .dark=${dark}
          .name=${addressTimeName(pictures.time, unit)}
          .at=${at}
          @heat-hover=${({ detail }: CustomEvent<HeatPoint | null>) =>
            (this.words = [
              detail === null ? '' : (addressTimeWords(pictures.time, detail.column, detail.y) ?? ''),
              '',
            ])}
          @heat-pick=${({ detail }: CustomEvent<HeatPoint>) => this.pick(pictures.time.moments[detail.column])}
        ></vs-heat>
        <p class="words">
          ${this.words[0] === '' ? 'Lowest addresses at the bottom, gaps left out. Stronger colour: more is live.' : this.words[0]}
        </p>
      </section>
      ${
        isNsight
          ? nothing
          : html`<section>
              <h2>Free blocks by size over time</h2>
              <vs-heat
                id="sizes"
                .heat=${pictures.freeHeat}
                .dark=${dark}
                .name=${freeHeatName(pictures.free, unit)}
                .at=${at}
                @heat-hover=${({ detail }: CustomEvent<HeatPoint | null>) =>
                  (this.words = [
                    '',
                    detail === null
                      ? ''
                      : (freeHeatWords(pictures.free, detail.column, detail.y, unit) ?? ''),
                  ])}
                @heat-pick=${({ detail }: CustomEvent<HeatPoint>) => this.pick(pictures.free.moments[detail.column])}
              ></vs-heat>
              <p class="words">
                ${this.words[1] === '' ? 'Large blocks on top. Stronger colour: more bytes (logarithmic).' : this.words[1]}
              </p>
            </section>`
      }
    `;
  }

  private atMoment(answer: AddressMapAnswer, unit: ViewContext['unit']): unknown {
    const model = freeModel(answer, unit);
    return html`<section>
      <h2>Free memory</h2>
      <p class="headline">${model.headline}</p>
      <div
        class="sizes"
        tabindex="0"
        role="region"
        aria-label="Free blocks by size, and the largest requests"
      >
        <table>
          <thead>
            <tr>
              <th scope="col">Size</th>
              <th scope="col" class="number">Blocks</th>
              <th scope="col" class="number">Bytes</th>
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${model.rows.map(
              (row) =>
                html`<tr title=${row.note}>
                  <th scope="row">${row.name}</th>
                  <td class="number">${row.blocks}</td>
                  <td class="number">${row.bytes}</td>
                  <td class="bar">
                    <div class="shares" role="img" aria-label=${row.note}>
                      ${['pinned', 'releasable', 'idle'].map((name, i) =>
                        row.shares[i] === 0
                          ? nothing
                          : html`<span class=${name} .style=${`width: ${100 * row.shares[i]}%`}></span>`,
                      )}
                    </div>
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
        ${
          model.largest.length === 0
            ? nothing
            : html`<h3>Largest request without a new segment</h3>
                <ul>
                  ${model.largest.map(({ where, request }) => html`<li>${request}: ${where}</li>`)}
                </ul>`
        }
      </div>
    </section>`;
  }

  private pick(row: number): void {
    const detail = { moment: Math.max(0, row) };
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }
}
