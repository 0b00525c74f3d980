// First, min, max, last and first index of the max of ranges of a column of signed 64-bit integers: one workgroup
// takes one range. A range is a pixel column, or a piece of one where the column is long (the host joins pieces),
// so that a burst that fills a single pixel does not leave the rest of the GPU idle. Ranges are never empty.
//
// No 64-bit atomics: every range is contiguous and has one writer.

override THREADS: u32;

struct Extremes {
  first: vec2<u32>,
  last: vec2<u32>,
  min: vec2<u32>,
  max: vec2<u32>,
  max_index: u32,
}

// Begin and end of each range.
@group(0) @binding(0) var<storage, read> ranges: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> values: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> results: array<Extremes>;

var<workgroup> mins: array<vec2<u32>, THREADS>;
var<workgroup> maxs: array<vec2<u32>, THREADS>;
var<workgroup> max_indices: array<u32, THREADS>;

fn less(a: vec2<u32>, b: vec2<u32>) -> bool {
  let a_high = bitcast<i32>(a.y);
  let b_high = bitcast<i32>(b.y);
  return a_high < b_high || (a_high == b_high && a.x < b.x);
}

struct Fold {
  min: vec2<u32>,
  max: vec2<u32>,
  max_index: u32,
}

// An element may come twice, and later again: it changes nothing then.
fn take(fold: Fold, value: vec2<u32>, index: u32) -> Fold {
  var next = fold;
  if (less(value, fold.min)) {
    next.min = value;
  }
  if (less(fold.max, value)) {
    next.max = value;
    next.max_index = index;
  }
  return next;
}

@compute @workgroup_size(THREADS)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let range_index = group.y * groups.x + group.x;
  if (range_index >= arrayLength(&ranges)) {
    return;
  }
  let range = ranges[range_index];
  let last = range.y - 1u;

  // Threads without an element of their own start, and end, with the last one.
  let start = min(range.x + thread, last);
  let first_value = values[start];
  var fold = Fold(first_value, first_value, start);
  // Four loads in flight; those past the end fall back on the last element.
  for (var i = start + THREADS; i <= last; i += 4u * THREADS) {
    let i_1 = min(i + THREADS, last);
    let i_2 = min(i + 2u * THREADS, last);
    let i_3 = min(i + 3u * THREADS, last);
    let value = values[i];
    let value_1 = values[i_1];
    let value_2 = values[i_2];
    let value_3 = values[i_3];
    fold = take(fold, value, i);
    fold = take(fold, value_1, i_1);
    fold = take(fold, value_2, i_2);
    fold = take(fold, value_3, i_3);
  }

  mins[thread] = fold.min;
  maxs[thread] = fold.max;
  max_indices[thread] = fold.max_index;
  workgroupBarrier();
  for (var distance = THREADS / 2u; distance > 0u; distance >>= 1u) {
    if (thread < distance) {
      let other = thread + distance;
      if (less(mins[other], mins[thread])) {
        mins[thread] = mins[other];
      }
      let earlier = all(maxs[other] == maxs[thread]) && max_indices[other] < max_indices[thread];
      if (earlier || less(maxs[thread], maxs[other])) {
        maxs[thread] = maxs[other];
        max_indices[thread] = max_indices[other];
      }
    }
    workgroupBarrier();
  }
  if (thread == 0u) {
    results[range_index] = Extremes(values[range.x], values[last], mins[0], maxs[0], max_indices[0]);
  }
}
