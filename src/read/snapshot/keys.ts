/**
 * Keys, interned first: their string ids are their places in this list. Those of events come before the 32nd, so
 * that the ones an event had fit a mask; those that newer versions add to events lie together.
 */
// prettier-ignore
export const KEYS = [
  'action', 'addr', 'size', 'stream', 'time_us', 'frames', 'device_free',
  'name', 'filename', 'line', 'device', 'address', 'total_size', 'allocated_size', 'active_size', 'requested_size',
  'segment_type', 'segment_pool_id', 'is_expandable', 'blocks', 'state', 'history', 'real_size', 'stage',
  'compile_context', 'user_metadata', 'internal_metadata', 'forward_frames', 'pool_id',
  'segments', 'device_traces', 'allocator_settings', 'external_annotations', 'host_segments', 'host_traces',
] as const;
type Key = (typeof KEYS)[number];
/** Id of a key's string. */
export const K = Object.fromEntries(KEYS.map((key, index) => [key, index])) as Record<Key, number>;
