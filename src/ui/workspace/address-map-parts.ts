/** Parts of the address map beside its picture: what pins a hole, the legend, and what to record where there is nothing. */
import { html, nothing, svg } from 'lit';
import { type ByteUnit, formatBytes } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { AddressMapAnswer, HoleAnswer, HoleBlock } from '../../engine/protocol.ts';
import { endWords, holeWords } from '../../view/workspace/address-map-words.ts';
import { groupColour } from '../../view/workspace/group-colours.ts';

/** Pins that are listed. */
const MOST_PINS = 12;

const STATES: readonly (readonly [string, string, (answer: AddressMapAnswer) => number])[] = [
  ['rounding', 'Rounding of blocks', ({ totals }) => totals.allocated - totals.requested],
  ['pending', 'Freed, waiting for another stream', ({ totals }) => totals.pending],
  ['pinned', 'Free but pinned', ({ totals }) => totals.pinned],
  ['releasable', 'Free and releasable', ({ totals }) => totals.releasable],
  ['idle', 'Free in private pools', ({ totals }) => totals.idle],
];

export function renderHole(hole: HoleAnswer, unit: ByteUnit, pick: (life: number) => void): unknown {
  const block = (one: HoleBlock, words = ''): unknown =>
    html`<li>
      <button class="link" @click=${() => pick(one.life)}>${one.label}</button>
      <span>${words}${formatBytes(one.size, unit)}, ${endWords(one)}</span>
    </li>`;
  const rest = hole.pinsTotal - Math.min(MOST_PINS, hole.pins.length);
  return html`<section class="hole">
    <h2>What pins it</h2>
    ${holeWords(hole, unit).map((sentence) => html`<p>${sentence}</p>`)}
    ${
      hole.pins.length === 0
        ? nothing
        : html`<ul class="pins">
            ${hole.pins.slice(0, MOST_PINS).map((one) => block(one))}
          </ul>`
    }
    ${rest > 0 ? html`<p class="quiet">and ${count(rest, 'smaller block')}</p>` : nothing}
    ${
      hole.before === null && hole.after === null
        ? nothing
        : html`<h2>Beside it</h2>
            <ul class="pins">
              ${hole.before === null ? nothing : block(hole.before, 'before it: ')}
              ${hole.after === null ? nothing : block(hole.after, 'behind it: ')}
            </ul>`
    }
  </section>`;
}

export function renderLegend(answer: AddressMapAnswer, dark: boolean): unknown {
  const { names, hasRest } = answer.colours;
  const used = new Set(answer.blocks.group);
  const states = STATES.filter(([, , bytes]) => bytes(answer) > 0);
  return html`<h2>Legend</h2>
    <ul class="legend" data-theme=${dark ? 'dark' : 'light'}>
      ${names.map((name, group) =>
        used.has(group)
          ? html`<li>
              <span
                class="swatch"
                .style=${`background: var(--curve-${groupColour(group, names.length, hasRest)})`}
              ></span
              ><span>${name}</span>
            </li>`
          : nothing,
      )}
      ${states.map(([kind, words]) => html`<li><span class="swatch ${kind}"></span><span>${words}</span></li>`)}
    </ul>`;
}

export const renderNothing = (): unknown =>
  html`<div class="empty">
    <p>
      The file holds neither events nor a state of this device's memory: there is nothing to lay out by
      address.
    </p>
    <pre>
torch.cuda.memory._record_memory_history(max_entries=1_000_000)
...  # the part whose memory grows
torch.cuda.memory._dump_snapshot("snapshot.pickle")</pre>
    <p>Open snapshot.pickle here: it holds both.</p>
  </div>`;

/** Drawn, for not every font has the signs of a player. */
const ICONS = {
  first: 'M3 3v10h2V3zM13 3 6 8l7 5z',
  back: 'M12 3 5 8l7 5z',
  play: 'M4 3l9 5-9 5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  next: 'M4 3l7 5-7 5z',
  last: 'M3 3l7 5-7 5zM11 3v10h2V3z',
} as const;
export type StepIcon = keyof typeof ICONS;

export const stepIcon = (icon: StepIcon): unknown =>
  html`<svg width="16" height="16" aria-hidden="true">
    ${svg`<path d=${ICONS[icon]} fill="currentColor"></path>`}
  </svg>`;
