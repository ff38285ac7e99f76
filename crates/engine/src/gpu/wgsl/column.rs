//! What is done to whole columns: embedding and the norm of a branch.

use std::fmt::Write as _;

use super::unpack::{scales, values};
use super::{Declare, Kernel, fill, float};
use crate::gpu::format::Format;

/// Rows of the embedding, read from the quantized matrix: `h`, the first norm's input and its sums of squares.
/// Bindings: globals, values, extra, cols, next norm, h, xn, ss.
pub fn embed(format: Format, width: usize, blocks: usize, block0: usize, scale: f32) -> Kernel {
    let mut all = Declare::globals();
    all.read("values", "vec4<u32>");
    all.read("extra", "u32");
    all.read("cols", "vec4<u32>");
    all.read("next", "vec4<f32>");
    all.write("h", "vec4<f32>");
    all.write("xn", "vec4<f32>");
    all.write("ss", "f32");
    let groups = width / 32;
    let mut rows = String::new();
    rows.push_str(&scales(format, "a", "extra", "gi", groups, blocks, "block"));
    for r in 0..4 {
        let _ = write!(
            rows,
            "if (row == {r}u) {{\n{}",
            values(format, "a", "values", "extra", "gi", &format!("{r}u"), r)
        );
        for v in 0..8 {
            let value = match format {
                Format::F32 | Format::F16 | Format::BF16 => format!("w{v}"),
                Format::Q8 | Format::Q6K => format!("as{r} * w{v}"),
                _ => format!("as{r}.x * w{v} + vec4<f32>(as{r}.y)"),
            };
            let _ = writeln!(rows, "put(id.y, g * 8u + {v}u, {value});");
        }
        rows.push_str("}\n");
    }
    let body = fill(
        "fn put(column: u32, at: u32, value: vec4<f32>) {
  let all = value * $SCALE;
  let i = column * $STRIDEu + at;
  h[i] = all;
  xn[i] = all * next[at];
  ss[i] = dot(all, all);
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let g = id.x;
  if (g >= $GROUPSu) { return; }
  let token = cols[id.y].z;
  if (token / 4u < $FIRSTu || token / 4u >= $ENDu) { return; }
  let block = token / 4u - $FIRSTu;
  let row = token % 4u;
  let gi = block * $GROUPSu + g;
  $ROWS
}
",
        &[
            ("$SCALE", float(scale)),
            ("$STRIDE", (width / 4).to_string()),
            ("$GROUPS", groups.to_string()),
            ("$FIRST", block0.to_string()),
            ("$END", (block0 + blocks).to_string()),
            ("$ROWS", rows),
        ],
    );
    all.kernel(&body)
}

/// Adds a normed branch to the residual stream (models with norms after attention and feed-forward):
/// `h += norm(y) · w`, then the next norm's input and sums. One workgroup per column.
/// Bindings: globals, y, w, next, h, xn, ss.
pub fn post_norm(hidden: usize, eps: f32) -> Kernel {
    let mut all = Declare::globals();
    all.read("y", "vec4<f32>");
    all.read("own", "vec4<f32>");
    all.read("next", "vec4<f32>");
    all.write("h", "vec4<f32>");
    all.write("xn", "vec4<f32>");
    all.write("ss", "f32");
    let body = fill(
        "var<workgroup> sums: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let at = wid.y * $H4u;
  var sum = 0.0;
  for (var i = lid; i < $H4u; i += 64u) { sum += dot(y[at + i], y[at + i]); }
  sums[lid] = sum;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < 64u; i++) { total += sums[i]; }
  let norm = inverseSqrt(total / $H + $EPS);
  for (var i = lid; i < $H4u; i += 64u) {
    let value = h[at + i] + y[at + i] * norm * own[i];
    h[at + i] = value;
    xn[at + i] = value * next[i];
    ss[at + i] = dot(value, value);
  }
}
",
        &[
            ("$H4", (hidden / 4).to_string()),
            ("$H", float(hidden as f32)),
            ("$EPS", float(eps)),
        ],
    );
    all.kernel(&body)
}
