/** What keeps free memory from going back, as text for a terminal: a line a device. */
import { count } from '../base/words.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import type { AnalysisPins } from '../engine/document/pins.ts';

const exactly = (bytes: number): string => `${formatBytes(bytes, 'binary')} (${formatInteger(bytes)} B)`;

/** Nothing for devices on which nothing is pinned. */
export function pinLines(pins: readonly AnalysisPins[]): string[] {
  const lines = pins
    .filter(({ pinned_bytes: bytes }) => bytes > 0)
    .map(({ device, pinned_bytes: pinned, shared_bytes: shared, alone }) => {
      // As on the page: of those that set free more than they take, the one that sets free most.
      const best = alone.find((one) => one.unpinned_bytes > one.block_bytes);
      const together = shared > 0 ? `, ${exactly(shared)} of it by several stacks together` : '';
      const what =
        best === undefined
          ? '; no stack alone keeps more than its own blocks take'
          : `; ${count(best.blocks, 'block')} of ${best.by} (${exactly(best.block_bytes)}) ${best.blocks === 1 ? 'keeps' : 'keep'} ${exactly(best.unpinned_bytes)} of free memory from being released`;
      return `  device ${device}: ${exactly(pinned)} are free and pinned by live blocks${together}${what}`;
    });
  return lines.length === 0 ? [] : ['', 'What keeps free memory from being released at the end', ...lines];
}
