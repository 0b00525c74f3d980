/**
 * The first picture of a file while the rest of it is worked out: reserved and requested bytes of its first device, with
 * a line that says what is to come. Nothing can be asked of it yet.
 */
import { LitElement, css, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatInteger, type ByteUnit } from '../../base/units.ts';
import type { Preview } from '../../engine/protocol.ts';
import { controls } from '../parts/theme.ts';
import '../device/vs-timeline.ts';
import type { Job } from './session.ts';
import './vs-empty.ts';

/** Before anything is open: the first curves of what is being read, and till then the ways to open something. */
export function renderFirstPicture(jobs: readonly Job[], unit: ByteUnit, dark: boolean): unknown {
  const job = jobs.find(({ previews }) => previews.length > 0);
  return job === undefined
    ? html`<vs-empty></vs-empty>`
    : html`<vs-preview
        .file=${job.file}
        .preview=${job.previews[0]}
        .unit=${unit}
        ?dark=${dark}
      ></vs-preview>`;
}

@customElement('vs-preview')
export class VsPreview extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        padding: 16px 24px;
      }
      h1 {
        font-size: 18px;
      }
      p {
        margin: 4px 0 16px;
      }
    `,
  ];

  @property() file = '';
  @property({ attribute: false }) preview!: Preview;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;

  override render(): unknown {
    const { file, preview, unit, dark } = this;
    const { answer, series, rows, device } = preview;
    return html`
      <h1>${file}</h1>
      <p class="quiet">
        GPU ${device}, ${formatInteger(rows)} events. Allocated memory, fragmentation and the diagnosis are
        being worked out.
      </p>
      <vs-timeline
        heading=${answer.range.axis === 'time' ? 'Memory over time' : 'Memory over events'}
        .answer=${answer}
        .series=${series}
        .span=${answer.range}
        .axis=${answer.range.axis}
        .unit=${unit}
        ?dark=${dark}
      ></vs-timeline>
    `;
  }
}
