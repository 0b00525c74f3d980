/**
 * What a model's `config.json` (Hugging Face) says about its KV cache: attention layers, KV heads, head size, MLA,
 * sliding windows, dtype. Names as vllm/transformers_utils/model_arch_config_convertor.py looks for them.
 *
 * Not read: models whose attention layers differ in heads or head size, and state of Mamba or linear-attention layers,
 * which is no KV cache by tokens; both are named in `notes` or refused.
 */
import { findJsonFault } from '../../base/json-where.ts';
import { fail, ok, type Result } from '../../base/result.ts';

export type KvAttention =
  | {
      readonly kind: 'heads';
      /** KV heads of the whole model; fewer than attention heads under GQA, 1 under MQA. */
      readonly kvHeads: number;
      /** Elements of one head of K. */
      readonly headSize: number;
      /** Elements of one head of V; the same in almost every model. */
      readonly valueHeadSize: number;
    }
  | {
      /** Multi-head latent attention (DeepSeek): one latent vector for all heads, kept whole on every rank. */
      readonly kind: 'mla';
      readonly latentRank: number;
      readonly ropeSize: number;
    };

export interface KvModel {
  readonly attention: KvAttention;
  /** Layers that keep K and V of every token. */
  readonly fullLayers: number;
  /** Layers that keep only the last `slidingWindow` tokens. */
  readonly slidingLayers: number;
  readonly slidingWindow: number | null;
  /** Layers without KV cache: Mamba, linear attention. */
  readonly otherLayers: number;
  /** "bfloat16"; null: not in the config. */
  readonly dtype: string | null;
  /** KV-cache dtype that a quantised checkpoint brings along and `--kv-cache-dtype auto` takes; null: none. */
  readonly checkpointKvDtype: string | null;
  /** "compressed-tensors", "awq"; null: not quantised. */
  readonly weightQuantization: string | null;
  /** max_position_embeddings: the largest --max-model-len that the model is made for. */
  readonly maxPositions: number | null;
  readonly notes: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const MOST = 1e7;

/** A whole number above zero under the first of these names that has one. */
function countOf(config: Json, names: readonly string[]): number | null {
  for (const name of names) {
    const value = config[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MOST) return value;
  }
  return null;
}

/**
 * Why countOf found nothing: "num_hidden_layers is "32", which is no whole number above zero"; else the names that
 * were looked for.
 */
function lacking(config: Json, names: readonly string[], what: string): string {
  const wrong = names.find((name) => config[name] !== undefined && config[name] !== null);
  if (wrong === undefined) return `it has no ${what} (looked for ${names.join(', ')})`;
  return `${wrong} is ${JSON.stringify(config[wrong])?.slice(0, 40)}, which is no whole number above zero`;
}

const textOf = (config: Json, names: readonly string[]): string | null => {
  for (const name of names) {
    const value = config[name];
    if (typeof value === 'string' && value !== '') return value.replace(/^torch\./, '');
  }
  return null;
};

/** Multimodal configs keep the language model's under a name of its own. */
function textConfig(config: Json): Json {
  if (countOf(config, LAYERS) !== null) return config;
  for (const name of ['text_config', 'llm_config', 'language_config', 'thinker_config', 'text_model']) {
    const inner = config[name];
    if (isObject(inner)) return textConfig(inner);
  }
  return config;
}

const LAYERS = ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'];
const HEADS = ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'];
/** In vLLM's order: Falcon, others, Llama 2, ChatGLM, Step. */
const KV_HEADS = [
  'n_head_kv',
  'num_kv_heads',
  'num_key_value_heads',
  'multi_query_group_num',
  'num_attention_groups',
];
const HIDDEN = ['hidden_size', 'n_embd', 'd_model'];
/** Keys of models that mix in layers without KV cache and do not list the layers' kinds in `layer_types`. */
const MIXED = [
  'layers_block_type',
  'attn_layer_period',
  'hybrid_override_pattern',
  'full_attention_interval',
  'attn_layer_indices',
  'mamba_d_state',
  'block_configs',
  'linear_attn_config',
];

function attentionOf(config: Json, notes: string[]): KvAttention | string {
  const latentRank = countOf(config, ['kv_lora_rank']);
  if (latentRank !== null) {
    if (countOf(config, ['index_head_dim', 'index_topk']) !== null) {
      return 'its sparse attention keeps an index beside the latent vectors';
    }
    return { kind: 'mla', latentRank, ropeSize: countOf(config, ['qk_rope_head_dim']) ?? 0 };
  }
  const heads = countOf(config, HEADS);
  const multiQuery = config['multi_query'] === true && config['new_decoder_architecture'] !== true;
  let kvHeads = multiQuery ? 1 : countOf(config, KV_HEADS);
  if (kvHeads === null) {
    if (heads === null) {
      const isWrong = KV_HEADS.some((name) => config[name] !== undefined && config[name] !== null);
      return lacking(config, isWrong ? KV_HEADS : HEADS, 'number of KV heads or of attention heads');
    }
    const wrong = KV_HEADS.find((name) => config[name] !== undefined && config[name] !== null);
    if (wrong !== undefined) return lacking(config, KV_HEADS, '');
    notes.push('No number of KV heads: every attention head has its own (no GQA).');
    kvHeads = heads;
  }
  let headSize = countOf(config, ['head_dim', 'hidden_size_per_head', 'kv_channels']);
  if (headSize === null) {
    const hidden = countOf(config, HIDDEN);
    if (hidden === null) return lacking(config, ['head_dim', ...HIDDEN], 'head size, nor a hidden size');
    if (heads === null) return lacking(config, HEADS, 'number of attention heads, nor a head size');
    headSize = Math.floor(hidden / heads);
  }
  return { kind: 'heads', kvHeads, headSize, valueHeadSize: countOf(config, ['v_head_dim']) ?? headSize };
}

interface Layers {
  readonly full: number;
  readonly sliding: number;
  readonly other: number;
}

function listedLayers(kinds: readonly unknown[], notes: string[]): Layers | string {
  const count = { full: 0, sliding: 0, other: 0 };
  for (const kind of kinds) {
    if (kind === 'full_attention' || kind === 'attention') count.full++;
    else if (kind === 'sliding_attention') count.sliding++;
    else if (typeof kind === 'string' && /linear|mamba|recurrent|conv/.test(kind)) count.other++;
    else return `layers of kind ${JSON.stringify(kind)} are not known`;
  }
  if (count.other > 0) {
    notes.push(
      `${count.other} layers keep a state of fixed size in place of a KV cache; it is not counted here.`,
    );
  }
  return count;
}

function layersOf(config: Json, window: number | null, notes: string[]): Layers | string {
  const layers = countOf(config, LAYERS);
  if (layers === null) return lacking(config, LAYERS, 'number of hidden layers');
  const kinds = config['layer_types'];
  if (Array.isArray(kinds)) {
    return kinds.length === layers
      ? listedLayers(kinds, notes)
      : `it has ${layers} layers and names the kind of ${kinds.length}`;
  }
  const mixed = MIXED.find((key) => config[key] !== undefined && config[key] !== null);
  if (mixed !== undefined) return `${mixed} mixes layers of other kinds in a way that is not read here`;
  if (window === null) return { full: layers, sliding: 0, other: 0 };
  const pattern = countOf(config, ['sliding_window_pattern']);
  if (pattern !== null) {
    // Every so-manieth layer sees everything (Gemma 3).
    const full = Math.floor(layers / pattern);
    return { full, sliding: layers - full, other: 0 };
  }
  if (/^(gemma2|cohere2|gpt_oss|exaone4)/.test(textOf(config, ['model_type']) ?? '')) {
    return 'some of its layers slide over a window, and it does not say which';
  }
  if (config['max_window_layers'] !== undefined && config['use_sliding_window'] === true) {
    return 'max_window_layers splits its layers in a way that differs between versions';
  }
  return { full: 0, sliding: layers, other: 0 };
}

/** Whether the checkpoint itself says that K and V are stored in 8 bits. */
function checkpointKvDtype(quantization: Json): string | null {
  const scheme = quantization['kv_cache_scheme'];
  if (isObject(scheme) && scheme['num_bits'] === 8 && scheme['type'] === 'float') return 'fp8';
  const algorithm = textOf(quantization, ['kv_cache_quant_algo', 'kv_cache_quant_method']);
  if (algorithm === null) return null;
  if (/^nvfp4$/i.test(algorithm)) return 'nvfp4';
  return /^fp8/i.test(algorithm) ? 'fp8' : null;
}

/**
 * Reads the text of a `config.json`.
 *
 * @returns What the KV cache follows from; an error says in a sentence what the text lacks.
 */
export function parseKvConfig(text: string): Result<KvModel, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    const where =
      fault === null
        ? ''
        : ` In line ${fault.line}, column ${fault.column}, ${fault.expected} is expected and ${fault.found} stands there.`;
    return fail(`This is no JSON, so no config.json of a model.${where}`);
  }
  if (!isObject(parsed)) {
    return fail('This JSON is no config.json of a model: it is no object, which { } enclose.');
  }
  const config = textConfig(parsed);
  const notes: string[] = [];
  const attention = attentionOf(config, notes);
  if (typeof attention === 'string')
    return fail(`The KV cache does not follow from this config: ${attention}.`);
  const window =
    config['use_sliding_window'] === false
      ? null
      : countOf(config, ['sliding_window', 'sliding_window_size']);
  const layers = layersOf(config, window, notes);
  if (typeof layers === 'string') return fail(`The KV cache does not follow from this config: ${layers}.`);
  if (layers.sliding > 0 && window === null) {
    return fail(
      'The KV cache does not follow from this config: layers slide over a window that it does not name.',
    );
  }
  const quantization = config['quantization_config'] ?? parsed['quantization_config'];
  const scheme = isObject(quantization) ? quantization : null;
  return ok({
    attention,
    fullLayers: layers.full,
    slidingLayers: layers.sliding,
    slidingWindow: layers.sliding > 0 ? window : null,
    otherLayers: layers.other,
    dtype: textOf(config, ['torch_dtype', 'dtype']) ?? textOf(parsed, ['torch_dtype', 'dtype']),
    checkpointKvDtype: scheme === null ? null : checkpointKvDtype(scheme),
    weightQuantization: scheme === null ? null : textOf(scheme, ['quant_method']),
    maxPositions: countOf(config, ['max_position_embeddings', 'n_positions', 'seq_length', 'max_seq_len']),
    notes,
  });
}
