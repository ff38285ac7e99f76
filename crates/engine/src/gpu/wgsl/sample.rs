//! Choosing the next token.

use super::{Declare, Kernel, fill};

/// Words of a slot's row in the buffer of results: produced, finished, position, reserved, then the tokens.
pub const RESULT_HEAD: usize = 4;

/// Chooses each column's next token, and makes it the column's input.
///
/// Order, as in `transformers`: repetition penalty, temperature, top-k, top-p, min-p, draw. The draw adds Gumbel noise
/// `−ln(−ln u)` to the surviving scores and takes the largest, which is an exact draw from their softmax; `u` comes from a
/// counter-based generator keyed by seed, stream and position, so that a row does not depend on its neighbours.
///
/// `settings` has three vectors for a slot: (temperature, top_p, min_p, penalty) as bits; (top_k, seed, stream, last
/// position); (stop count, 0, 0, 0). `stops` are shared by all slots.
/// Bindings: globals, settings, stops, logits, cols, seen, results.
pub fn sample(vocab: usize, stride: usize, capacity: usize) -> Kernel {
    kernel(GROUP, vocab, stride, capacity)
}

/// [`sample`] with one thread for a column and no barriers: for adapters that run on a CPU. Four columns a workgroup.
pub fn sample_lane(vocab: usize, stride: usize, capacity: usize) -> Kernel {
    kernel(LANE, vocab, stride, capacity)
}

fn kernel(main: &str, vocab: usize, stride: usize, capacity: usize) -> Kernel {
    let mut all = Declare::globals();
    all.read("settings", "vec4<u32>");
    all.read("stops", "u32");
    all.write("logits", "f32");
    all.write("cols", "vec4<u32>");
    all.write("seen", "u32");
    all.write("results", "u32");
    let body = fill(
        &format!("{COMMON}{main}"),
        &[
            ("$VOCAB", vocab.to_string()),
            ("$STRIDE", stride.to_string()),
            ("$ROW", (capacity + RESULT_HEAD).to_string()),
            ("$CAPACITY", capacity.to_string()),
            ("$SEEN", vocab.div_ceil(32).to_string()),
        ],
    );
    all.kernel(&body)
}

const COMMON: &str = "const VOCAB = $VOCABu;
const STRIDE = $STRIDEu;
const ROW = $ROWu;
const CAPACITY = $CAPACITYu;
const SEEN = $SEENu;
fn mixed(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
// The order of floats as the order of integers.
fn key_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}
// Notes the token and makes it the column's input.
fn settle(column: u32, slot: u32, position: u32, last: u32, choice: u32, best: f32) {
  let token = min(choice, VOCAB - 1u);
  let row = slot * ROW;
  let produced = results[row];
  if (produced < CAPACITY) { results[row + 4u + produced] = token; }
  results[row] = produced + 1u;
  seen[slot * SEEN + token / 32u] |= 1u << (token % 32u);
  var finished = 0u;
  let count = settings[slot * 3u + 2u].x;
  for (var i = 0u; i < count; i++) { if (stops[i] == token) { finished = 1u; } }
  if (finished == 0u && position >= last) { finished = 2u; }
  results[row + 1u] = finished;
  results[row + 2u] = position + 1u;
  // No score was finite.
  if (!(best > -3.3e38)) { results[row + 3u] = 1u; }
  cols[column] = vec4<u32>(slot, position + 1u, token, select(0u, 1u, finished == 0u));
}
// Gumbel noise of token `i`.
fn noise(stream: u32, i: u32) -> f32 {
  let u = (f32(mixed(stream ^ mixed(i)) >> 8u) + 0.5) * 5.9604645e-8;
  return -log(-log(u));
}
";

