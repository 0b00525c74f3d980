/** What every chart over time is given, whatever it draws: the span that is shown, and what is marked on it. */
import { LitElement } from 'lit';
import { property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { Span } from '../../view/parts/viewport.ts';

export class ChartElement extends LitElement {
  @property({ attribute: false }) span: Span = { from: 0, to: 1 };
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;
  /** A drag chooses a range. */
  @property({ type: Boolean }) selecting = false;
  /** x of the pointer, over this chart or another of the same axis. */
  @property({ attribute: false }) hoverX: number | null = null;
  @property({ attribute: false }) selection: Span | null = null;
  @property({ attribute: false }) marks: readonly number[] = [];
  /** x of what the panel shows. */
  @property({ attribute: false }) pinned: number | null = null;
}
