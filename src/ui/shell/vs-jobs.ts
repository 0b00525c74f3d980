/** Files being read: how far, in which stage, and a way to stop. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import { describeProgress } from '../../view/parts/words.ts';
import type { Job } from './session.ts';
import { controls } from '../parts/theme.ts';

/** At most so many lines; the rest is counted. */
const MOST_LINES = 4;

@customElement('vs-jobs')
export class VsJobs extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      ul {
        display: grid;
        gap: 8px;
        padding: 12px 24px;
        border-bottom: 1px solid var(--line);
        background: var(--panel);
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: minmax(120px, auto) minmax(160px, 1fr) minmax(250px, auto) auto;
        align-items: center;
        gap: 16px;
      }
      .name {
        font-weight: 600;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      li.rest {
        grid-template-columns: 1fr auto;
      }
      progress {
        width: 100%;
        height: 6px;
        appearance: none;
        border: 0;
        border-radius: 3px;
        overflow: hidden;
        background: var(--line);
        accent-color: var(--accent);
      }
      progress::-webkit-progress-bar {
        background: var(--line);
      }
      progress::-webkit-progress-value {
        background: var(--accent);
      }
      progress::-moz-progress-bar {
        background: var(--accent);
      }
    `,
  ];

  @property({ attribute: false }) jobs: readonly Job[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    return html`<ul aria-label="Files being read">
      ${this.jobs.slice(0, MOST_LINES).map(
        (job) =>
          html`<li>
            <span class="name" title=${job.file}>${job.file}</span>
            <progress
              aria-label=${`Reading ${job.file}`}
              max=${Math.max(1, job.progress.totalBytes)}
              .value=${Math.min(job.progress.doneBytes, Math.max(1, job.progress.totalBytes))}
            ></progress>
            <span class="quiet">${describeProgress(job.progress, this.unit)}</span>
            <button ?disabled=${job.cancelling} @click=${() => this.cancel(job.id)}>
              ${job.cancelling ? 'Cancelling' : 'Cancel'}
            </button>
          </li>`,
      )}
      ${
        this.jobs.length > MOST_LINES
          ? html`<li class="rest quiet">
              <span>and ${count(this.jobs.length - MOST_LINES, 'more file')}</span>
              <button @click=${() => this.jobs.slice(MOST_LINES).forEach(({ id }) => this.cancel(id))}>
                Cancel these
              </button>
            </li>`
          : nothing
      }
    </ul>`;
  }

  private cancel(job: number): void {
    this.dispatchEvent(new CustomEvent('cancel-job', { detail: { job }, bubbles: true, composed: true }));
  }
}
