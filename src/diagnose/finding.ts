/** What a diagnosis says: plain data, small enough to cross to the page and to be printed. */

/** How far a statement can be relied on. `certain`: it follows from the recording; `low`: one of several readings. */
export type Confidence = 'certain' | 'high' | 'medium' | 'low';

/** How much it matters. `problem`: something to fix; `risk`: it can become one; `info`: it explains; `good`: it is in order. */
export type Severity = 'problem' | 'risk' | 'info' | 'good';

/** One fact behind a finding, and where to look at it. */
export interface Evidence {
  /** A sentence with its numbers. */
  readonly text: string;
  /** Row of the device's events to show; null: none. */
  readonly row: number | null;
  /** First and last row of a window to show; null: none. */
  readonly rows: readonly [number, number] | null;
  /** Stack to show (node of the source's stack table); null: none. */
  readonly stack: number | null;
}

export const evidence = (text: string, where: Partial<Omit<Evidence, 'text'>> = {}): Evidence => ({
  text,
  row: null,
  rows: null,
  stack: null,
  ...where,
});

/** What a finding says, in figures: findings of the same run are held beside each other by it (same-run.ts). */
export type Claim =
  | { readonly kind: 'leak' | 'cache'; readonly source: number }
  | {
      readonly kind: 'oom';
      /** The log; null: a recording. */
      readonly source: number | null;
      /** Bytes; null: not known. Exact in a recording, printed in a log. */
      readonly requested: number | null;
      readonly free: number | null;
      readonly allocated: number | null;
    };

/** A log whose own finding stands with a recording's. */
export interface ToldBy {
  /** Id of the log's source. */
  readonly source: number;
  /** File of the recording. */
  readonly recording: string;
}

/** Texts hold amounts as base/amounts.ts writes them, and in remedies mark what can be copied (words.ts). */
export interface Finding {
  /** Stable: the rule's file name, e.g. "linear-leak". */
  readonly id: string;
  /** "<source id>:<device>" of a device's finding; null: about a log, a server or several sources. */
  readonly deviceKey: string | null;
  readonly device: number | null;
  readonly severity: Severity;
  /** A few words: "A leak of 12.1 MiB per iteration". */
  readonly title: string;
  /** The answer to what one asks first, in a few words ("A limit of the process refused it"); absent: the title is it. */
  readonly headline?: string;
  /** One to three sentences that an expert would sign. */
  readonly verdict: string;
  readonly confidence: Confidence;
  /** Why that much and no more. */
  readonly confidenceWhy: string;
  readonly evidence: readonly Evidence[];
  /** Environment line, flag or code to change; null: nothing to do. */
  readonly remedy: string | null;
  /** Bytes that the remedy gives back; null: not computed. Never a guess. */
  readonly gainBytes: number | null;
  /** How the gain was computed: "replayed under ...", "0.95 - 0.90 of 80 GiB". null where gainBytes is. */
  readonly gainHow: string | null;
  /** What would change the verdict. */
  readonly wouldChange: string;
  /** Why its confidence was lowered: what is damaged in its files (damage.ts); absent: nothing is. */
  readonly damage?: string;
  /** Only among the rules; those who read findings do not get it. */
  readonly claim?: Claim;
  /** Logs of the same run that tell the same, and the recording that it is said of (same-run.ts); absent: none. */
  readonly toldBy?: readonly ToldBy[];
  /** The same finding about other devices of the source, complete with their own rows; absent: about this one alone. */
  readonly also?: readonly Finding[];
}
