/**
 * What monitoring metrics mean: unit, scale and what a reader of the curve must know. Shared by the readers of
 * Prometheus' text exposition and of its HTTP API.
 *   DCGM: https://docs.nvidia.com/datacenter/dcgm/latest/dcgm-api/dcgm-api-field-ids.html (framebuffer in MiB)
 *   nvidia_gpu_exporter: https://github.com/utkuozdemir/nvidia_gpu_exporter (bytes; nvidia-smi rounds to MiB)
 *   AMD Device Metrics Exporter: https://github.com/ROCm/device-metrics-exporter (VRAM in "MB", which are MiB: an MI300X of 192 GiB
 *   has 196592)
 *   vLLM: https://docs.vllm.ai/en/latest/usage/metrics.html, SGLang: https://docs.sglang.ai/references/production_metrics.html
 * A metric that is not listed is kept where its name speaks of a GPU, its memory or a KV cache; its unit is then
 * what its suffix says, and the note says that it is not known otherwise.
 */
import { lookup } from '../../base/lookup.ts';
import type { Gauge } from '../../trace/readings.ts';

export interface Metric {
  readonly label: string;
  /** Unit after multiplication by `scale`. */
  readonly unit: Gauge['unit'];
  readonly scale: number;
  /** Width of the last digit that the producer has, after scaling; 0: exact. */
  readonly granularity: number;
  readonly note: string | null;
}

const MIB = 1048576;

/** DCGM and NVML say "not supported", "not found" and the like with values from here on (0x7ffffffffffffff0..). */
const BLANKS_FROM = 2 ** 62;
/** The same, for 32-bit fields: 0x7ffffff0 (2147483632) to 0x7ffffff3. */
const BLANKS_32 = { from: 0x7ffffff0, to: 0x7ffffff3 };

const CACHE_NOTE = 'Share of the KV cache blocks in use, 0 to 1 in spite of "perc"; not memory of the GPU.';
const COUNTER_NOTE = 'A counter: it only grows, and falls to zero when the server starts again.';
const BUS_NOTE = 'Time in which the memory was read or written, not how full it is.';
const COMPUTE_NOTE = 'Time in which a kernel ran, not memory.';

const GTT_NOTE = 'Memory of the host that the GPU can address, not device memory.';

const bytes = (label: string, note: string | null = null): Metric => ({
  label,
  unit: 'bytes',
  scale: 1,
  granularity: 0,
  note,
});
/** Printed in whole MiB. */
const mebibytes = (label: string, note: string | null = null): Metric => ({
  label,
  unit: 'bytes',
  scale: MIB,
  granularity: MIB,
  note,
});
/** In bytes, made from whole MiB. */
const roundedBytes = (label: string, note: string | null = null): Metric => ({
  ...bytes(label, note),
  granularity: MIB,
});
const plain = (
  label: string,
  unit: Gauge['unit'],
  note: string | null = null,
  scale = 1,
  granularity = 0,
): Metric => ({ label, unit, scale, granularity, note });
const percent = (label: string, note: string): Metric => plain(label, 'ratio', note, 0.01, 0.01);

