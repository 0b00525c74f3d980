/** What a server's log does not say and its reader may know: GPUs of a pod, the model's config.json. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { ServerGiven, ServerView } from '../../engine/protocol.ts';
import { parseConfigText, parseGpus } from '../../view/serving/serving-given.ts';
import { controls } from '../parts/theme.ts';

/** Detail of `server-given`. */
export interface ServerGivenChange {
  readonly source: number;
  readonly given: ServerGiven;
}

@customElement('vs-serving-given')
export class VsServingGiven extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        font-size: 13px;
      }
      summary {
        color: var(--text);
      }
      form {
        display: grid;
        gap: 10px;
        max-width: 720px;
        margin-top: 10px;
      }
      label {
        display: grid;
        gap: 4px;
      }
      input,
      textarea {
        font: inherit;
        color: inherit;
        background: var(--panel);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
      }
      input {
        width: 9ch;
        height: 28px;
        padding: 0 8px;
      }
      textarea {
        width: 100%;
        min-height: 96px;
        padding: 6px 8px;
        font-family: var(--mono);
        font-size: 12px;
        resize: vertical;
      }
      input[aria-invalid='true'],
      textarea[aria-invalid='true'] {
        border-color: var(--bad);
      }
      .problem {
        color: var(--bad);
      }
      .buttons {
        display: flex;
        gap: 8px;
      }
    `,
  ];

  @property({ attribute: false }) server!: ServerView;
  @state() private problem = '';
  @state() private problemOfText = '';

  @query('input') private readonly gpus!: HTMLInputElement;
  @query('textarea') private readonly config!: HTMLTextAreaElement;

  override render(): unknown {
    const { server, problem, problemOfText } = this;
    const world = server.worldSize === null ? '' : `; the log prints a world size of ${server.worldSize}`;
    const { modelConfig, modelError } = server;
    const wrong = modelError === null ? problemOfText : modelError;
    return html`<details ?open=${modelConfig !== null}>
      <summary>Tell what the log does not say: GPUs of a pod, config.json of the model</summary>
      <form novalidate @submit=${(event: Event) => this.submit(event)}>
        <label>
          <span>GPUs of one pod <span class="quiet">(empty: as many as the log names${world})</span></span>
          <input
            inputmode="numeric"
            autocomplete="off"
            .value=${server.gpusPerPod === null ? '' : String(server.gpusPerPod)}
            aria-invalid=${problem === '' ? 'false' : 'true'}
            aria-describedby=${problem === '' ? nothing : 'problem'}
          />
        </label>
        ${problem === '' ? nothing : html`<p id="problem" class="problem" role="alert">${problem}</p>`}
        <label>
          <span>config.json of the model <span class="quiet">(its text; it stays in this page)</span></span>
          <textarea
            spellcheck="false"
            placeholder='{ "num_hidden_layers": 32, ... }'
            .value=${modelConfig ?? ''}
            aria-invalid=${wrong === '' ? 'false' : 'true'}
            aria-describedby=${wrong === '' ? nothing : 'wrong-config'}
          ></textarea>
        </label>
        ${wrong === '' ? nothing : html`<p id="wrong-config" class="problem" role="alert">${wrong}</p>`}
        <div class="buttons">
          <button class="primary" type="submit">Use these</button>
          <button type="button" @click=${() => this.forget()}>Forget them</button>
        </div>
      </form>
    </details>`;
  }

  private submit(event: Event): void {
    event.preventDefault();
    const gpus = parseGpus(this.gpus.value);
    this.problem = gpus.ok ? '' : gpus.error;
    if (!gpus.ok) return this.gpus.focus();
    const config = parseConfigText(this.config.value);
    this.problemOfText = config.ok ? '' : config.error;
    if (!config.ok) return this.config.focus();
    this.tell({ gpusPerPod: gpus.value, modelConfig: config.value });
  }

  private forget(): void {
    this.gpus.value = '';
    this.config.value = '';
    this.problem = '';
    this.problemOfText = '';
    this.tell({ gpusPerPod: null, modelConfig: null });
  }

  private tell(given: ServerGiven): void {
    const detail: ServerGivenChange = { source: this.server.sourceId, given };
    this.dispatchEvent(new CustomEvent('server-given', { detail, bubbles: true, composed: true }));
  }
}
