/**
 * What another setting would change in a server's KV cache, by arithmetic on the figures that its log printed.
 * Results are ranges: what the printed digits leave open is not rounded away. What the log does not hold is refused,
 * and side effects that cannot be computed (activation peak, CUDA graphs) are named.
 *
 * Bytes are those of one rank; tokens and concurrency those of the whole server.
 */
import { amount } from '../../base/amounts.ts';
import { formatInteger } from '../../base/units.ts';
import { type Bounds, type Measured, boundsOf, lessOf, point } from '../../base/measured.ts';
import { kvBytesPerTokenPerLayer } from './kv-cache.ts';
import { MOST_BLOCK, type KvFacts } from './kv-cache-log.ts';
import type { KvModel } from './kv-config.ts';

export interface KvWhatIf {
  readonly setting: string;
  /** KV cache of one rank after the change, in bytes; null where the log does not print it. */
  readonly bytes: Bounds | null;
  /** Change of that. */
  readonly bytesGained: Bounds | null;
  readonly tokens: Bounds | null;
  /** Requests of max-model-len that fit at once. */
  readonly concurrency: Bounds | null;
  /** null: the change can be made; else why it cannot, or cannot be computed. */
  readonly refused: string | null;
  /** What these figures take for granted or leave out. */
  readonly notes: readonly string[];
}

/** A change that cannot be made or computed, and why. */
export const refuse = (setting: string, refused: string): KvWhatIf => ({
  setting,
  bytes: null,
  bytesGained: null,
  tokens: null,
  concurrency: null,
  refused,
  notes: [],
});

const MIXED =
  'the layers keep unlike numbers of tokens (sliding windows or the like), so tokens do not follow from bytes alone';
const UNCHANGED = point(0);

/** Requests of `length` tokens in a cache of so many tokens; a request holds whole blocks. */
function concurrencyOf(tokens: Bounds, length: number, blockSize: number | null): Bounds {
  if (blockSize === null) return { least: tokens.least / length, most: tokens.most / length };
  const each = Math.ceil(length / blockSize);
  return {
    least: Math.floor(tokens.least / blockSize) / each,
    most: Math.floor(tokens.most / blockSize) / each,
  };
}

/** Tokens that the blocks hold: a little more than newer versions print, where the length is no whole blocks. */
const heldTokens = ({ tokens, blocks, blockSize }: KvFacts): number | null =>
  blocks !== null && blockSize !== null ? blocks * blockSize : tokens;

/** `--max-model-len`: the cache stays as large; how many of the longest requests it holds changes. */
export function withMaxModelLen(facts: KvFacts, maxModelLen: number): KvWhatIf {
  const setting = `--max-model-len ${maxModelLen}`;
  if (facts.maxModelLen === maxModelLen) return refuse(setting, 'This is in force already.');
  const held = heldTokens(facts);
  if (held === null) return refuse(setting, 'The log does not print the tokens of the KV cache.');
  if (facts.shape === 'mixed') return refuse(setting, `${MIXED.slice(0, 1).toUpperCase()}${MIXED.slice(1)}.`);
  const tokens = point(held);
  return {
    setting,
    bytes: facts.bytes === null ? null : boundsOf(facts.bytes),
    bytesGained: UNCHANGED,
    tokens,
    concurrency: concurrencyOf(tokens, maxModelLen, facts.blockSize),
    refused:
      maxModelLen > held
        ? `The KV cache holds ${formatInteger(held)} tokens: a request of this length does not fit, and the server refuses to start.`
        : null,
    notes: [
      'The KV cache takes all that is left within the utilization, whatever the length: this frees no memory of the device.',
      'Activation peak taken as unchanged: it follows from --max-num-batched-tokens.',
    ],
  };
}

/** `--max-num-seqs`: bounds how many requests share the cache; the cache itself stays. */
export function withMaxNumSeqs(facts: KvFacts, maxNumSeqs: number): KvWhatIf {
  const setting = `--max-num-seqs ${maxNumSeqs}`;
  if (facts.maxNumSeqs === maxNumSeqs) return refuse(setting, 'This is in force already.');
  if (facts.tokens === null) return refuse(setting, 'The log does not print the tokens of the KV cache.');
  const perRequest = facts.tokens / maxNumSeqs;
  const notes = [
    // Where layers keep unlike numbers of tokens, a request does not hold a share of one number.
    ...(facts.shape === 'mixed'
      ? []
      : [
          `Each of ${maxNumSeqs} requests has ${formatInteger(Math.floor(perRequest))} tokens on average before one is preempted.`,
        ]),
    'The KV cache is taken as unchanged; sampling buffers and CUDA graphs grow with this setting by what the log does not tell.',
  ];
  const concurrency = facts.concurrency;
  if (concurrency !== null && maxNumSeqs <= concurrency.value - concurrency.error) {
    notes.push('That many requests of full length fit: no preemption for want of KV cache.');
  }
  return {
    setting,
    bytes: facts.bytes === null ? null : boundsOf(facts.bytes),
    bytesGained: UNCHANGED,
    tokens: point(facts.tokens),
    concurrency:
      concurrency === null
        ? null
        : {
            least: Math.min(maxNumSeqs, concurrency.value - concurrency.error),
            most: Math.min(maxNumSeqs, concurrency.value + concurrency.error),
          },
    refused: null,
    notes,
  };
}

