/** What is said of the clocks of all open sources: plain data. */

/** The clock of one source beside the common one. */
export interface SourceClock {
  readonly sourceId: number;
  readonly file: string;
  readonly clock: 'wall' | 'local' | 'session' | 'none';
  /**
   * reference, override, found, inside, placed, stated, assumed, ambiguous, not found. 'inside': its times fit into
   * the recording in one time zone only. 'placed': no clock, but its lines have their place by what they print.
   */
  readonly status: string;
  /** Add to the source's times to get the common clock; null: not known. */
  readonly offsetNs: bigint | null;
  /** "+2 h"; null where the offset is. */
  readonly offsetText: string | null;
  /** Within this, both ways; null: not known. */
  readonly uncertaintyNs: number | null;
  readonly zoneMinutes: number | null;
  /** Steps that match, of those that could; both 0 where steps had no say. */
  readonly matched: number;
  readonly of: number;
  readonly residual: { readonly medianNs: number; readonly maxNs: number } | null;
  readonly confidence: 'high' | 'medium' | 'low' | 'none';
  /** File whose curve it was matched with. */
  readonly reference: string | null;
  /** Likely, and not applied. */
  readonly suggestedNs: bigint | null;
  readonly suggestedText: string | null;
  readonly sentence: string;
}

export interface Disagreement {
  /**
   * Contradictions: used_below_reserved, different, never, budget_above_reserved. Observations: non_torch_change,
   * non_torch_drift, constant_difference.
   */
  readonly kind: string;
  /** The one that is doubted first. */
  readonly sourceIds: readonly [number, number];
  readonly files: readonly [string, string];
  readonly device: number | null;
  /** Absolute ns on the common clock; null: it has no time. */
  readonly fromNs: bigint | null;
  readonly toNs: bigint | null;
  readonly count: number;
  readonly values: readonly { readonly label: string; readonly least: number; readonly most: number }[];
  readonly allowedBytes: number;
  readonly differenceBytes: number;
  readonly sentence: string;
}

/** All sources on one clock, and where they disagree on it. */
export interface ClocksAnswer {
  readonly clocks: readonly SourceClock[];
  /** Sources that cannot both be right. */
  readonly contradictions: readonly Disagreement[];
  /** True and worth knowing: memory besides PyTorch's that changed, sources that count differently. */
  readonly observations: readonly Disagreement[];
  /** Comparisons made: how many samples or lines were held against another source. */
  readonly compared: number;
}