const GROUP: &str = "var<workgroup> shared_f: array<f32, 256>;
var<workgroup> shared_i: array<u32, 256>;
fn largest(lid: u32, value: f32) -> f32 {
  shared_f[lid] = value;
  workgroupBarrier();
  for (var step = 128u; step > 0u; step = step >> 1u) {
    if (lid < step) { shared_f[lid] = max(shared_f[lid], shared_f[lid + step]); }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&shared_f[0]);
}
fn added(lid: u32, value: f32) -> f32 {
  shared_f[lid] = value;
  workgroupBarrier();
  for (var step = 128u; step > 0u; step = step >> 1u) {
    if (lid < step) { shared_f[lid] += shared_f[lid + step]; }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&shared_f[0]);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let column = wid.x;
  if (lid == 0u) { shared_i[0] = cols[column].w; shared_i[1] = cols[column].x; shared_i[2] = cols[column].y; }
  let is_on = workgroupUniformLoad(&shared_i[0]);
  let slot = workgroupUniformLoad(&shared_i[1]);
  let position = workgroupUniformLoad(&shared_i[2]);
  if (is_on == 0u) { return; }
  let a = settings[slot * 3u];
  let b = settings[slot * 3u + 1u];
  let temperature = bitcast<f32>(a.x);
  let top_p = bitcast<f32>(a.y);
  let min_p = bitcast<f32>(a.z);
  let penalty = bitcast<f32>(a.w);
  let top_k = b.x;
  let at = column * STRIDE;
  if (penalty != 1.0) {
    for (var i = lid; i < VOCAB; i += 256u) {
      if ((seen[slot * SEEN + i / 32u] & (1u << (i % 32u))) != 0u) {
        let value = logits[at + i];
        logits[at + i] = select(value / penalty, value * penalty, value < 0.0);
      }
    }
  }
  var floor = -3.0e38;
  let is_greedy = temperature <= 0.0;
  var top = 0.0;
  if (!is_greedy) {
    var best = -3.0e38;
    for (var i = lid; i < VOCAB; i += 256u) {
      let value = logits[at + i] / temperature;
      logits[at + i] = value;
      best = max(best, value);
    }
    top = largest(lid, best);
    if (top_k > 0u && top_k < VOCAB) {
      // The largest threshold that top_k scores reach, bit by bit.
      var found = 0u;
      for (var bit = 31; bit >= 0; bit--) {
        let candidate = found | (1u << u32(bit));
        var count = 0.0;
        for (var i = lid; i < VOCAB; i += 256u) { count += select(0.0, 1.0, key_of(logits[at + i]) >= candidate); }
        if (added(lid, count) >= f32(top_k)) { found = candidate; }
      }
      floor = value_of(found);
    }
    if (top_p < 1.0) {
      var mass = 0.0;
      for (var i = lid; i < VOCAB; i += 256u) {
        let value = logits[at + i];
        mass += select(0.0, exp(value - top), value >= floor);
      }
      let wanted = added(lid, mass) * top_p;
      let lowest = key_of(floor);
      var found = 0u;
      for (var bit = 31; bit >= 0; bit--) {
        let candidate = found | (1u << u32(bit));
        if (candidate <= lowest) { found = candidate; continue; }
        var part = 0.0;
        for (var i = lid; i < VOCAB; i += 256u) {
          let value = logits[at + i];
          part += select(0.0, exp(value - top), key_of(value) >= candidate);
        }
        if (added(lid, part) >= wanted) { found = candidate; }
      }
      floor = max(floor, value_of(found));
    }
    if (min_p > 0.0) { floor = max(floor, top + log(min_p)); }
    // The most likely token always survives.
    floor = min(floor, top);
  }
  var best = -3.4e38;
  var choice = VOCAB;
  let stream = mixed(b.y ^ mixed(b.z ^ mixed(position)));
  for (var i = lid; i < VOCAB; i += 256u) {
    var value = logits[at + i];
    if (!is_greedy) {
      if (value < floor) { continue; }
      value += noise(stream, i);
    }
    // NaN is larger than nothing; where there is nothing else, nothing is chosen.
    if (value > best) { best = value; choice = i; }
  }
  shared_f[lid] = best;
  shared_i[lid] = choice;
  workgroupBarrier();
  for (var step = 128u; step > 0u; step = step >> 1u) {
    if (lid < step) {
      let other = shared_f[lid + step];
      let mine = shared_f[lid];
      let theirs = shared_i[lid + step];
      if (other > mine || (other == mine && theirs < shared_i[lid])) {
        shared_f[lid] = other;
        shared_i[lid] = theirs;
      }
    }
    workgroupBarrier();
  }
  if (lid == 0u) { settle(column, slot, position, b.w, shared_i[0], shared_f[0]); }
}
";

