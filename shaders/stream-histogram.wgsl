// Number and bytes of sizes (u64) by stream and log2 class. Every workgroup counts its rows in bins of its own and
// then adds them to the global ones; a 64-bit sum is two u32 atomics with the carry taken from the low one.
//
// A workgroup has bins for SLOTS streams. Where there are more streams, the y dimension of the dispatch takes SLOTS
// of them each; where there are fewer, the spare slots hold copies of the same bins, so that threads meet less often.

override THREADS: u32;
override CLASSES: u32;
override SLOTS: u32;
// Key that belongs to no stream.
override SKIP: u32;

struct Params {
  begin: u32,
  end: u32,
  rows_per_workgroup: u32,
  streams: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> sizes: array<vec2<u32>>;
// Per bin (stream * CLASSES + class).
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;
// Per bin, low and high word.
@group(0) @binding(4) var<storage, read_write> bytes: array<atomic<u32>>;

var<workgroup> own_counts: array<atomic<u32>, SLOTS * CLASSES>;
var<workgroup> own_lows: array<atomic<u32>, SLOTS * CLASSES>;
var<workgroup> own_highs: array<atomic<u32>, SLOTS * CLASSES>;

fn add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn class_of(size: vec2<u32>) -> u32 {
  if (size.y != 0u) {
    return 32u + firstLeadingBit(size.y);
  }
  return firstLeadingBit(size.x | 1u);
}

// Rows of one bin that a thread met in a row: added at once. Where all rows fall into one bin, that is one
// atomic operation a thread instead of one a row.
struct Run {
  bin: u32,
  count: u32,
  sum: vec2<u32>,
}

fn flush(run: Run) {
  if (run.count == 0u) {
    return;
  }
  atomicAdd(&own_counts[run.bin], run.count);
  let before = atomicAdd(&own_lows[run.bin], run.sum.x);
  let high = run.sum.y + select(0u, 1u, before + run.sum.x < before);
  if (high != 0u) {
    atomicAdd(&own_highs[run.bin], high);
  }
}

// The streams this workgroup counts, and where this thread's copy of their bins begins.
struct Slots {
  first_stream: u32,
  streams: u32,
  first_bin: u32,
}

fn take(run: Run, key: u32, size: vec2<u32>, slots: Slots) -> Run {
  let slot = key - slots.first_stream;
  if (slot >= slots.streams) {
    return run;
  }
  let bin = slots.first_bin + slot * CLASSES + class_of(size);
  if (bin == run.bin) {
    return Run(bin, run.count + 1u, add(run.sum, size));
  }
  flush(run);
  return Run(bin, 1u, size);
}

fn key_at(row: u32, end: u32) -> u32 {
  return select(SKIP, keys[min(row, end - 1u)], row < end);
}

@compute @workgroup_size(THREADS)
fn count(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let first_stream = group.y * SLOTS;
  let streams = min(SLOTS, params.streams - first_stream);
  let copies = SLOTS / streams;
  let slots = Slots(first_stream, streams, (thread % copies) * streams * CLASSES);

  for (var bin = thread; bin < SLOTS * CLASSES; bin += THREADS) {
    atomicStore(&own_counts[bin], 0u);
    atomicStore(&own_lows[bin], 0u);
    atomicStore(&own_highs[bin], 0u);
  }
  workgroupBarrier();

  let begin = params.begin + group.x * params.rows_per_workgroup;
  let end = min(begin + params.rows_per_workgroup, params.end);
  var run = Run(0u, 0u, vec2<u32>());
  // Four rows in flight.
  for (var row = begin + thread; row < end; row += 4u * THREADS) {
    let key_0 = keys[row];
    let key_1 = key_at(row + THREADS, end);
    let key_2 = key_at(row + 2u * THREADS, end);
    let key_3 = key_at(row + 3u * THREADS, end);
    let size_0 = sizes[row];
    let size_1 = sizes[min(row + THREADS, end - 1u)];
    let size_2 = sizes[min(row + 2u * THREADS, end - 1u)];
    let size_3 = sizes[min(row + 3u * THREADS, end - 1u)];
    run = take(run, key_0, size_0, slots);
    run = take(run, key_1, size_1, slots);
    run = take(run, key_2, size_2, slots);
    run = take(run, key_3, size_3, slots);
  }
  flush(run);
  workgroupBarrier();

  for (var bin = thread; bin < streams * CLASSES; bin += THREADS) {
    var number = 0u;
    var sum = vec2<u32>();
    for (var copy = 0u; copy < copies; copy++) {
      let own = copy * streams * CLASSES + bin;
      number += atomicLoad(&own_counts[own]);
      sum = add(sum, vec2<u32>(atomicLoad(&own_lows[own]), atomicLoad(&own_highs[own])));
    }
    if (number != 0u) {
      let target_bin = first_stream * CLASSES + bin;
      atomicAdd(&counts[target_bin], number);
      let before = atomicAdd(&bytes[2u * target_bin], sum.x);
      let high = sum.y + select(0u, 1u, before + sum.x < before);
      if (high != 0u) {
        atomicAdd(&bytes[2u * target_bin + 1u], high);
      }
    }
  }
}
