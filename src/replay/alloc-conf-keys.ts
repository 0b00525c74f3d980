/** The settings that PyTorch 2.11 knows, and what to say about one that it does not. */
import type { Token } from './alloc-conf-tokens.ts';

interface KeyFacts {
  /** A value that is accepted, for advice. */
  readonly example: string;
  /** Whether it can change which block or segment a request gets. */
  readonly choosesBlocks: boolean;
}

/** Source: getMutableKeys of c10/core/AllocatorConfig.h, getKeys of c10/cuda/CUDAAllocatorConfig.h. */
const KEYS: ReadonlyMap<string, KeyFacts> = new Map(
  Object.entries({
    expandable_segments: { example: 'True', choosesBlocks: true },
    garbage_collection_threshold: { example: '0.8', choosesBlocks: true },
    large_segment_size_mb: { example: '20', choosesBlocks: true },
    max_non_split_rounding_mb: { example: '20', choosesBlocks: true },
    max_split_size_mb: { example: '128', choosesBlocks: true },
    per_process_memory_fraction: { example: '0.5', choosesBlocks: true },
    roundup_power2_divisions: { example: '4', choosesBlocks: true },
    backend: { example: 'native', choosesBlocks: false },
    graph_capture_record_stream_reuse: { example: 'True', choosesBlocks: false },
    pinned_num_register_threads: { example: '8', choosesBlocks: false },
    pinned_reserve_segment_size_mb: { example: '100', choosesBlocks: false },
    pinned_use_background_threads: { example: 'True', choosesBlocks: false },
    pinned_use_cuda_host_register: { example: 'True', choosesBlocks: false },
    pinned_use_hip_host_register: { example: 'True', choosesBlocks: false },
    release_lock_on_cudamalloc: { example: 'True', choosesBlocks: false },
    release_lock_on_hipmalloc: { example: 'True', choosesBlocks: false },
  }),
);

/** In the sources of versions after 2.11. */
const LATER_KEYS = ['throw_on_cudamalloc_oom', 'pinned_free_catch_all'];

export const isKey = (text: string): boolean => KEYS.has(text);
export const choosesBlocks = (key: string): boolean => KEYS.get(key)?.choosesBlocks ?? false;
export const exampleOf = (key: string): string => `${key}:${KEYS.get(key)?.example ?? '<value>'}`;

export interface Complaint {
  readonly problem: string;
  readonly advice: string | null;
  readonly offset: number;
}

/** Why `token`, met where a setting's name should stand, is none; `before` are the tokens that were read before it. */
export function explainUnknownKey(token: Token, before: readonly Token[]): Complaint {
  const { text, start } = token;
  const say = (problem: string, advice: string | null, offset = start): Complaint => ({
    problem,
    advice,
    offset,
  });
  // After "a:1;b:2" PyTorch has read "1;b" as the value and ":" as the comma, and stumbles only at "2".
  const run = before.at(-2);
  const semicolon = run?.text.indexOf(';') ?? -1;
  if (run !== undefined && semicolon !== -1)
    return say("';' does not end a setting.", "use ',' between settings", run.start + semicolon);
  if (text === ',')
    return say('A comma stands where the name of a setting should.', "remove this ',': one between settings");
  if (text === ':' || text === '[' || text === ']')
    return say(
      `'${text}' stands where the name of a setting should.`,
      `write ${exampleOf('max_split_size_mb')}`,
    );
  const equals = text.indexOf('=');
  if (equals !== -1) {
    const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
    const written = isKey(key) ? `${key}:${value}` : exampleOf('max_split_size_mb');
    return say("'=' stands where ':' should.", `write ${written}`, start + equals);
  }
  if (/^["'\u2018-\u201f]/.test(text)) return say('A quote belongs to the string.', 'remove the quotes');
  if (LATER_KEYS.includes(text))
    return say(`PyTorch 2.11 does not know ${text}; later versions do.`, 'leave it out');
  const near = nearestKey(text);
  return say(`PyTorch 2.11 knows no setting '${text}'.`, near === null ? null : `did you mean ${near}?`);
}

/** The known name that `text` was probably meant to be. */
function nearestKey(text: string): string | null {
  const lower = text.toLowerCase().replaceAll('-', '_');
  let best: string | null = null;
  let least = 4;
  for (const key of KEYS.keys()) {
    const distance = editDistance(lower, key);
    if (distance < least) {
      best = key;
      least = distance;
    }
  }
  // A short word is near to anything.
  return text.length > 2 * least ? best : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
