// What is open at each of many moments: number and bytes (u64) of lives by key, and the largest life of all.
//
// scatter   a life is added to the column where it opens and taken away from the one where it ends, modulo 2^64; its high
//           word is raised in the nodes of a tree over the columns that cover it (any number of columns: bottom-up)
// refine    the low word, in the nodes whose high word it shares
// scan      a workgroup a key: sums over the columns
// descend   for each column the largest of the nodes above it

override THREADS: u32;

struct Params {
  lives: u32,
  columns: u32,
  keys: u32,
  // Lives between one of a thread and its next.
  stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// First row, and the row at which it ends.
@group(0) @binding(1) var<storage, read> spans: array<vec2<i32>>;
@group(0) @binding(2) var<storage, read> sizes: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> key_of: array<u32>;
// Rows, ascending.
@group(0) @binding(4) var<storage, read> moments: array<i32>;
// Per key * columns + column.
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;
// The same, low and high word.
@group(0) @binding(6) var<storage, read_write> bytes: array<atomic<u32>>;
// Per node of the tree; the leaf of column c is columns + c.
@group(0) @binding(7) var<storage, read_write> node_highs: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> node_lows: array<atomic<u32>>;
// Per column.
@group(0) @binding(9) var<storage, read_write> largest: array<vec2<u32>>;

fn add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn negative(a: vec2<u32>) -> vec2<u32> {
  return add(~a, vec2<u32>(1u, 0u));
}

fn larger(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return select(a, b, b.y > a.y || (b.y == a.y && b.x > a.x));
}

fn add_bytes(bin: u32, amount: vec2<u32>) {
  let before = atomicAdd(&bytes[2u * bin], amount.x);
  let high = amount.y + select(0u, 1u, before + amount.x < before);
  if (high != 0u) {
    atomicAdd(&bytes[2u * bin + 1u], high);
  }
}

// First column whose moment is not before `row`.
fn column_at(row: i32) -> u32 {
  var low = 0u;
  var high = params.columns;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (moments[middle] < row) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  return low;
}

// First and last column of a life, and whether it is open at any.
fn columns_of(life: u32) -> vec2<u32> {
  if (key_of[life] >= params.keys) {
    return vec2<u32>();
  }
  let span = spans[life];
  return vec2<u32>(column_at(span.x), column_at(span.y));
}

fn first_life(group: vec3<u32>, groups: vec3<u32>, thread: u32) -> u32 {
  return (group.y * groups.x + group.x) * THREADS + thread;
}

@compute @workgroup_size(THREADS)
fn scatter(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var life = first_life(group, groups, thread); life < params.lives; life += params.stride) {
    let columns = columns_of(life);
    if (columns.x >= columns.y) {
      continue;
    }
    let size = sizes[life];
    let row = key_of[life] * params.columns;
    atomicAdd(&counts[row + columns.x], 1u);
    add_bytes(row + columns.x, size);
    if (columns.y < params.columns) {
      atomicSub(&counts[row + columns.y], 1u);
      add_bytes(row + columns.y, negative(size));
    }
    if (size.y == 0u) {
      continue;
    }
    var low = columns.x + params.columns;
    var high = columns.y + params.columns;
    while (low < high) {
      if ((low & 1u) == 1u) {
        atomicMax(&node_highs[low], size.y);
        low++;
      }
      if ((high & 1u) == 1u) {
        high--;
        atomicMax(&node_highs[high], size.y);
      }
      low /= 2u;
      high /= 2u;
    }
  }
}

fn refine_node(node: u32, size: vec2<u32>) {
  if (atomicLoad(&node_highs[node]) == size.y) {
    atomicMax(&node_lows[node], size.x);
  }
}

@compute @workgroup_size(THREADS)
fn refine(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  for (var life = first_life(group, groups, thread); life < params.lives; life += params.stride) {
    let columns = columns_of(life);
    let size = sizes[life];
    if (columns.x >= columns.y) {
      continue;
    }
    var low = columns.x + params.columns;
    var high = columns.y + params.columns;
    while (low < high) {
      if ((low & 1u) == 1u) {
        refine_node(low, size);
        low++;
      }
      if ((high & 1u) == 1u) {
        high--;
        refine_node(high, size);
      }
      low /= 2u;
      high /= 2u;
    }
  }
}

// Count, and the sum of bytes, of the columns of one thread.
struct Sum {
  count: u32,
  bytes: vec2<u32>,
}

var<workgroup> sums: array<Sum, THREADS>;

fn join(a: Sum, b: Sum) -> Sum {
  return Sum(a.count + b.count, add(a.bytes, b.bytes));
}

fn sum_at(bin: u32) -> Sum {
  return Sum(
    atomicLoad(&counts[bin]),
    vec2<u32>(atomicLoad(&bytes[2u * bin]), atomicLoad(&bytes[2u * bin + 1u])),
  );
}

@compute @workgroup_size(THREADS)
fn scan(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let key = group.y * groups.x + group.x;
  // Uniform in a workgroup, so that all of it meets the barriers or none.
  if (key >= params.keys) {
    return;
  }
  let each = (params.columns + THREADS - 1u) / THREADS;
  let begin = key * params.columns + min(thread * each, params.columns);
  let end = key * params.columns + min((thread + 1u) * each, params.columns);
  var own = Sum(0u, vec2<u32>());
  for (var bin = begin; bin < end; bin++) {
    own = join(own, sum_at(bin));
  }
  sums[thread] = own;
  workgroupBarrier();
  for (var step = 1u; step < THREADS; step *= 2u) {
    var before = Sum(0u, vec2<u32>());
    if (thread >= step) {
      before = sums[thread - step];
    }
    workgroupBarrier();
    sums[thread] = join(before, sums[thread]);
    workgroupBarrier();
  }
  var run = Sum(0u, vec2<u32>());
  if (thread > 0u) {
    run = sums[thread - 1u];
  }
  for (var bin = begin; bin < end; bin++) {
    run = join(run, sum_at(bin));
    atomicStore(&counts[bin], run.count);
    atomicStore(&bytes[2u * bin], run.bytes.x);
    atomicStore(&bytes[2u * bin + 1u], run.bytes.y);
  }
}

@compute @workgroup_size(THREADS)
fn descend(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let column = first_life(group, groups, thread);
  if (column >= params.columns) {
    return;
  }
  var most = vec2<u32>();
  for (var node = column + params.columns; node > 0u; node /= 2u) {
    most = larger(most, vec2<u32>(atomicLoad(&node_lows[node]), atomicLoad(&node_highs[node])));
  }
  largest[column] = most;
}
