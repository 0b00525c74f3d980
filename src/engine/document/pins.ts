/** Who keeps free memory from going back, as `analyze --json` prints it (docs/cli.md). */
import { withAmounts } from '../../base/amounts.ts';
import type { Diagnosis, PinReleaseView } from '../diagnosis.ts';

/** What freeing some blocks, then empty_cache(), gives back; bytes. */
interface AnalysisRelease {
  readonly blocks: number;
  readonly block_bytes: number;
  readonly released_bytes: number;
  /** Of them: free already, and pinned by these blocks. */
  readonly unpinned_bytes: number;
}

/** Live blocks that keep free memory of the default pool from going back, at the end of a recording. */
export interface AnalysisPins {
  /** Index into `sources`. */
  readonly source: number | null;
  readonly device: number;
  /** Just after this row. */
  readonly row: number;
  /** alone_bytes + shared_bytes: held by one stack alone, by several together. */
  readonly pinned_bytes: number;
  readonly alone_bytes: number;
  readonly shared_bytes: number;
  /** Free beside live blocks of private pools; not part of pinned_bytes. */
  readonly private_bytes: number;
  /** Most unpinned bytes first, at most 50 of `alone_total`. `row`: where the first of the blocks was allocated. */
  readonly alone: readonly (AnalysisRelease & { readonly by: string; readonly row: number | null })[];
  readonly alone_total: number;
  /** Stacks that hold segments together; each row adds to those before it. */
  readonly together: readonly (AnalysisRelease & {
    readonly added: readonly string[];
    readonly stacks: number;
  })[];
}

const releaseOf = ({
  blocks,
  blockBytes,
  releasedBytes,
  unpinnedBytes,
}: PinReleaseView): AnalysisRelease => ({
  blocks,
  block_bytes: blockBytes,
  released_bytes: releasedBytes,
  unpinned_bytes: unpinnedBytes,
});

/** One for each device whose allocator was replayed to the byte. */
export const pinsOf = ({ devices }: Diagnosis, sourceOf: (key: string) => number | null): AnalysisPins[] =>
  devices.flatMap(({ deviceKey, device, pins }) =>
    pins === null
      ? []
      : [
          {
            source: sourceOf(deviceKey),
            device,
            row: pins.row,
            pinned_bytes: pins.pinnedBytes,
            alone_bytes: pins.aloneBytes,
            shared_bytes: pins.sharedBytes,
            private_bytes: pins.privateBytes,
            alone: pins.alone.map((pin) => ({
              by: withAmounts(pin.label, 'binary'),
              ...releaseOf(pin),
              row: pin.row,
            })),
            alone_total: pins.aloneTotal,
            together: pins.together.map((set) => ({
              added: set.added.map(({ label }) => withAmounts(label, 'binary')),
              stacks: set.holders,
              ...releaseOf(set),
            })),
          },
        ],
  );