const LANE: &str = "const BINS = 256u;
var<private> bins: array<f32, BINS>;
// The largest value of this column that, with all above it, weighs at least `wanted`: by eight bits of the key at a time.
// A value weighs its probability (relative to `top`'s), or one where `is_count`.
fn threshold(at: u32, floor: f32, top: f32, wanted: f32, is_count: bool) -> f32 {
  var prefix = 0u;
  var above = 0.0;
  for (var part = 0u; part < 4u; part++) {
    let shift = 24u - 8u * part;
    for (var b = 0u; b < BINS; b++) { bins[b] = 0.0; }
    for (var i = 0u; i < VOCAB; i++) {
      let value = logits[at + i];
      let key = key_of(value);
      if (value >= floor && (part == 0u || (key >> (shift + 8u)) == prefix)) {
        let b = (key >> shift) & 255u;
        if (is_count) { bins[b] += 1.0; } else { bins[b] += exp(value - top); }
      }
    }
    var b = BINS - 1u;
    while (b > 0u && above + bins[b] < wanted) {
      above += bins[b];
      b--;
    }
    prefix = (prefix << 8u) | b;
  }
  return value_of(prefix);
}
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = id.x;
  if (column >= globals.columns) { return; }
  let col = cols[column];
  if (col.w == 0u) { return; }
  let slot = col.x;
  let a = settings[slot * 3u];
  let b = settings[slot * 3u + 1u];
  let temperature = bitcast<f32>(a.x);
  let top_p = bitcast<f32>(a.y);
  let min_p = bitcast<f32>(a.z);
  let penalty = bitcast<f32>(a.w);
  let top_k = b.x;
  let at = column * STRIDE;
  if (penalty != 1.0) {
    for (var i = 0u; i < VOCAB; i++) {
      if ((seen[slot * SEEN + i / 32u] & (1u << (i % 32u))) != 0u) {
        let value = logits[at + i];
        logits[at + i] = select(value / penalty, value * penalty, value < 0.0);
      }
    }
  }
  var floor = -3.0e38;
  let is_greedy = temperature <= 0.0;
  if (!is_greedy) {
    var top = -3.0e38;
    for (var i = 0u; i < VOCAB; i++) {
      let value = logits[at + i] / temperature;
      logits[at + i] = value;
      top = max(top, value);
    }
    if (top_k > 0u && top_k < VOCAB) { floor = threshold(at, floor, top, f32(top_k), true); }
    if (top_p < 1.0) {
      // In parts, so that small shares are not lost beside a large sum.
      var mass = 0.0;
      for (var first = 0u; first < VOCAB; first += 1024u) {
        var part = 0.0;
        for (var i = first; i < min(VOCAB, first + 1024u); i++) {
          let value = logits[at + i];
          part += select(0.0, exp(value - top), value >= floor);
        }
        mass += part;
      }
      floor = max(floor, threshold(at, floor, top, mass * top_p, false));
    }
    if (min_p > 0.0) { floor = max(floor, top + log(min_p)); }
    // The most likely token always survives.
    floor = min(floor, top);
  }
  var best = -3.4e38;
  var choice = VOCAB;
  let stream = mixed(b.y ^ mixed(b.z ^ mixed(col.y)));
  if (is_greedy) {
    for (var i = 0u; i < VOCAB; i++) {
      let value = logits[at + i];
      // NaN is larger than nothing; where there is nothing else, nothing is chosen.
      if (value > best) { best = value; choice = i; }
    }
  } else {
    for (var i = 0u; i < VOCAB; i++) {
      let value = logits[at + i];
      if (value < floor) { continue; }
      let tried = value + noise(stream, i);
      if (tried > best) { best = tried; choice = i; }
    }
  }
  settle(column, slot, col.y, b.w, choice, best);
}
";
