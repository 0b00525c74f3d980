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
          ? '; no stack alone sets free more than its blocks take'
          : `; free ${exactly(best.block_bytes)} in ${count(best.blocks, 'block')} of ${best.by}, and ${exactly(best.released_bytes)} goes back`;
      return `  device ${device}: ${exactly(pinned)} are free and pinned by live blocks${together}${what}`;
    });
  return lines.length === 0 ? [] : ['', 'What keeps free memory from going back at the end', ...lines];
}
