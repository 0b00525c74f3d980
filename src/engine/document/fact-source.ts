/** What the one who reads a source knows of it and the file does not say. */
export interface AboutSource {
  /** Path below the folder that was given: names the source in every table. */
  readonly source: string;
  readonly rankNumber: number | null;
  /** "": none. */
  readonly group: string;
  /** Size of the file. */
  readonly bytes: number;
  readonly fingerprint: string;
}
