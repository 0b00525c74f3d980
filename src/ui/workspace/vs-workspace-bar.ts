/**
 * The bar of a device's workspace: its views, the one filter that all of them follow, how they colour, and the link to
 * what is shown. Tells what is chosen; keeps nothing but what is being typed.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { GroupBy, LivesAnswer } from '../../engine/protocol.ts';
import type { ViewContext, ViewId, WorkspaceChange } from '../../view/workspace/context.ts';
import { VIEWS } from '../../view/workspace/context.ts';
import { whyNotShown } from '../../view/workspace/workspace-state.ts';
import type { Verdict } from '../../view/workspace/verdict.ts';
import { renderSeverity, severityStyle } from '../diagnosis/finding-severity.ts';
import { copyText } from '../parts/copy.ts';
import { controls } from '../parts/theme.ts';

const COLOURS: readonly (readonly [GroupBy, string])[] = [
  ['line', 'line of code'],
  ['stream', 'stream'],
  ['pool', 'pool'],
  ['size', 'size'],
  ['lifetime', 'lifetime'],
];

/** Words typed so far become a filter after so long without another. */
const PAUSE_MS = 180;

@customElement('vs-workspace-bar')
export class VsWorkspaceBar extends LitElement {
  static override styles = [
    controls,
    severityStyle,
    css`
      :host {
        display: block;
      }
      .row {
        display: flex;
        align-items: center;
        gap: 4px 12px;
        border-bottom: 1px solid var(--line);
      }
      .apart:last-child {
        margin-bottom: 8px;
      }
      [role='tablist'] {
        display: flex;
        flex: 0 1 auto;
        min-width: 0;
        overflow-x: auto;
        scrollbar-width: thin;
      }
      [role='tab'] {
        height: 36px;
        padding: 0 12px;
        border: 0;
        border-bottom: 2px solid transparent;
        border-radius: 0;
        background: none;
      }
      [role='tab']:hover:not(:disabled) {
        border-color: transparent;
      }
      [role='tab'][aria-selected='true'] {
        border-bottom-color: var(--accent);
        font-weight: 600;
      }
      [role='tab']:focus-visible {
        outline-offset: -3px;
      }
      kbd {
        margin-left: 6px;
        font: 11px var(--mono);
        color: var(--text-quiet);
      }
      .space {
        flex: 1;
      }
      .row > * {
        flex-shrink: 0;
      }
      .row > [role='tablist'] {
        flex-shrink: 1;
      }
      .row > .verdict {
        flex-shrink: 1;
      }
      .verdict {
        display: flex;
        flex: 1 1 0;
        gap: 6px;
        align-items: center;
        justify-content: flex-end;
        min-width: 0;
        overflow: hidden;
        border-color: transparent;
        background: none;
      }
      .verdict > span:last-child {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .filter {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 12px;
        padding: 6px 0;
      }
      .filter input {
        flex: 1 1 260px;
        min-width: 0;
        height: 28px;
        padding: 0 8px;
        font: 13px var(--mono);
        color: inherit;
        background: var(--panel);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
      }
      .filter input[aria-invalid='true'] {
        border-color: var(--bad);
      }
      .fault {
        flex: 1 0 100%;
        color: var(--bad);
        font-size: 13px;
      }
      .passed {
        font-size: 13px;
      }
      label {
        display: flex;
        align-items: center;
        gap: 6px;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) context!: ViewContext;
  @property() view: ViewId = 'overview';
  /** What the filter lets pass; null: not counted yet. */
  @property({ attribute: false }) passed: LivesAnswer | null = null;
  /** The answer in one line, where the view is not the answer itself. */
  @property({ attribute: false }) verdict: Verdict | null = null;
  /** Address of what is shown; '' where there is none. */
  @property() link = '';

  @state() private copied = false;
  @query('input') private readonly input!: HTMLInputElement | null;
  private typing = 0;

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('link')) this.copied = false;
  }

  /** "/" comes here. */
  focusFilter(): void {
    this.input?.focus();
    this.input?.select();
  }

  override render(): unknown {
    return html`
      <div class=${this.view === 'overview' ? 'row' : 'row apart'}>
        <div role="tablist" aria-label="Views" @keydown=${(event: KeyboardEvent) => this.arrow(event)}>
          ${VIEWS.map(({ id, label }, i) => this.tab(id, label, i + 1))}
        </div>
        ${this.view === 'overview' || this.verdict === null ? nothing : this.answer(this.verdict)}
        ${this.view === 'overview' ? html`<span class="space"></span>` : nothing}
        ${
          this.link === ''
            ? nothing
            : html`<button
                title="The address of this view: file, view, range, selection and filter"
                @click=${() => void this.copy()}
              >
                ${this.copied ? 'Copied' : 'Copy link'}
              </button>`
        }
      </div>
      ${['overview', 'settings', 'compare'].includes(this.view) ? nothing : this.filter()}
    `;
  }

  private answer({ question, text, severity }: Verdict): unknown {
    return html`<button
      class="verdict"
      title=${`${question} ${text}`}
      @click=${() => this.change({ view: 'overview' })}
    >
      ${severity === null ? nothing : renderSeverity(severity)}<span>${text}</span>
    </button>`;
  }

  private tab(id: ViewId, label: string, digit: number): unknown {
    const why = whyNotShown(id, this.context.device);
    const isCurrent = this.view === id;
    return html`<button
      role="tab"
      aria-selected=${isCurrent ? 'true' : 'false'}
      tabindex=${isCurrent ? '0' : '-1'}
      title=${why ?? `${label} (${digit})`}
      ?disabled=${why !== null}
      @click=${() => this.change({ view: id })}
    >
      ${label}<kbd aria-hidden="true">${digit}</kbd>
    </button>`;
  }

  private arrow(event: KeyboardEvent): void {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const open = VIEWS.filter(({ id }) => whyNotShown(id, this.context.device) === null);
    const at = open.findIndex(({ id }) => id === this.view);
    this.change({ view: open[(at + by + open.length) % open.length].id });
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus(),
    );
  }

  private filter(): unknown {
    const { context, passed } = this;
    const fault = passed?.fault ?? null;
    return html`<div class="filter">
      <input
        type="search"
        spellcheck="false"
        autocomplete="off"
        aria-label="Filter allocations"
        aria-invalid=${fault === null ? 'false' : 'true'}
        aria-describedby="passed"
        placeholder="size>1MiB  stream:7  frame:attention  lifetime<5ms  0x7fe5…  live@peak   ( / )"
        title="Sizes, streams, frames, addresses, times: every view shows what passes. ? lists all terms."
        .value=${context.filter}
        @input=${(event: Event) => this.typed((event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => this.key(event)}
      />
      <span id="passed" class="passed" role="status">${this.counted()}</span>
      ${this.view === 'map' || this.view === 'allocations' ? this.colours() : nothing}
      ${fault === null ? nothing : html`<p class="fault" role="alert">${this.faultWords(fault.from, fault.to)}: ${fault.why}.</p>`}
    </div>`;
  }

  private colours(): unknown {
    const { context } = this;
    return html`<label
      >Colour by
      <select
        @change=${(event: Event) => this.change({ colour: (event.target as HTMLSelectElement).value as GroupBy })}
      >
        ${COLOURS.filter(([by]) => by !== 'line' || context.device.hasStacks).map(
          ([by, label]) => html`<option value=${by} ?selected=${context.colour === by}>${label}</option>`,
        )}
      </select></label
    >`;
  }

  private faultWords(from: number, to: number): string {
    return `"${this.context.filter.trim().slice(from, to)}"`;
  }

  private counted(): string {
    const { passed, context } = this;
    if (passed === null || passed.fault !== null) return '';
    if (context.filter.trim() === '') return `${formatInteger(passed.all)} allocations`;
    return `${formatInteger(passed.total)} of ${formatInteger(passed.all)} allocations, ${formatBytes(passed.bytes, context.unit)}`;
  }

  private typed(text: string): void {
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.change({ filter: text }), PAUSE_MS);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === 'Enter') {
      clearTimeout(this.typing);
      this.change({ filter: (event.target as HTMLInputElement).value });
    } else if (event.key === 'Escape') {
      clearTimeout(this.typing);
      event.stopPropagation();
      if (this.input !== null) this.input.value = '';
      this.change({ filter: '' });
      this.input?.blur();
    }
  }

  private async copy(): Promise<void> {
    this.copied = await copyText(this.link);
  }

  private change(detail: WorkspaceChange): void {
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }
}
