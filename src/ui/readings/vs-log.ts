/** The page of a source of readings: what the file is, what it tells, details of what is clicked at the right. */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SourceView } from '../../engine/protocol.ts';
import type { KeyAction } from '../../view/shell/keys.ts';
import { showsReadings } from '../../view/readings/readings.ts';
import { deviceStyle } from '../device/device-style.ts';
import { controls } from '../parts/theme.ts';
import type { FactsDetail } from '../device/vs-detail.ts';
import '../device/vs-detail.ts';
import '../shell/vs-file-bar.ts';
import type { VsReadings } from './vs-readings.ts';
import './vs-readings.ts';

@customElement('vs-log')
export class VsLog extends LitElement {
  static override styles = [controls, deviceStyle];

  @property({ attribute: false }) source!: SourceView;
  @property({ attribute: false }) api: (() => Promise<EngineApi>) | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;

  @state() private detail: FactsDetail | null = null;

  /** null: there is nothing that it would show. */
  @query('vs-readings') private readonly body!: VsReadings | null;

  act(action: KeyAction): void {
    this.body?.act(action);
  }

  override render(): unknown {
    const { source, unit } = this;
    return html`<div
      class="page"
      @show-detail=${(event: CustomEvent<FactsDetail>) => (this.detail = event.detail)}
      @close-detail=${() => {
        this.detail = null;
        this.body?.closeDetail();
      }}
    >
      <vs-file-bar class="top" .source=${source} .unit=${unit} .api=${this.api}></vs-file-bar>
      <slot name="diagnosis"></slot>
      ${showsReadings(source.readings) ? this.columns() : nothing}
    </div>`;
  }

  private columns(): unknown {
    const { source, unit } = this;
    return html`<div class="columns">
      <div class="main">
        <vs-readings .readings=${source.readings} .unit=${unit} ?dark=${this.dark}></vs-readings>
      </div>
      <aside class="panel" aria-label="Details" tabindex="0">
        <vs-detail .detail=${this.detail} .unit=${unit} .hint=${hintFor(source)}></vs-detail>
      </aside>
    </div>`;
  }
}

function hintFor({ readings }: SourceView): string {
  const curves = readings?.gauges.some(({ time_ns }) => time_ns.length > 1) ?? false;
  const hints = [
    curves ? 'Click a chart to see every figure at that moment.' : '',
    (readings?.events.length ?? 0) > 0
      ? 'Click a row of "What happened" to see its figures and its text.'
      : '',
  ].filter((text) => text !== '');
  return hints.length === 0
    ? 'There is nothing to click here: the tables hold every figure.'
    : hints.join(' ');
}
