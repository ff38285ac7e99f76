//! Attention.

use std::fmt::Write as _;

use super::product::THREADS;
use super::{Declare, Kernel, fill, float};

/// Shapes of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Positions a slot holds.
    pub context: usize,
    /// Queries and keys are normed, with the model's epsilon.
    pub qk_norm: Option<u32>,
    /// Positions are rotated.
    pub rope: bool,
    /// Keys in sight, for sliding windows.
    pub window: Option<usize>,
    /// Factor of the scores.
    pub scale_bits: u32,
    /// Keys and values are kept as halves.
    pub half: bool,
}

impl Attention {
    fn constants(&self) -> String {
        format!(
            "const HEADS = {}u;\nconst KVH = {}u;\nconst D = {}u;\nconst D4 = {}u;\nconst CONTEXT = {}u;\nconst SCALE = {};\nconst QKV = {}u;\n",
            self.heads,
            self.kv_heads,
            self.head_dim,
            self.head_dim / 4,
            self.context,
            float(f32::from_bits(self.scale_bits)),
            (self.heads + 2 * self.kv_heads) * self.head_dim / 4,
        )
    }

    fn element(&self) -> &'static str {
        if self.half { "vec2<u32>" } else { "vec4<f32>" }
    }

    fn load(&self, buffer: &str, at: &str) -> String {
        if self.half {
            format!(
                "vec4<f32>(unpack2x16float({buffer}[{at}].x), unpack2x16float({buffer}[{at}].y))"
            )
        } else {
            format!("{buffer}[{at}]")
        }
    }

    fn store(&self, value: &str) -> String {
        if self.half {
            format!("vec2<u32>(pack2x16float(({value}).xy), pack2x16float(({value}).zw))")
        } else {
            value.to_owned()
        }
    }

    /// `turned(at, i, position, norms, factor)`: vector `i` of a head at `at` in `qkv`, normed and rotated.
    fn turn(&self) -> String {
        let mut out = String::new();
        if let Some(eps) = self.qk_norm {
            let _ = writeln!(
                out,
                "fn factor(at: u32) -> f32 {{ var sum = 0.0; for (var i = 0u; i < D4; i++) {{ let v = qkv[at + i]; sum += dot(v, v); }} return inverseSqrt(sum / {} + {}); }}",
                float(self.head_dim as f32),
                float(f32::from_bits(eps))
            );
        } else {
            out.push_str("fn factor(at: u32) -> f32 { return 1.0; }\n");
        }
        let norm = if self.qk_norm.is_some() {
            " * norms[norm_at + i]"
        } else {
            ""
        };
        // Rows are stored so that the two of a rotated pair are neighbours.
        let rotate = if self.rope {
            "let t = rope[position * D4 + i];\nreturn vec4<f32>(v.x * t.x - v.y * t.y, v.y * t.x + v.x * t.y, v.z * t.z - v.w * t.w, v.w * t.z + v.z * t.w);"
        } else {
            "return v;"
        };
        let _ = writeln!(
            out,
            "fn turned(at: u32, i: u32, position: u32, norm_at: u32, scale: f32) -> vec4<f32> {{\nlet v = qkv[at + i] * scale{norm};\n{rotate}\n}}"
        );
        out
    }

    /// Norms, rotates and stores the keys and values of columns, and rotates their queries in place.
    /// Bindings: globals, cols, rope, norms, qkv, k, v.
    pub fn place(&self) -> Kernel {
        let mut all = Declare::globals();
        all.read("cols", "vec4<u32>");
        all.read("rope", "vec4<f32>");
        all.read("norms", "vec4<f32>");
        all.write("qkv", "vec4<f32>");
        all.write("keys", self.element());
        all.write("vals", self.element());
        let body = fill(
            "$CONSTANTS
$TURN
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x;
  if (head >= HEADS + KVH || id.y >= globals.columns) { return; }
  let col = cols[id.y];
  if (col.w == 0u) { return; }
  let at = id.y * QKV + head * D4;
  let scale = factor(at);
  if (head < HEADS) {
    for (var i = 0u; i < D4; i++) { qkv[at + i] = turned(at, i, col.y, 0u, scale) * SCALE; }
  } else {
    let to = ((col.x * CONTEXT + col.y) * KVH + head - HEADS) * D4;
    for (var i = 0u; i < D4; i++) {
      let key = turned(at, i, col.y, D4, scale);
      keys[to + i] = $KEY;
      let value = qkv[at + KVH * D4 + i];
      vals[to + i] = $VALUE;
    }
  }
}
",
            &[
                ("$CONSTANTS", self.constants()),
                ("$TURN", self.turn()),
                ("$KEY", self.store("key")),
                ("$VALUE", self.store("value")),
            ],
        );
        all.kernel(&body)
    }

    /// Attention of one column and head by a workgroup, over the keys up to the column's position.
    ///
    /// `fused` (decoding): the column's own key and value are normed, rotated and stored here. Otherwise
    /// [`Self::place`] ran before. Bindings: globals, cols, slots, rope, norms, qkv, k, v, out.
    pub fn attend(&self, fused: bool) -> Kernel {
        self.attend_split(fused, 1)
    }

    /// [`Self::attend`] with the keys spread over `splits` workgroups (in z), for long contexts. With more than one, `out`
    /// holds for each column, head and split the sum of weighted values, then (largest score, weight, 0, 0);
    /// [`Self::merge`] puts them together.
    pub fn attend_split(&self, fused: bool, splits: usize) -> Kernel {
        let d4 = self.head_dim / 4;
        let subs = (THREADS / d4).max(1);
        let prologue = if fused {
            fill(
                "let kv_at = wid.y * QKV + (HEADS + kv) * D4;
  let q_factor = factor(q_at);
  let k_factor = factor(kv_at);
  for (var i = lid; i < D4; i += 64u) {
    q[i] = turned(q_at, i, col.y, 0u, q_factor) * SCALE;
    let key = turned(kv_at, i, col.y, D4, k_factor);
    own[i] = key;
    if (head % SHARE == 0u) {
      let to = ((col.x * CONTEXT + col.y) * KVH + kv) * D4 + i;
      keys[to] = $KEY;
      let value = qkv[kv_at + KVH * D4 + i];
      vals[to] = $VALUE;
    }
  }
  workgroupBarrier();
  var top = 0.0;
  for (var i = 0u; i < D4; i++) { top += dot(q[i], own[i]); }
  var weight = 1.0;
  var out = vec4<f32>();
  if (sub == 0u && is_busy) { out = qkv[kv_at + KVH * D4 + dim]; }
  if (wid.z > 0u) { top = -1e30; weight = 0.0; out = vec4<f32>(); }
  let all_end = col.y;",
                &[("$KEY", self.store("key")), ("$VALUE", self.store("value"))],
            )
        } else {
            "for (var i = lid; i < D4; i += 64u) { q[i] = qkv[q_at + i]; }
  workgroupBarrier();
  var top = -1e30;
  var weight = 0.0;
  var out = vec4<f32>();
  let all_end = col.y + 1u;"
                .to_owned()
        };
        let body = fill(
            "$CONSTANTSconst SHARE = $SHAREu;
$TURN
var<workgroup> q: array<vec4<f32>, D4>;
var<workgroup> own: array<vec4<f32>, D4>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> parts: array<vec4<f32>, 64>;
fn place_of(slot: u32, base: vec4<u32>, j: u32) -> u32 { return select(slot, base.x, j < base.y) * CONTEXT + j; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let head = wid.x;
  let col = cols[wid.y];
  if (col.w == 0u) { return; }
  let base = slots[col.x];
  let kv = head / SHARE;
  let q_at = wid.y * QKV + head * D4;
  let dim = lid % D4;
  let sub = lid / D4;
  let is_busy = sub < $SUBSu;
  $PROLOGUE
  let start = $START;
  let share = ((all_end - min(start, all_end) + 64u * $SPLITSu - 1u) / (64u * $SPLITSu)) * 64u;
  let begin = start + wid.z * share;
  let end = min(all_end, begin + share);
  for (var first = begin; first < end; first += 64u) {
    let j = first + lid;
    var score = -1e30;
    if (j < end) {
      let at = (place_of(col.x, base, j) * KVH + kv) * D4;
      score = 0.0;
      for (var i = 0u; i < D4; i++) { score += dot(q[i], $LOAD_KEY); }
    }
    scores[lid] = score;
    workgroupBarrier();
    let count = min(64u, end - first);
    var best = top;
    for (var i = 0u; i < count; i++) { best = max(best, scores[i]); }
    let shrink = exp(top - best);
    top = best;
    weight *= shrink;
    out *= shrink;
    for (var i = 0u; i < count; i++) { weight += exp(scores[i] - top); }
    if (is_busy) {
      for (var i = sub; i < count; i += $SUBSu) {
        let at = (place_of(col.x, base, first + i) * KVH + kv) * D4 + dim;
        out += exp(scores[i] - top) * $LOAD_VALUE;
      }
    }
    workgroupBarrier();
  }
  parts[lid] = out;
  workgroupBarrier();
  if (lid < D4) {
    for (var i = 1u; i < $SUBSu; i++) { out += parts[i * D4 + lid]; }
    $STORE
  }
}
",
            &[
                ("$CONSTANTS", self.constants()),
                ("$SHARE", (self.heads / self.kv_heads).to_string()),
                ("$TURN", if fused { self.turn() } else { String::new() }),
                ("$SUBS", subs.to_string()),
                ("$PROLOGUE", prologue),
                ("$START", self.start()),
                ("$LOAD_KEY", self.load("keys", "at + i")),
                ("$LOAD_VALUE", self.load("vals", "at")),
                (
                    "$STORE",
                    if splits == 1 {
                        "y[(wid.y * HEADS + head) * D4 + lid] = out / weight;".to_owned()
                    } else {
                        "let at = ((wid.y * HEADS + head) * $SPLITSu + wid.z) * (D4 + 1u);\n    y[at + lid] = out;\n    \
                         if (lid == 0u) { y[at + D4] = vec4<f32>(top, weight, 0.0, 0.0); }"
                            .to_owned()
                    },
                ),
                ("$SPLITS", splits.to_string()),
            ],
        );
        self.attending(fused).kernel(&body)
    }

    /// Attention of one column and head by one thread, without barriers: for adapters that run on a CPU, where a barrier is
    /// dear. Bindings, `splits` and the result are those of [`Self::attend_split`].
    pub fn attend_lane(&self, fused: bool, splits: usize) -> Kernel {
        let prologue = if fused {
            fill(
                "let kv_at = id.y * QKV + (HEADS + kv) * D4;
  let q_factor = factor(q_at);
  let k_factor = factor(kv_at);
  let to = ((col.x * CONTEXT + col.y) * KVH + kv) * D4;
  var top = 0.0;
  var weight = 1.0;
  for (var i = 0u; i < D4; i++) {
    q[i] = turned(q_at, i, col.y, 0u, q_factor) * SCALE;
    let key = turned(kv_at, i, col.y, D4, k_factor);
    let value = qkv[kv_at + KVH * D4 + i];
    top += dot(q[i], key);
    out[i] = value;
    if (head % SHARE == 0u && id.z == 0u) {
      keys[to + i] = $KEY;
      vals[to + i] = $VALUE;
    }
  }
  if (id.z > 0u) {
    top = -1e30;
    weight = 0.0;
    for (var i = 0u; i < D4; i++) { out[i] = vec4<f32>(); }
  }
  let all_end = col.y;",
                &[("$KEY", self.store("key")), ("$VALUE", self.store("value"))],
            )
        } else {
            "for (var i = 0u; i < D4; i++) { q[i] = qkv[q_at + i]; out[i] = vec4<f32>(); }
  var top = -1e30;
  var weight = 0.0;
  let all_end = col.y + 1u;"
                .to_owned()
        };
        let body = fill(
            "$CONSTANTSconst SHARE = $SHAREu;
$TURN
fn place_of(slot: u32, base: vec4<u32>, j: u32) -> u32 { return select(slot, base.x, j < base.y) * CONTEXT + j; }
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x;
  if (head >= HEADS) { return; }
  let col = cols[id.y];
  if (col.w == 0u) { return; }
  let base = slots[col.x];
  let kv = head / SHARE;
  let q_at = id.y * QKV + head * D4;
  var q: array<vec4<f32>, D4>;
  var out: array<vec4<f32>, D4>;
  $PROLOGUE
  let start = $START;
  let share = (all_end - min(start, all_end) + $SPLITSu - 1u) / $SPLITSu;
  let begin = start + id.z * share;
  let end = min(all_end, begin + share);
  // Sixteen keys at a time, so that the sums are rescaled once for all of them.
  var scores: array<f32, 16>;
  for (var first = begin; first < end; first += 16u) {
    let count = min(16u, end - first);
    var best = top;
    for (var n = 0u; n < count; n++) {
      let at = (place_of(col.x, base, first + n) * KVH + kv) * D4;
      var score = 0.0;
      for (var i = 0u; i < D4; i++) { score += dot(q[i], $LOAD_KEY); }
      scores[n] = score;
      best = max(best, score);
    }
    let shrink = exp(top - best);
    top = best;
    weight *= shrink;
    for (var i = 0u; i < D4; i++) { out[i] *= shrink; }
    for (var n = 0u; n < count; n++) {
      let at = (place_of(col.x, base, first + n) * KVH + kv) * D4;
      let share_of = exp(scores[n] - top);
      weight += share_of;
      for (var i = 0u; i < D4; i++) { out[i] += share_of * $LOAD_VALUE; }
    }
  }
  $STORE
}
",
            &[
                ("$CONSTANTS", self.constants()),
                ("$SHARE", (self.heads / self.kv_heads).to_string()),
                ("$TURN", if fused { self.turn() } else { String::new() }),
                ("$PROLOGUE", prologue),
                ("$START", self.start()),
                ("$LOAD_KEY", self.load("keys", "at + i")),
                ("$LOAD_VALUE", self.load("vals", "at + i")),
                (
                    "$STORE",
                    if splits == 1 {
                        "for (var i = 0u; i < D4; i++) { y[(id.y * HEADS + head) * D4 + i] = out[i] / weight; }"
                            .to_owned()
                    } else {
                        "let at = ((id.y * HEADS + head) * $SPLITSu + id.z) * (D4 + 1u);
  for (var i = 0u; i < D4; i++) { y[at + i] = out[i]; }
  y[at + D4] = vec4<f32>(top, weight, 0.0, 0.0);"
                            .to_owned()
                    },
                ),
                ("$SPLITS", splits.to_string()),
            ],
        );
        self.attending(fused).kernel(&body)
    }

    /// The first key in sight, as WGSL.
    fn start(&self) -> String {
        self.window.map_or("0u".to_owned(), |window| {
            format!("select(0u, col.y + 1u - {window}u, col.y + 1u > {window}u)")
        })
    }

    /// Bindings of the kernels that attend.
    fn attending(&self, fused: bool) -> Declare {
        let mut all = Declare::globals();
        all.read("cols", "vec4<u32>");
        all.read("slots", "vec4<u32>");
        if fused {
            // Both tables in one: rope first, then the norms.
            all.read("rope", "vec4<f32>");
            all.read("norms", "vec4<f32>");
        }
        all.read("qkv", "vec4<f32>");
        if fused {
            all.write("keys", self.element());
            all.write("vals", self.element());
        } else {
            all.read("keys", self.element());
            all.read("vals", self.element());
        }
        all.write("y", "vec4<f32>");
        all
    }

    /// Puts the parts of [`Self::attend_split`] together. Bindings: globals, cols, parts, out.
    pub fn merge(&self, splits: usize) -> Kernel {
        let mut all = Declare::globals();
        all.read("cols", "vec4<u32>");
        all.read("parts", "vec4<f32>");
        all.write("y", "vec4<f32>");
        let body = fill(
            "$CONSTANTS
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= HEADS * D4 || id.y >= globals.columns) { return; }
  if (cols[id.y].w == 0u) { return; }
  let head = id.x / D4;
  let dim = id.x % D4;
  let at = (id.y * HEADS + head) * $SPLITSu * (D4 + 1u);
  var top = -1e30;
  for (var i = 0u; i < $SPLITSu; i++) { top = max(top, parts[at + i * (D4 + 1u) + D4].x); }
  var sum = vec4<f32>();
  var weight = 0.0;
  for (var i = 0u; i < $SPLITSu; i++) {
    let note = parts[at + i * (D4 + 1u) + D4];
    let factor = exp(note.x - top);
    sum += factor * parts[at + i * (D4 + 1u) + dim];
    weight += factor * note.y;
  }
  y[(id.y * HEADS + head) * D4 + dim] = sum / weight;
}
",
            &[
                ("$CONSTANTS", self.constants()),
                ("$SPLITS", splits.to_string()),
            ],
        );
        all.kernel(&body)
    }
}
