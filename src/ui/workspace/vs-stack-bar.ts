/** What the view of stacks can be asked: measure, direction, picture, folding and its rules, search. */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { StackMeasure, StackTreeAnswer } from '../../engine/protocol.ts';
import {
  DIRECTIONS,
  FIRST_CHOICE,
  MEASURES,
  type StackChoice,
  type StackShape,
} from '../../view/workspace/stack-choice.ts';
import { foundWords } from '../../view/workspace/stack-words.ts';
import { controls } from '../parts/theme.ts';
import { barStyle } from './stacks-style.ts';

/** Tells `stack-choose` with what is to be otherwise, and `stack-leave` where the search is left. */
@customElement('vs-stack-bar')
export class VsStackBar extends LitElement {
  static override styles = [controls, barStyle];

  @property({ attribute: false }) choice: StackChoice = FIRST_CHOICE;
  @property({ attribute: false }) answer: StackTreeAnswer | null = null;
  @property({ attribute: false }) moment: number | null = null;
  @property({ type: Boolean }) hasRange = false;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @query('#search') private readonly searchBox!: HTMLInputElement | null;
  @query('#rules') private readonly rulesBox!: HTMLTextAreaElement | null;

  /** Puts the cursor where a search is typed. */
  search(): void {
    this.searchBox?.focus();
    this.searchBox?.select();
  }

  private choose(detail: Partial<StackChoice>): void {
    this.dispatchEvent(new CustomEvent('stack-choose', { detail }));
  }

  private pressed(label: string, is: boolean, press: () => void, title: string): unknown {
    return html`<button aria-pressed=${is ? 'true' : 'false'} title=${title} @click=${press}>
      ${label}
    </button>`;
  }

  override render(): unknown {
    const { choice, answer, moment, unit } = this;
    const shapes: readonly (readonly [StackShape, string, string])[] = [
      ['icicle', 'Icicle', 'Root on top'],
      ['flame', 'Flame', 'Root at the bottom'],
      ['table', 'Table', 'The same tree in figures'],
    ];
    return html`<div class="bar" role="toolbar" aria-label="Stacks">
      <select
        aria-label="What is shown"
        @change=${(event: Event) =>
          this.choose({ measure: (event.target as HTMLSelectElement).value as StackMeasure })}
      >
        ${MEASURES.map(
          ({ id, label, title }) =>
            html`<option value=${id} title=${title} ?selected=${id === choice.measure}>${label}</option>`,
        )}
      </select>
      ${
        !this.hasRange
          ? nothing
          : html`<button
              title="What is alive at the end of the chosen range less what was alive at its beginning, by stack"
              aria-pressed=${choice.measure === 'grown' && choice.a === null ? 'true' : 'false'}
              @click=${() => this.choose({ measure: 'grown', a: null })}
            >
              Growth over the range
            </button>`
      }
      ${
        choice.measure !== 'grown'
          ? nothing
          : html`<button
              title="Compare with the event that is looked at now: then choose another moment"
              ?disabled=${moment === null}
              @click=${() => this.choose({ a: moment })}
            >
              Set A to this moment
            </button>`
      }
      <span class="group" role="group" aria-label="Direction">
        ${DIRECTIONS.map(({ id, label, title }) =>
          this.pressed(
            label,
            choice.direction === id,
            () => this.choose({ direction: id, focus: [] }),
            title,
          ),
        )}
      </span>
      <span class="group" role="group" aria-label="Picture">
        ${shapes.map(([id, label, title]) =>
          this.pressed(label, choice.shape === id, () => this.choose({ shape: id }), title),
        )}
      </span>
      ${this.pressed('Fold framework', choice.fold, () => this.choose({ fold: !choice.fold }), 'Fold frames that the rules name into their caller (h)')}
      <details>
        <summary>Frames</summary>
        <div class="rules">
          <label
            ><input
              type="checkbox"
              .checked=${choice.collapse}
              @change=${() => this.choose({ collapse: !choice.collapse })}
            />
            Recursion counts as its outermost call</label
          >
          <label
            ><input
              type="checkbox"
              .checked=${choice.cpp}
              @change=${() => this.choose({ cpp: !choice.cpp })}
            />
            C++ frames that no rule folds</label
          >
          <label for="rules"
            >Frames that are folded: a rule a line; <code>!</code> before it keeps them</label
          >
          <textarea
            id="rules"
            rows="6"
            spellcheck="false"
            .value=${(choice.rules ?? answer?.rules ?? []).join('\n')}
          ></textarea>
          <div>
            <button
              @click=${() => this.choose({ fold: true, rules: (this.rulesBox?.value ?? '').split('\n') })}
            >
              Fold these
            </button>
            <button @click=${() => this.choose({ rules: null })}>Defaults</button>
          </div>
          <ul>
            ${(answer?.ruleSets ?? []).map(([name, what]) => html`<li><code>${name}</code> ${what}</li>`)}
            <li><code>some/text</code> or <code>/expression/</code>: in the name, or in file:line</li>
          </ul>
          ${
            answer === null
              ? nothing
              : html`<p>${answer.hiddenFrames} of ${answer.seenFrames} frames in these stacks are folded.</p>`
          }
        </div>
      </details>
      <span class="search">
        <input
          id="search"
          type="search"
          placeholder="Find frames"
          aria-label="Find frames: text or /expression/"
          .value=${choice.search}
          @input=${(event: Event) => this.choose({ search: (event.target as HTMLInputElement).value })}
          @keydown=${(event: KeyboardEvent) => this.searchKey(event)}
        />
        <span role="status" id="found"
          >${
            answer === null
              ? ''
              : answer.fault?.of === 'search'
                ? answer.fault.why
                : foundWords(answer, choice.search, unit)
          }</span
        >
      </span>
    </div>`;
  }

  private searchKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    event.preventDefault();
    this.choose({ search: '' });
    this.dispatchEvent(new CustomEvent('stack-leave'));
  }
}
