/** Whether the figures that a monitor, a log or summaries print grow: a row for each. */
import { LitElement, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { GaugeGrowthView } from '../../engine/protocol.ts';
import { gaugeGrowthTable } from '../../view/serving/serving-growth.ts';
import { controls } from '../parts/theme.ts';
import { servingStyle } from './vs-serving-style.ts';
import '../parts/vs-table.ts';

@customElement('vs-serving-growth')
export class VsServingGrowth extends LitElement {
  static override styles = [controls, servingStyle];

  @property({ attribute: false }) growths: readonly GaugeGrowthView[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    const table = gaugeGrowthTable(this.growths, this.unit);
    if (table === null) return nothing;
    return html`<h2>${table.caption}</h2>
      <p class="words quiet">Judged by the printed figures alone, sample by sample.</p>
      <vs-table .model=${table} first="12"></vs-table>`;
  }
}
