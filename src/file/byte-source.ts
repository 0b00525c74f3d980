/** Where bytes come from, the same for a dropped File, a file on disk in Node, and a gunzipped stream. */
export interface ByteSource {
  readonly name: string;
  /** Size in bytes as stored. */
  readonly size: number;
  /** The bytes [start, start + length), fewer at the end of the file. Throws TraceError 'io'. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** The same, synchronously (worker and Node only): what SQLite's VFS needs. */
  readSync(start: number, length: number): Uint8Array;
}