/** Tokens after a change of bytes: those there are, and what the change itself holds. */
function resizedTokens(facts: KvFacts, gained: Bounds): Bounds | null {
  const { bytesPerBlock: block, bytesPerToken: token, blockSize: size, blocks, tokens } = facts;
  if (block !== null && size !== null && blocks !== null) {
    const bound = (gain: number, each: number, idle: number): number =>
      Math.max(0, blocks + Math.floor(gain / each) + idle) * size;
    return {
      least: bound(gained.least, gained.least < 0 ? block.least : block.most, 0),
      // Less than a block lay idle before.
      most: bound(gained.most, gained.most < 0 ? block.most : block.least, 1),
    };
  }
  if (token === null || tokens === null) return null;
  // The size of a block is not known: one more on either side, but a larger cache never holds fewer tokens.
  const low = Math.floor(tokens + gained.least / (gained.least < 0 ? token.least : token.most)) - MOST_BLOCK;
  const high = Math.ceil(tokens + gained.most / (gained.most < 0 ? token.most : token.least)) + MOST_BLOCK;
  return {
    least: Math.max(gained.least < 0 ? 0 : tokens, low),
    most: gained.most > 0 ? high : Math.min(tokens, high),
  };
}

/** Tokens and concurrency of a cache of other bytes. */
function resized(setting: string, facts: KvFacts, gained: Bounds, notes: readonly string[]): KvWhatIf {
  if (facts.bytes === null) return refuse(setting, 'The log does not print the bytes of the KV cache.');
  const now = boundsOf(facts.bytes);
  const bytes = { least: now.least + gained.least, most: now.most + gained.most };
  if (bytes.most <= 0) {
    return { ...refuse(setting, 'Nothing would be left for the KV cache.'), bytes, bytesGained: gained };
  }
  const tokens = resizedTokens(facts, gained);
  return {
    setting,
    bytes: { least: Math.max(0, bytes.least), most: bytes.most },
    bytesGained: gained,
    tokens,
    concurrency:
      tokens === null || facts.maxModelLen === null
        ? null
        : concurrencyOf(tokens, facts.maxModelLen, facts.blockSize),
    refused: null,
    notes:
      tokens === null && facts.shape === 'mixed' ? [...notes, `Tokens are not computed: ${MIXED}.`] : notes,
  };
}

/**
 * Bytes that another utilization requests more. One that is printed with few digits (0.90 may be 0.895) says less than
 * what was requested with it.
 */
function gainOf({ utilizationError, requested }: KvFacts, total: Bounds, then: number, now: number): Bounds {
  if (utilizationError > 0 && requested !== null) {
    const { least: low, most: high } = boundsOf(requested);
    return { least: total.least * then - high, most: total.most * then - low };
  }
  const shares = [then - now - utilizationError, then - now + utilizationError];
  const ends = shares.flatMap((share) => [total.least * share, total.most * share]);
  return { least: Math.min(...ends), most: Math.max(...ends) };
}

/** `--gpu-memory-utilization`: every byte more or less is the KV cache's. */
export function withUtilization(facts: KvFacts, utilization: number): KvWhatIf {
  const setting = `--gpu-memory-utilization ${utilization}`;
  const { total, utilization: now, freeAtStart } = facts;
  if (now !== null && now === utilization) return refuse(setting, 'This is in force already.');
  if (total === null || now === null) {
    const lacks = [
      ...(total === null ? ['the total of the device'] : []),
      ...(now === null ? ['the utilization in force'] : []),
    ];
    return refuse(setting, `The log does not print ${lacks.join(' or ')}.`);
  }
  const range = boundsOf(total);
  const gained = gainOf(facts, range, utilization, now);
  const requested = { least: range.least * utilization, most: range.most * utilization };
  if (freeAtStart !== null && requested.least > freeAtStart.value + freeAtStart.error) {
    return refuse(
      setting,
      `${amount(requested.least)} would be requested and ${amount(freeAtStart.value)} were free at the start: the server refuses to start.`,
    );
  }
  const rest = { least: range.least - requested.most, most: range.most - requested.least };
  return resized(setting, facts, gained, [
    `${amount(Math.max(0, rest.least))} of the device would stay outside: what CUDA graphs captured later, fragmentation and other processes may take.`,
  ]);
}