const KNOWN: Readonly<Record<string, Metric>> = lookup({
  DCGM_FI_DEV_FB_USED: mebibytes('Memory used'),
  DCGM_FI_DEV_FB_FREE: mebibytes('Memory free'),
  DCGM_FI_DEV_FB_RESERVED: mebibytes('Memory reserved by the driver'),
  DCGM_FI_DEV_FB_TOTAL: mebibytes('Memory total'),
  DCGM_FI_DEV_FB_USED_PERCENT: plain('Memory used, share', 'ratio', 'used / (total - reserved), 0 to 1'),
  DCGM_FI_DEV_BAR1_USED: mebibytes('BAR1 used', 'Address window of the PCIe bus, not device memory.'),
  DCGM_FI_DEV_BAR1_FREE: mebibytes('BAR1 free', 'Address window of the PCIe bus, not device memory.'),
  DCGM_FI_DEV_BAR1_TOTAL: mebibytes('BAR1 total', 'Address window of the PCIe bus, not device memory.'),
  DCGM_FI_DEV_MEM_COPY_UTIL: percent('Memory bus busy', BUS_NOTE),
  DCGM_FI_DEV_GPU_UTIL: percent('GPU busy', COMPUTE_NOTE),
  DCGM_FI_PROF_DRAM_ACTIVE: plain('Memory bus active', 'ratio', BUS_NOTE),
  DCGM_FI_PROF_GR_ENGINE_ACTIVE: plain('GPU active', 'ratio', COMPUTE_NOTE),
  DCGM_FI_PROF_SM_ACTIVE: plain('SM active', 'ratio', COMPUTE_NOTE),
  DCGM_FI_DEV_POWER_USAGE: plain('Power', 'watts'),
  DCGM_FI_DEV_GPU_TEMP: plain('GPU temperature', 'celsius'),
  DCGM_FI_DEV_MEMORY_TEMP: plain('Memory temperature', 'celsius'),
  DCGM_FI_DEV_SM_CLOCK: plain('SM clock', 'megahertz'),
  DCGM_FI_DEV_MEM_CLOCK: plain('Memory clock', 'megahertz'),
  DCGM_FI_DEV_XID_ERRORS: plain(
    'Last XID error',
    'count',
    'The number of the last error, not a count of errors: 13 and 31 are faults of a program (31: an address that is not mapped), 48, 63, 64, 92, 94 and 95 of the memory (ECC), 79 a GPU that fell off the bus.',
  ),

  nvidia_smi_memory_total_bytes: roundedBytes('Memory total'),
  nvidia_smi_memory_used_bytes: roundedBytes('Memory used'),
  nvidia_smi_memory_free_bytes: roundedBytes('Memory free'),
  nvidia_smi_memory_reserved_bytes: roundedBytes('Memory reserved by the driver'),
  nvidia_smi_compute_app_used_memory_bytes: roundedBytes('Memory used by a process'),
  nvidia_smi_fb_memory_usage_total_bytes: roundedBytes('Memory total'),
  nvidia_smi_fb_memory_usage_used_bytes: roundedBytes('Memory used'),
  nvidia_smi_fb_memory_usage_free_bytes: roundedBytes('Memory free'),
  nvidia_smi_utilization_memory_ratio: plain('Memory bus busy', 'ratio', BUS_NOTE, 1, 0.01),
  nvidia_smi_utilization_gpu_ratio: plain('GPU busy', 'ratio', COMPUTE_NOTE, 1, 0.01),
  nvidia_smi_power_draw_watts: plain('Power', 'watts'),
  nvidia_smi_temperature_gpu: plain('GPU temperature', 'celsius'),
  nvidia_smi_temperature_memory: plain('Memory temperature', 'celsius'),
  nvidia_smi_clocks_current_sm_clock_hz: plain('SM clock', 'megahertz', null, 1e-6),
  nvidia_smi_clocks_current_memory_clock_hz: plain('Memory clock', 'megahertz', null, 1e-6),

  gpu_total_vram: mebibytes('Memory total'),
  gpu_used_vram: mebibytes('Memory used'),
  gpu_free_vram: mebibytes('Memory free'),
  gpu_total_visible_vram: mebibytes('Memory total, visible to the CPU'),
  gpu_used_visible_vram: mebibytes('Memory used, visible to the CPU'),
  gpu_free_visible_vram: mebibytes('Memory free, visible to the CPU'),
  gpu_total_gtt: mebibytes('GTT total', GTT_NOTE),
  gpu_used_gtt: mebibytes('GTT used', GTT_NOTE),
  gpu_free_gtt: mebibytes('GTT free', GTT_NOTE),
  gpu_gfx_activity: percent('GPU busy', COMPUTE_NOTE),
  gpu_umc_activity: percent('Memory bus busy', BUS_NOTE),
  gpu_edge_temperature: plain('GPU temperature', 'celsius'),
  gpu_junction_temperature: plain('GPU temperature, hottest', 'celsius'),
  gpu_memory_temperature: plain('Memory temperature', 'celsius'),
  gpu_package_power: plain('Power', 'watts'),
  gpu_average_package_power: plain('Power, average', 'watts'),

  'vllm:gpu_cache_usage_perc': plain('KV cache in use', 'ratio', CACHE_NOTE),
  'vllm:kv_cache_usage_perc': plain('KV cache in use', 'ratio', CACHE_NOTE),
  'vllm:cpu_cache_usage_perc': plain('KV cache in use on the host', 'ratio', CACHE_NOTE),
  'vllm:num_requests_running': plain('Requests running', 'count'),
  'vllm:num_requests_waiting': plain('Requests waiting', 'count'),
  'vllm:num_requests_swapped': plain('Requests swapped out to the host', 'count'),
  'vllm:num_preemptions': plain('Preemptions', 'count', COUNTER_NOTE),
  'vllm:prefix_cache_queries': plain('Prefix cache queries', 'tokens', COUNTER_NOTE),
  'vllm:prefix_cache_hits': plain('Prefix cache hits', 'tokens', COUNTER_NOTE),
  'vllm:gpu_prefix_cache_queries': plain('Prefix cache queries', 'tokens', COUNTER_NOTE),
  'vllm:gpu_prefix_cache_hits': plain('Prefix cache hits', 'tokens', COUNTER_NOTE),
  'vllm:external_prefix_cache_queries': plain('External prefix cache queries', 'tokens', COUNTER_NOTE),
  'vllm:external_prefix_cache_hits': plain('External prefix cache hits', 'tokens', COUNTER_NOTE),
  'vllm:gpu_prefix_cache_hit_rate': plain('Prefix cache hit rate', 'ratio'),
  'vllm:cpu_prefix_cache_hit_rate': plain('Prefix cache hit rate on the host', 'ratio'),
  'vllm:prompt_tokens': plain('Prompt tokens', 'tokens', COUNTER_NOTE),
  'vllm:generation_tokens': plain('Generated tokens', 'tokens', COUNTER_NOTE),
  'vllm:avg_prompt_throughput_toks_per_s': plain('Prompt throughput', 'tokens_per_second'),
  'vllm:avg_generation_throughput_toks_per_s': plain('Generation throughput', 'tokens_per_second'),
  'vllm:engine_sleep_state': plain(
    'Sleep state',
    'count',
    '1: the engine is in the state that the label names.',
  ),

  'sglang:token_usage': plain(
    'KV cache in use',
    'ratio',
    'Share of the KV cache tokens in use; not memory of the GPU.',
  ),
  'sglang:num_used_tokens': plain('KV cache tokens in use', 'tokens'),
  'sglang:max_total_num_tokens': plain('KV cache tokens', 'tokens'),
  'sglang:num_running_reqs': plain('Requests running', 'count'),
  'sglang:num_queue_reqs': plain('Requests waiting', 'count'),
  'sglang:cache_hit_rate': plain('Prefix cache hit rate', 'ratio'),
  'sglang:gen_throughput': plain('Generation throughput', 'tokens_per_second'),
});

