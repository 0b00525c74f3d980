import { describe, expect, it } from 'vitest';
import { parseKvConfig, type KvModel } from '../../../src/analyze/server/kv-config.ts';

const parse = (config: unknown): KvModel => {
  const result = parseKvConfig(JSON.stringify(config));
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const refused = (config: unknown): string => {
  const result = parseKvConfig(JSON.stringify(config));
  return result.ok ? 'read' : result.error;
};
const dense = {
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  hidden_size: 4096,
  torch_dtype: 'bfloat16',
  max_position_embeddings: 131072,
};

describe('the config of a model', () => {
  it('with GQA: heads, head size from the hidden size or as it says', () => {
    expect(parse(dense)).toEqual({
      attention: { kind: 'heads', kvHeads: 8, headSize: 128, valueHeadSize: 128 },
      fullLayers: 32,
      slidingLayers: 0,
      slidingWindow: null,
      otherLayers: 0,
      dtype: 'bfloat16',
      checkpointKvDtype: null,
      weightQuantization: null,
      maxPositions: 131072,
      notes: [],
    });
    expect(parse({ ...dense, head_dim: 256 }).attention).toMatchObject({ headSize: 256 });
    // head_dim may be there and null.
    expect(parse({ ...dense, head_dim: null }).attention).toMatchObject({ headSize: 128 });
  });

  it('without GQA, with one head for all, under other names', () => {
    const plain = { ...dense, num_key_value_heads: undefined };
    expect(parse(plain).attention).toMatchObject({ kvHeads: 32 });
    expect(parse(plain).notes[0]).toContain('no GQA');
    expect(parse({ ...plain, multi_query: true }).attention).toMatchObject({ kvHeads: 1 });
    const falcon = { ...plain, multi_query: true, new_decoder_architecture: true, num_kv_heads: 8 };
    expect(parse(falcon).attention).toMatchObject({ kvHeads: 8 });
    expect(parse({ n_layer: 12, n_head: 12, n_embd: 768, dtype: 'torch.float16' })).toMatchObject({
      attention: { kvHeads: 12, headSize: 64 },
      fullLayers: 12,
      dtype: 'float16',
    });
  });

  it('with MLA: a latent vector and its rotary part; an index beside it is refused', () => {
    const mla = { ...dense, num_hidden_layers: 61, kv_lora_rank: 512, qk_rope_head_dim: 64 };
    expect(parse(mla).attention).toEqual({ kind: 'mla', latentRank: 512, ropeSize: 64 });
    expect(refused({ ...mla, index_topk: 2048 })).toContain('index');
  });

  it('of a multimodal model stands within', () => {
    expect(
      parse({ torch_dtype: 'bfloat16', text_config: { ...dense, torch_dtype: undefined } }),
    ).toMatchObject({
      fullLayers: 32,
      dtype: 'bfloat16',
    });
  });

  it('with sliding windows: by list, by pattern, for all, or refused where it does not say which', () => {
    const kinds = [...Array<string>(5).fill('sliding_attention'), 'full_attention'];
    const six = { ...dense, num_hidden_layers: 6, sliding_window: 512 };
    expect(parse({ ...six, layer_types: kinds })).toMatchObject({
      fullLayers: 1,
      slidingLayers: 5,
      slidingWindow: 512,
    });
    expect(parse({ ...six, sliding_window_pattern: 6 })).toMatchObject({ fullLayers: 1, slidingLayers: 5 });
    expect(parse(six)).toMatchObject({ fullLayers: 0, slidingLayers: 6 });
    expect(parse({ ...six, use_sliding_window: false })).toMatchObject({
      fullLayers: 6,
      slidingWindow: null,
    });
    expect(refused({ ...six, model_type: 'gemma2' })).toContain('does not say which');
    expect(refused({ ...six, layer_types: kinds.slice(1) })).toContain('names the kind of 5');
    expect(refused({ ...six, layer_types: ['no_such', ...kinds.slice(1)] })).toContain('"no_such"');
    expect(refused({ ...six, sliding_window: null, layer_types: kinds })).toContain(
      'window that it does not name',
    );
  });

  it('with layers that keep a state: counted where they are listed, refused where not', () => {
    const mixed = { ...dense, num_hidden_layers: 2, layer_types: ['linear_attention', 'full_attention'] };
    expect(parse(mixed)).toMatchObject({ fullLayers: 1, otherLayers: 1 });
    expect(refused({ ...dense, full_attention_interval: 4 })).toContain('full_attention_interval');
    expect(refused({ ...dense, full_attention_interval: null })).toBe('read');
  });

  it('tells the dtype of K and V that a quantised checkpoint brings along', () => {
    const scheme = { num_bits: 8, type: 'float', strategy: 'tensor' };
    const quantization_config = { quant_method: 'compressed-tensors', kv_cache_scheme: scheme };
    expect(parse({ ...dense, quantization_config })).toMatchObject({
      checkpointKvDtype: 'fp8',
      weightQuantization: 'compressed-tensors',
    });
    const none = { quant_method: 'compressed-tensors', kv_cache_scheme: null };
    expect(parse({ ...dense, quantization_config: none }).checkpointKvDtype).toBeNull();
    const modelopt = { quant_method: 'modelopt', kv_cache_quant_algo: 'FP8' };
    expect(parse({ ...dense, quantization_config: modelopt }).checkpointKvDtype).toBe('fp8');
  });

  it('is refused where it is none', () => {
    expect(refused([])).toContain('no object');
    expect(parseKvConfig('{').ok).toBe(false);
    expect(refused({ num_hidden_layers: 2 })).toContain('no number of KV heads or of attention heads');
    expect(refused({ ...dense, num_hidden_layers: -1 })).toContain('num_hidden_layers is -1');
    expect(refused({ num_hidden_layers: 2, num_key_value_heads: 2 })).toContain('no head size');
  });
});

describe('a config that cannot be used', () => {
  const refused = (text: string): string => {
    const result = parseKvConfig(text);
    return result.ok ? 'read' : result.error;
  };

  it('is told where it stops being JSON', () => {
    expect(refused('{\n  "num_hidden_layers": 32,\n}')).toBe(
      'This is no JSON, so no config.json of a model. In line 3, column 1, a name in double quotes is expected and "}" stands there.',
    );
    expect(refused("{'num_hidden_layers': 32}")).toContain('In line 1, column 2, a name in double quotes');
  });

  it('is told which entry is wrong, and what it holds', () => {
    const config = {
      num_hidden_layers: 32,
      num_attention_heads: 32,
      hidden_size: 4096,
      num_key_value_heads: 8,
    };
    const changed = (changes: object): string => refused(JSON.stringify({ ...config, ...changes }));
    expect(changed({})).toBe('read');
    expect(changed({ num_hidden_layers: '32' })).toContain(
      'num_hidden_layers is "32", which is no whole number above zero',
    );
    expect(changed({ num_key_value_heads: 0.5 })).toContain('num_key_value_heads is 0.5, which is no');
    expect(changed({ hidden_size: 'big' })).toContain('hidden_size is "big", which is no');
    expect(changed({ num_attention_heads: [32] })).toContain('num_attention_heads is [32], which is no');
    expect(changed({ num_hidden_layers: undefined })).toContain(
      'it has no number of hidden layers (looked for num_hidden_layers, n_layer, n_layers, num_layers)',
    );
    expect(refused('{}')).toContain('looked for num_attention_heads');
  });
});
