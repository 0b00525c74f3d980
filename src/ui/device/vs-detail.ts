/** The panel at the right: one event or one holder, with its stack in full. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { DeviceView, HolderRow, LifeAnswer, MomentAnswer } from '../../engine/protocol.ts';
import type { Fact } from '../../view/device/moment.ts';
import { momentModel } from '../../view/device/moment.ts';
import type { StackFrame } from '../../view/parts/stack.ts';
import { noStackWords, stackFrames, stackText } from '../../view/parts/stack.ts';
import { lifeModel, lifeName } from '../../view/workspace/life.ts';
import type { WorkspaceChange } from '../../view/workspace/context.ts';
import { copyText } from '../parts/copy.ts';
import { controls } from '../parts/theme.ts';

/** Figures of a moment or of a line of a log. */
export interface FactsDetail {
  readonly kind: 'facts';
  readonly heading: string;
  readonly words: string | null;
  readonly groups: readonly { readonly title: string; readonly facts: readonly Fact[] }[];
  /** As it stands in the file. */
  readonly text: string | null;
}

export type Detail =
  | FactsDetail
  | { readonly kind: 'moment'; readonly moment: MomentAnswer }
  | { readonly kind: 'holder'; readonly holder: HolderRow; readonly frames: readonly StackFrame[] }
  | LifeDetail
  | StackDetail;

/** One allocation. */
export interface LifeDetail {
  readonly kind: 'life';
  readonly life: LifeAnswer;
  readonly frames: readonly StackFrame[];
}

/** The stack that a finding names. */
export interface StackDetail {
  readonly kind: 'stack';
  /** What the finding says of it. */
  readonly words: string;
  readonly frames: readonly StackFrame[];
  /** The event that goes with it. */
  readonly moment: MomentAnswer | null;
}

/** The event that is shown, or that goes with what is shown. */
export function momentOf(detail: Detail | null): MomentAnswer | null {
  return detail?.kind === 'moment' || detail?.kind === 'stack' ? detail.moment : null;
}