/** Host, process and runtime metrics of every exporter: about memory too, but not the GPU's. */
const HOST = /^(go|process|python|promhttp|node|container|kube|machine|scrape|windows|jvm|nodejs)_/;
/** Parts of histograms and summaries, and figures about the exporter: no series of values. */
const PARTS = /(_bucket|_sum|_count|_created|_info|_collect_success|_exit_code|_scrapes_total)$/;
/** Exporters of whose hundreds of metrics only those about memory are of use. */
const EXPORTERS = /^(DCGM_FI_|nvidia_smi_|vllm:|sglang:)/;
const MEMORY = /mem(ory)?(_|$|:)|_fb_|framebuffer|vram|hbm|kv_?cache|cache_usage|_FB_|MEM_/;
const GPU = /gpu|cuda|vram|hbm|nvidia|dcgm|nvml|rocm|amdgpu|kv_?cache|cache_usage|framebuffer/i;
/** About memory by name and yet neither bytes nor a share of it: error counts, pages, clocks. */
const NOT_AMOUNT = /ecc|retired|remap|xid|row_|_SBE|_DBE|_mode|_clock/i;

/** Unit by suffix, as Prometheus' naming rules have it. */
const SUFFIXES: readonly (readonly [RegExp, Gauge['unit'], number])[] = [
  [/_bytes(_total)?$/, 'bytes', 1],
  [/_(mib|mebibytes)$/i, 'bytes', MIB],
  [/_(kib|kibibytes)$/i, 'bytes', 1024],
  [/_(gib|gibibytes)$/i, 'bytes', 1024 * MIB],
  [/_ratio$/, 'ratio', 1],
  [/_percent$/i, 'ratio', 0.01],
  [/_watts$/, 'watts', 1],
  [/_celsius$/, 'celsius', 1],
  [/_hertz$/, 'megahertz', 1e-6],
  [/_tokens(_total)?$/, 'tokens', 1],
  [/_seconds(_total)?$/, 'nanoseconds', 1e9],
];

/** What is known of a metric; null: it is not about a GPU or its memory (the caller counts it). */
export function metricOf(name: string): Metric | null {
  // Counters may carry the suffix _total or not, depending on the client library.
  const known = own(name) ?? own(name.replace(/_total$/, ''));
  if (known !== null) return known;
  if (HOST.test(name) || PARTS.test(name)) return null;
  const isMemory = MEMORY.test(name) && !NOT_AMOUNT.test(name);
  if (EXPORTERS.test(name) ? !isMemory : !GPU.test(name)) return null;
  const suffix = SUFFIXES.find(([pattern]) => pattern.test(name));
  if (suffix === undefined) {
    return plain(name, 'count', 'The unit of this metric is not known; the values are as recorded.');
  }
  return plain(name, suffix[1], 'Unit taken from the end of its name.', suffix[2]);
}

const own = (name: string): Metric | null => (Object.hasOwn(KNOWN, name) ? KNOWN[name] : null);

/** true: the producer's way to say that there is no value (the number as printed, before scaling). */
export const isBlank = (name: string, value: number): boolean =>
  value >= BLANKS_FROM || (value >= BLANKS_32.from && value <= BLANKS_32.to && name.startsWith('DCGM_FI_'));

/** Index of the GPU that a series is about: DCGM's `gpu`, or `device`/`index`/`cuda_device` as number or "nvidia0". */
export function deviceOf(labels: Readonly<Record<string, string>>): number | null {
  for (const key of ['gpu', 'device', 'index', 'gpu_id', 'minor_number', 'cuda_device']) {
    const match = Object.hasOwn(labels, key)
      ? /^(?:nvidia|cuda:|gpu|GPU )?(\d{1,4})$/.exec(labels[key])
      : null;
    if (match) return Number(match[1]);
  }
  return null;
}
