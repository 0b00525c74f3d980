// Inclusive running totals of 64-bit integers, in place: reduce, then scan. Three dispatches, since WebGPU
// promises no forward progress between workgroups: what one needs of another must come from an earlier dispatch.
//
//   reduce   every tile of TILE elements -> its sum in spine[tile]
//   spine    one workgroup: spine[tile] -> initial + the sums of all tiles before
//   scan     every tile: its totals, starting from spine[tile]
//
// An i64 is a vec2<u32> of low and high word; a vec4<u32> is a pair of neighbouring elements, so that the threads
// of a workgroup read and write memory in one stride. Elements past the column's end (the other half of the last
// pair) may hold anything: no total before them depends on them.

override THREADS: u32;

// Pairs that one thread takes of a tile, THREADS apart. Spelled out below instead of looped over: a private array
// that is indexed by a loop may end up in memory.
const ROWS = 4u;

struct Params {
  initial: vec2<u32>,
  pairs: u32,
  tiles: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> values: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> spine: array<vec2<u32>>;

// Two halves: each step of a scan reads one and writes the other, with one barrier.
var<workgroup> partials: array<vec2<u32>, 2u * THREADS>;
var<workgroup> pair_sums: array<vec2<u32>, ROWS * THREADS>;

fn add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn load(pair: u32) -> vec4<u32> {
  if (pair < params.pairs) {
    return values[pair];
  }
  return vec4<u32>();
}

fn store(pair: u32, before: vec2<u32>, totals: vec4<u32>) {
  if (pair < params.pairs) {
    values[pair] = vec4<u32>(add(before, totals.xy), add(before, totals.zw));
  }
}

fn sum_of(pair: vec4<u32>) -> vec2<u32> {
  return add(pair.xy, pair.zw);
}

fn totals_of(pair: vec4<u32>) -> vec4<u32> {
  return vec4<u32>(pair.xy, sum_of(pair));
}

// Sum of `own` over all threads before this one.
fn scan_threads(thread: u32, own: vec2<u32>) -> vec2<u32> {
  var half = 0u;
  partials[thread] = own;
  workgroupBarrier();
  for (var distance = 1u; distance < THREADS; distance <<= 1u) {
    var sum = partials[half + thread];
    if (thread >= distance) {
      sum = add(sum, partials[half + thread - distance]);
    }
    half = THREADS - half;
    partials[half + thread] = sum;
    workgroupBarrier();
  }
  if (thread == 0u) {
    return vec2<u32>();
  }
  return partials[half + thread - 1u];
}

@compute @workgroup_size(THREADS)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) {
    return;
  }
  let pair = tile * (ROWS * THREADS) + thread;
  let a = load(pair);
  let b = load(pair + THREADS);
  let c = load(pair + 2u * THREADS);
  let d = load(pair + 3u * THREADS);
  partials[thread] = add(add(sum_of(a), sum_of(b)), add(sum_of(c), sum_of(d)));
  workgroupBarrier();
  for (var distance = THREADS / 2u; distance > 0u; distance >>= 1u) {
    if (thread < distance) {
      partials[thread] = add(partials[thread], partials[thread + distance]);
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    spine[tile] = partials[0];
  }
}

@compute @workgroup_size(THREADS)
fn scan_spine(@builtin(local_invocation_index) thread: u32) {
  let each = (params.tiles + THREADS - 1u) / THREADS;
  let first = min(thread * each, params.tiles);
  let end = min(first + each, params.tiles);
  var sum = vec2<u32>();
  for (var tile = first; tile < end; tile++) {
    sum = add(sum, spine[tile]);
  }
  var before = add(params.initial, scan_threads(thread, sum));
  for (var tile = first; tile < end; tile++) {
    let own = spine[tile];
    spine[tile] = before;
    before = add(before, own);
  }
}

@compute @workgroup_size(THREADS)
fn scan(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let tile = group.y * groups.x + group.x;
  if (tile >= params.tiles) {
    return;
  }
  let pair = tile * (ROWS * THREADS) + thread;
  let a = totals_of(load(pair));
  let b = totals_of(load(pair + THREADS));
  let c = totals_of(load(pair + 2u * THREADS));
  let d = totals_of(load(pair + 3u * THREADS));
  pair_sums[thread] = a.zw;
  pair_sums[thread + THREADS] = b.zw;
  pair_sums[thread + 2u * THREADS] = c.zw;
  pair_sums[thread + 3u * THREADS] = d.zw;
  workgroupBarrier();

  // Transposed: this thread now owns the sums of ROWS neighbouring pairs.
  let at = thread * ROWS;
  let sum_1 = pair_sums[at];
  let sum_2 = add(sum_1, pair_sums[at + 1u]);
  let sum_3 = add(sum_2, pair_sums[at + 2u]);
  let sum_4 = add(sum_3, pair_sums[at + 3u]);
  let before = add(spine[tile], scan_threads(thread, sum_4));
  pair_sums[at] = before;
  pair_sums[at + 1u] = add(before, sum_1);
  pair_sums[at + 2u] = add(before, sum_2);
  pair_sums[at + 3u] = add(before, sum_3);
  workgroupBarrier();

  store(pair, pair_sums[thread], a);
  store(pair + THREADS, pair_sums[thread + THREADS], b);
  store(pair + 2u * THREADS, pair_sums[thread + 2u * THREADS], c);
  store(pair + 3u * THREADS, pair_sums[thread + 3u * THREADS], d);
}
