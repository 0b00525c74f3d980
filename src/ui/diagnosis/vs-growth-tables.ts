/** Growth by iteration in tables: of each stream and line of code, and every value, on demand. As wide as the page. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { DeviceDiagnosis } from '../../engine/protocol.ts';
import { growthTable, rowsOfIteration } from '../../view/diagnosis/growth.ts';
import { growthPartsTable, growthPartsWords } from '../../view/diagnosis/growth-parts.ts';
import { controls } from '../parts/theme.ts';
import { showEvidence } from './vs-finding.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

@customElement('vs-growth-tables')
export class VsGrowthTables extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        font-size: 13px;
      }
      details {
        padding: 7px 16px;
        border-top: 1px solid var(--line);
      }
      p,
      vs-table {
        margin-top: 6px;
      }
    `,
  ];

  @property({ attribute: false }) device!: DeviceDiagnosis;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    return html`${this.parts()} ${this.values()}`;
  }

  private values(): unknown {
    const table = growthTable(this.device, this.unit);
    if (table === null) return nothing;
    return html`<details>
      <summary>What was held at the end of each iteration</summary>
      <vs-table
        .model=${table}
        first="8"
        opens
        dense
        @row-open=${(event: RowOpenEvent) => this.open(Number(event.detail.key))}
      ></vs-table>
    </details>`;
  }

  private parts(): unknown {
    const { device, unit } = this;
    const table = growthPartsTable(device, unit);
    if (table === null) return nothing;
    return html`<details>
      <summary>
        Growth of each ${device.growthParts.some(({ by }) => by === 'stream') ? 'stream and ' : ''}line of
        code (${growthPartsWords(device)})
      </summary>
      <p class="quiet">
        Of what was allocated in the recording, in whole blocks: a little more than was requested. Click a row
        for its evidence.
      </p>
      <vs-table
        .model=${table}
        first="8"
        opens
        dense
        @row-open=${(event: RowOpenEvent) => this.openPart(Number(event.detail.key))}
      ></vs-table>
    </details>`;
  }

  private openPart(index: number): void {
    const { by, name, stack, window } = this.device.growthParts[index];
    const text = by === 'stream' ? `Stream ${name}` : name;
    showEvidence(this, { text, row: null, rows: window, stack });
  }

  private open(index: number): void {
    const rows = rowsOfIteration(this.device, index);
    if (rows === null) return;
    const text = `Iteration ${formatInteger(index + 1)}`;
    showEvidence(this, { text, row: null, rows, stack: null });
  }
}
