/** vLLM's own snapshots and profiling results, rank by rank: what cannot be right, the tables, what is not known. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { VllmMemoryAccount } from '../../engine/protocol.ts';
import type { TableModel } from '../../view/parts/table.ts';
import { vllmMemoryModel } from '../../view/serving/vllm-memory.ts';
import { controls } from '../parts/theme.ts';
import { servingStyle } from './vs-serving-style.ts';
import '../parts/vs-table.ts';

/** Ranks before a button shows the rest. */
const MOST_RANKS = 2;

@customElement('vs-vllm-memory')
export class VsVllmMemory extends LitElement {
  static override styles = [
    controls,
    servingStyle,
    css`
      h3 {
        margin-top: 14px;
      }
      h4 {
        margin: 10px 0 0;
        font-size: 13px;
        font-weight: 600;
      }
      .problems {
        margin: 6px 0;
        padding: 8px 12px 8px 28px;
        border-left: 3px solid var(--bad);
        background: var(--bad-soft);
        font-size: 13px;
      }
      .more {
        margin-top: 12px;
      }
      vs-table {
        margin-top: 6px;
      }
    `,
  ];

  @property({ attribute: false }) accounts: readonly VllmMemoryAccount[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private all = false;

  override render(): unknown {
    const { accounts } = this;
    if (accounts.length === 0) return nothing;
    const shown = this.all ? accounts : accounts.slice(0, MOST_RANKS);
    return html`<h2>vLLM's own memory figures</h2>
      <p class="words quiet">
        MemorySnapshot and MemoryProfilingResult as they stand in the text. Figures printed in GiB are known
        to 0.01 GiB; every figure shows on hover how closely it is known.
      </p>
      ${shown.map((account) => this.rank(account))}
      ${
        shown.length === accounts.length
          ? nothing
          : html`<button class="link more" @click=${() => (this.all = true)}>
              Show all ${accounts.length} ranks
            </button>`
      }`;
  }

  private rank(account: VllmMemoryAccount): unknown {
    const { rank, problems, statements, missing, tables } = vllmMemoryModel(account, this.unit);
    return html`<section data-rank=${rank}>
      ${rank === '' ? nothing : html`<h3>${rank}</h3>`}
      ${
        problems.length === 0
          ? nothing
          : html`<ul class="problems" aria-label="What cannot be right">
              ${problems.map((one) => html`<li>${one}</li>`)}
            </ul>`
      }
      ${statements.length === 0 ? nothing : html`<p class="words">${statements.join(' ')}</p>`}
      ${tables.map((table) => this.table(rank, table))}
      ${missing.map((one) => html`<p class="words quiet">${one}</p>`)}
    </section>`;
  }

  /** Below a rank's name the headings are one level deeper, and the tables carry the name: each is told from the others. */
  private table(rank: string, table: TableModel): unknown {
    const { caption } = table;
    return html`${rank === '' ? html`<h3>${caption}</h3>` : html`<h4>${caption}</h4>`}
      <vs-table
        .model=${rank === '' ? table : { ...table, caption: `${rank}: ${caption}` }}
        first="12"
      ></vs-table>`;
  }
}
