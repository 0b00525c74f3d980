/**
 * What another setting would change, where the log alone does not suffice (layers with sliding windows, a dtype that
 * is "auto"): by the layout of the model that its config.json tells, on the bytes that the log printed.
 *
 * The layout must first give what the log printed; a config of another model is refused.
 */
import { capacityOfBlocks, longestModelLen, planKvCache, type KvPlan, type KvSetup } from './kv-cache.ts';
import { checkKvPlan } from './kv-cache-check.ts';
import { rangeOf, type KvFacts, type Range } from './kv-cache-log.ts';
import { type KvWhatIf, refuse as refuseChange } from './kv-cache-what-if.ts';

export interface KvChange {
  readonly maxModelLen?: number;
  readonly kvDtype?: string;
  readonly blockSize?: number;
  readonly hybrid?: boolean;
  /** Bytes that a rank's cache gains or (below zero) loses by a change elsewhere: utilization, weights. */
  readonly gained?: Range;
}

export interface KvModelWhatIf extends KvWhatIf {
  /** Bytes of one token in all layers on one rank, sliding layers counted as if they kept all. */
  readonly bytesPerTokenPerRank: number | null;
  /** The longest request of which one fits, in tokens, up to what the model is made for. */
  readonly longestRequest: Range | null;
}

const refuse = (setting: string, refused: string): KvModelWhatIf => ({
  ...refuseChange(setting, refused),
  bytesPerTokenPerRank: null,
  longestRequest: null,
});

const nameOf = (change: KvChange): string =>
  [
    change.maxModelLen === undefined ? null : `--max-model-len ${change.maxModelLen}`,
    change.kvDtype === undefined ? null : `--kv-cache-dtype ${change.kvDtype}`,
    change.blockSize === undefined ? null : `--block-size ${change.blockSize}`,
    change.hybrid === false ? '--disable-hybrid-kv-cache-manager' : null,
    change.gained === undefined ? null : 'other bytes for the KV cache',
  ]
    .filter((text) => text !== null)
    .join(' ');

const blocksIn = (plan: KvPlan, bytes: number): number =>
  Math.max(0, Math.min(...plan.stages.map(({ bytesPerBlock }) => Math.floor(bytes / bytesPerBlock))));

/**
 * Applies a change to a server whose log and model are known.
 *
 * @param setup The server as it runs.
 */
export function withModel(facts: KvFacts, setup: KvSetup, change: KvChange): KvModelWhatIf {
  const setting = nameOf(change);
  const now = planKvCache(setup);
  if (!now.ok) return refuse(setting, now.error);
  const wrong = checkKvPlan(facts, now.value).find(({ agrees }) => !agrees);
  if (wrong !== undefined) {
    return refuse(
      setting,
      `The config does not give what the log printed: ${wrong.what} is ${wrong.printed} there and ${wrong.computed.low} to ${wrong.computed.high} by the config.`,
    );
  }
  const maxModelLen = change.maxModelLen ?? facts.maxModelLen;
  if (facts.bytes === null) return refuse(setting, 'The log does not print the bytes of the KV cache.');
  if (maxModelLen === null) return refuse(setting, 'The log does not print max-model-len.');
  const then = planKvCache({
    ...setup,
    kvDtype: change.kvDtype ?? setup.kvDtype,
    blockSize: change.blockSize ?? setup.blockSize,
    hybrid: change.hybrid ?? setup.hybrid,
  });
  if (!then.ok) return refuse(setting, then.error);
  const plan = then.value;
  const gained = change.gained ?? { low: 0, high: 0 };
  const printed = rangeOf(facts.bytes);
  const bytes = { low: Math.max(0, printed.low + gained.low), high: Math.max(0, printed.high + gained.high) };
  const blocks = { low: blocksIn(plan, bytes.low), high: blocksIn(plan, bytes.high) };
  const ends = [blocks.low, blocks.high].map((count) => capacityOfBlocks(plan, count, maxModelLen));
  const tokens = ends.map(({ tokensByBlocks, tokensByLength }) =>
    plan.groups === 1 ? tokensByBlocks : tokensByLength,
  );
  const limit = setup.model.maxPositions ?? maxModelLen;
  return {
    setting,
    bytes,
    bytesGained: gained,
    tokens: { low: tokens[0], high: tokens[1] },
    concurrency: { low: ends[0].concurrency, high: ends[1].concurrency },
    refused:
      blocks.high < plan.blocksOfRequest(maxModelLen)
        ? 'Not one request of max-model-len fits: the server refuses to start.'
        : null,
    notes: ['Activation peak, CUDA graphs and non-torch memory taken as unchanged.'],
    bytesPerTokenPerRank: plan.bytesPerTokenPerRank,
    longestRequest: {
      low: longestModelLen(plan, blocks.low, limit),
      high: longestModelLen(plan, blocks.high, limit),
    },
  };
}