/**
 * `--kv-cache-dtype`: the same bytes hold more or fewer tokens.
 *
 * @param model Needed where the log does not name the dtype in force ("auto").
 */
export function withKvDtype(facts: KvFacts, dtype: string, model: KvModel | null = null): KvWhatIf {
  const setting = `--kv-cache-dtype ${dtype}`;
  const now = facts.kvDtype ?? model?.checkpointKvDtype ?? model?.dtype ?? null;
  if (now === null) {
    return refuse(
      setting,
      'The log says "auto" or nothing for the dtype of the KV cache: a quantised checkpoint may have it in fp8 already. The config.json of the model tells.',
    );
  }
  if (now === dtype || (now.startsWith('fp8') && dtype === 'fp8')) {
    return refuse(setting, 'This is in force already.');
  }
  if (facts.tokens === null) return refuse(setting, 'The log does not print the tokens of the KV cache.');
  if (facts.shape === 'mixed') return refuse(setting, `${MIXED.slice(0, 1).toUpperCase()}${MIXED.slice(1)}.`);
  // Heads of any size: the ratio of plain dtypes is the same, and only the others need the model.
  const attention =
    model?.attention ?? ({ kind: 'heads', kvHeads: 1, headSize: 128, valueHeadSize: 128 } as const);
  const plain = /^(auto|bfloat16|float16|half|float32|fp8(_e4m3|_e5m2)?)$/;
  if (model === null && !(plain.test(now) && plain.test(dtype))) {
    return refuse(
      setting,
      `The bytes of "${dtype}" follow from the head size: the config.json of the model is needed.`,
    );
  }
  const before = kvBytesPerTokenPerLayer(attention, now, facts.tensorParallel);
  const after = kvBytesPerTokenPerLayer(attention, dtype, facts.tensorParallel);
  if (before === null || after === null)
    return refuse(setting, `The bytes of "${dtype}" are not known for this model.`);
  const ratio = before / after;
  const { blocks, blockSize: size } = facts;
  // All bytes of the blocks in place, and less than one block that lay idle.
  const tokens =
    blocks !== null && size !== null
      ? { least: Math.floor(blocks * ratio) * size, most: Math.ceil((blocks + 1) * ratio - 1) * size }
      : {
          least: Math.floor(facts.tokens * ratio) - MOST_BLOCK,
          most: Math.ceil((facts.tokens + MOST_BLOCK) * ratio),
        };
  return {
    setting,
    bytes: facts.bytes === null ? null : boundsOf(facts.bytes),
    bytesGained: UNCHANGED,
    tokens,
    concurrency:
      facts.maxModelLen === null ? null : concurrencyOf(tokens, facts.maxModelLen, facts.blockSize),
    refused: null,
    notes: [
      `${before / after} times as many tokens in the same bytes; the memory of the device stays as it is.`,
      'Block size and activation peak taken as unchanged; some attention backends choose other block sizes for fp8.',
    ],
  };
}

/**
 * Weight quantization: what the weights no longer take is the KV cache's.
 *
 * @param weights Bytes of the quantised weights on one rank: known from the size of that checkpoint / tensor parallel.
 */
export function withWeights(facts: KvFacts, weights: Measured): KvWhatIf {
  const setting = 'quantised weights';
  if (facts.weights === null) return refuse(setting, 'The log does not print the bytes of the weights.');
  return resized(setting, facts, boundsOf(lessOf(facts.weights, weights)), [
    'Activation peak and non-torch memory taken as unchanged; kernels for quantised weights may need workspaces.',
  ]);
}

/**
 * The same where only the bits are known. A bound and no figure: embeddings, norms and scales are not quantised, so
 * less is gained than this.
 */
export function withWeightBits(facts: KvFacts, fromBits: number, toBits: number): KvWhatIf {
  const setting = `weights in ${toBits} bits instead of ${fromBits}`;
  if (facts.weights === null) return refuse(setting, 'The log does not print the bytes of the weights.');
  if (toBits >= fromBits) return refuse(setting, 'That is no fewer bits than now.');
  const most = (facts.weights.value + facts.weights.error) * (1 - toBits / fromBits);
  return resized(setting, facts, { least: 0, most: most }, [
    'An upper bound: embeddings, norms and the scales themselves stay in more bits. The size of the quantised checkpoint gives the figure.',
  ]);
}
