/**
 * What another setting would change, where the log alone does not suffice (layers with sliding windows, a dtype that
 * is "auto"): by the layout of the model that its config.json tells, on the bytes that the log printed.
 *
 * The layout must first give what the log printed; a config of another model is refused.
 */
import { type Bounds, boundsOf } from '../../base/measured.ts';
import { capacityOfBlocks, longestModelLen, planKvCache, type KvPlan, type KvSetup } from './kv-cache.ts';
import { checkKvPlan } from './kv-cache-check.ts';
import { type KvFacts } from './kv-cache-log.ts';
import { type KvWhatIf, refuse as refuseChange } from './kv-cache-what-if.ts';

export interface KvChange {
  readonly maxModelLen?: number;
  readonly kvDtype?: string;
  readonly blockSize?: number;
  readonly hybrid?: boolean;
  /** Bytes that a rank's cache gains or (below zero) loses by a change elsewhere: utilization, weights. */
  readonly gained?: Bounds;
}

export interface KvModelWhatIf extends KvWhatIf {
  /** Bytes of one token in all layers on one rank, sliding layers counted as if they kept all. */
  readonly bytesPerTokenPerRank: number | null;
  /** The longest request of which one fits, in tokens, up to what the model is made for. */
  readonly longestRequest: Bounds | null;
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
      `The config does not give what the log printed: ${wrong.what} is ${wrong.printed} there and ${wrong.computed.least} to ${wrong.computed.most} by the config.`,
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
  const gained = change.gained ?? { least: 0, most: 0 };
  const printed = boundsOf(facts.bytes);
  const bytes = {
    least: Math.max(0, printed.least + gained.least),
    most: Math.max(0, printed.most + gained.most),
  };
  const blocks = { least: blocksIn(plan, bytes.least), most: blocksIn(plan, bytes.most) };
  const ends = [blocks.least, blocks.most].map((count) => capacityOfBlocks(plan, count, maxModelLen));
  const tokens = ends.map(({ tokensByBlocks, tokensByLength }) =>
    plan.groups === 1 ? tokensByBlocks : tokensByLength,
  );
  const limit = setup.model.maxPositions ?? maxModelLen;
  return {
    setting,
    bytes,
    bytesGained: gained,
    tokens: { least: tokens[0], most: tokens[1] },
    concurrency: { least: ends[0].concurrency, most: ends[1].concurrency },
    refused:
      blocks.most < plan.blocksOfRequest(maxModelLen)
        ? 'Not one request of max-model-len fits: the server refuses to start.'
        : null,
    notes: ['Activation peak, CUDA graphs and non-torch memory taken as unchanged.'],
    bytesPerTokenPerRank: plan.bytesPerTokenPerRank,
    longestRequest: {
      least: longestModelLen(plan, blocks.least, limit),
      most: longestModelLen(plan, blocks.most, limit),
    },
  };
}