@customElement('vs-detail')
export class VsDetail extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        font-size: 13px;
      }
      header {
        display: flex;
        align-items: flex-start;
        gap: 8px;
      }
      h2 {
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
      }
      h3 {
        margin-top: 16px;
        padding-bottom: 4px;
        border-bottom: 1px solid var(--line);
      }
      dl {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 3px 12px;
        margin-top: 8px;
      }
      dt {
        color: var(--text-quiet);
      }
      dd {
        text-align: right;
        white-space: nowrap;
      }
      ol {
        margin: 6px 0 0;
        padding: 0;
        list-style: none;
      }
      li {
        padding: 4px 0;
        border-bottom: 1px solid var(--line);
        overflow-wrap: anywhere;
        line-height: 1.35;
      }
      .name {
        font-weight: 600;
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        margin-top: 12px;
      }
      .library {
        color: var(--text-quiet);
      }
      .library .name {
        font-weight: 400;
      }
      p {
        margin-top: 4px;
      }
      .text {
        margin: 6px 0 0;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) detail: Detail | null = null;
  @property({ attribute: false }) clock: DeviceView['clock'] = 'wall';
  @property({ attribute: false }) series: DeviceView['series'] = [];
  @property({ attribute: false }) producer: DeviceView['producer'] = 'torch';
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  /** What can be clicked, said while nothing was. */
  @property() hint = '';

  @state() private copied = false;

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('detail')) this.copied = false;
  }

  override render(): unknown {
    if (this.detail === null) {
      return html`
        <h2>Details</h2>
        <p class="quiet">${this.hint}</p>
      `;
    }
    switch (this.detail.kind) {
      case 'moment':
        return this.moment(this.detail.moment);
      case 'holder':
        return this.holder(this.detail);
      case 'life':
        return this.life(this.detail);
      case 'facts':
        return this.facts(this.detail);
      case 'stack':
        return this.evidence(this.detail);
    }
  }

  private moment(moment: MomentAnswer): unknown {
    const model = momentModel(moment, this.clock, this.series, this.unit);
    return html`
      ${this.heading(model.heading)}
      ${model.meaning === null ? nothing : html`<p class="quiet">${model.meaning}.</p>`}
      <dl>${model.facts.map(renderFact)}</dl>
      ${
        model.notes.length === 0
          ? nothing
          : html`<h3>In the file</h3>
              ${model.notes.map(
                ({ name, value, mono }) =>
                  html`<p class="quiet">${name}</p>
                    <div class="text ${mono ? 'mono' : ''}">${value}</div>`,
              )}`
      }
      <div class="tools">
        <button title="Event before (,)" @click=${() => this.emit('step-event', { by: -1 })}>
          Previous event
        </button>
        <button title="Event after (.)" @click=${() => this.emit('step-event', { by: 1 })}>Next event</button>
        ${
          model.partner === null
            ? nothing
            : html`<button @click=${() => this.emit('go-to-row', { row: moment.partnerRow })}>
                ${model.partner.text}
              </button>`
        }
      </div>
      <h3>Just after it</h3>
      <dl>${model.values.map(renderFact)}</dl>
      ${this.stack(stackFrames(moment.frames))}
      ${moment.forward.length === 0 ? nothing : this.forward(stackFrames(moment.forward))}
    `;
  }

  /** Where the tensor was made that a backward operator works on. */
  private forward(frames: readonly StackFrame[]): unknown {
    return html`
      <h3>Forward pass, innermost first</h3>
      ${this.frames(frames)}
    `;
  }

  private life({ life, frames }: LifeDetail): unknown {
    const model = lifeModel(life, this.clock, this.unit);
    const change = (detail: WorkspaceChange): void => this.emit('workspace-change', detail);
    return html`
      ${this.heading(model.heading)}
      <dl>${model.facts.map(renderFact)}</dl>
      ${model.siblings === '' ? nothing : html`<p class="quiet">${model.siblings}</p>`}
      <div class="tools">
        ${model.moments.map(
          ({ text, row }) => html`<button @click=${() => this.emit('go-to-row', { row })}>${text}</button>`,
        )}
        <button @click=${() => change({ filter: life.address })}>All at this address</button>
        ${
          life.stack === null
            ? nothing
            : html`<button @click=${() => change({ filter: `"${life.label.split('  ').at(-1) ?? ''}"` })}>
                Only this line
              </button>`
        }
        <button @click=${() => void copyText(lifeName(life))}>Copy name</button>
      </div>
      ${this.stack(frames)}
    `;
  }

  private holder({ holder, frames }: Extract<Detail, { kind: 'holder' }>): unknown {
    const { unit } = this;
    return html`
      ${this.heading(holder.label)}
      <p>
        Holds ${formatBytes(holder.bytes, unit)} in ${count(holder.allocations, 'allocation')}, the largest
        ${formatBytes(holder.largest, unit)}.
      </p>
      ${this.stack(frames)}
    `;
  }

  private evidence({ words, frames, moment }: StackDetail): unknown {
    return html`
      ${this.heading(words === '' ? 'Stack' : 'Evidence')} ${words === '' ? nothing : html`<p>${words}</p>`}
      ${
        moment === null
          ? nothing
          : html`<div class="tools">
              <button @click=${() => this.emit('go-to-row', { row: moment.row })}>
                Show event ${formatInteger(moment.row)}
              </button>
            </div>`
      }
      ${this.stack(frames)}
    `;
  }

  private facts({ heading, words, groups, text }: FactsDetail): unknown {
    return html`
      ${this.heading(heading)} ${words === null ? nothing : html`<p class="quiet">${words}</p>`}
      ${groups.map(
        ({ title, facts }) => html`
          ${title === '' ? nothing : html`<h3>${title}</h3>`}
          <dl>${facts.map(renderFact)}</dl>
        `,
      )}
      ${
        text === null
          ? nothing
          : html`<h3>In the file</h3>
              <pre class="text">${text}</pre>`
      }
    `;
  }

  private heading(text: string): unknown {
    return html`<header>
      <h2>${text}</h2>
      <button @click=${() => this.emit('close-detail', null)}>Close</button>
    </header>`;
  }

  private stack(frames: readonly StackFrame[]): unknown {
    return html`
      <h3>Stack, innermost first</h3>
      ${
        frames.length === 0
          ? html`<p class="quiet">${noStackWords(this.producer)}</p>`
          : html`
              ${this.frames(frames)}
              <div class="tools">
                <button @click=${() => void this.copy(frames)}>
                  ${this.copied ? 'Copied' : 'Copy stack'}
                </button>
              </div>
            `
      }
    `;
  }

  private frames(frames: readonly StackFrame[]): unknown {
    return html`<ol>
      ${frames.map(
        ({ name, place, short, library }) =>
          html`<li class=${library ? 'library' : ''}>
            <div class="name mono">${name}</div>
            <div class="mono quiet" title=${place}>${short}</div>
          </li>`,
      )}
    </ol>`;
  }

  private async copy(frames: readonly StackFrame[]): Promise<void> {
    this.copied = await copyText(stackText(frames));
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

const renderFact = (fact: Fact): unknown =>
  html`<dt>${fact.name}</dt>
    <dd class=${fact.mono ? 'mono' : ''} title=${fact.title ?? nothing}>${fact.value}</dd>`;
