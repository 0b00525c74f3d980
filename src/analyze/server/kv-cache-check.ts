/** Whether what a server printed of its KV cache agrees with itself, and with a model's config. */
import { type Bounds, type Measured, boundsOf, point } from '../../base/measured.ts';
import { capacityOfBlocks, type KvPlan } from './kv-cache.ts';
import { type KvFacts } from './kv-cache-log.ts';

export interface KvCheck {
  readonly what: string;
  readonly printed: number;
  /** What it should be; a range where digits are missing. */
  readonly computed: Bounds;
  readonly agrees: boolean;
}

const check = (what: string, printed: Measured, computed: Bounds): KvCheck => ({
  what,
  printed: printed.value,
  computed,
  agrees:
    printed.value + printed.error >= computed.least - 1e-9 &&
    printed.value - printed.error <= computed.most + 1e-9,
});

/**
 * Whether the printed figures follow from each other, were all layers alike. Where they do not, layers keep unlike
 * numbers of tokens (`shape` is 'mixed' then), or the log is of two servers.
 */
export function checkKvFacts(facts: KvFacts): KvCheck[] {
  const checks: KvCheck[] = [];
  const { tokens, blocks, blockSize, maxModelLen, concurrency } = facts;
  if (tokens === null) return checks;
  const held = blocks !== null && blockSize !== null && facts.blocksPrinted ? blocks : null;
  if (held !== null && blockSize !== null) {
    const byBlocks = held * blockSize;
    // Newer versions print concurrency x max-model-len, which is less where the length is no whole blocks.
    const byLength =
      maxModelLen === null ? byBlocks : Math.floor((held * maxModelLen) / Math.ceil(maxModelLen / blockSize));
    const printed = { value: tokens, error: 0 };
    checks.push(
      check('tokens = blocks x block size', printed, point(tokens === byLength ? byLength : byBlocks)),
    );
  }
  if (maxModelLen !== null && concurrency !== null) {
    checks.push(check('concurrency = tokens / max-model-len', concurrency, point(tokens / maxModelLen)));
  }
  return checks;
}

/**
 * Whether the printed figures are what a model of this layout gets from the printed bytes. Every check that the log
 * allows: bytes a token, blocks, tokens, concurrency.
 */
export function checkKvPlan(facts: KvFacts, plan: KvPlan): KvCheck[] {
  const checks: KvCheck[] = [];
  const { bytes, blocks, tokens, maxModelLen, concurrency } = facts;
  if (facts.bytesPerToken !== null) {
    const expected = { value: plan.bytesPerTokenPerRank, error: 0 };
    checks.push(check('bytes per token and rank', expected, facts.bytesPerToken));
  }
  const per = Math.max(...plan.stages.map(({ bytesPerBlock }) => bytesPerBlock));
  let range: Bounds | null = null;
  if (bytes !== null && plan.stages.length === 1) {
    const { least: low, most: high } = boundsOf(bytes);
    range = { least: Math.floor(low / per), most: Math.floor(high / per) };
  } else if (blocks !== null) range = point(blocks);
  if (range === null) return checks;
  if (blocks !== null) checks.push(check('blocks', { value: blocks, error: 0 }, range));
  if (maxModelLen === null) return checks;
  const least = capacityOfBlocks(plan, range.least, maxModelLen);
  const most = capacityOfBlocks(plan, range.most, maxModelLen);
  if (tokens !== null) {
    const printed = { value: tokens, error: 0 };
    const byBlocks = check('tokens', printed, { least: least.tokensByBlocks, most: most.tokensByBlocks });
    const byLength = check('tokens', printed, { least: least.tokensByLength, most: most.tokensByLength });
    checks.push(byBlocks.agrees ? byBlocks : byLength);
  }
  if (concurrency !== null) {
    checks.push(check('concurrency', concurrency, { least: least.concurrency, most: most.concurrency }));
  }
  return checks;
}
