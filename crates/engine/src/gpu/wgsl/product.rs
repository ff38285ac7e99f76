//! Matrix products.

use std::fmt::Write as _;

use seedbed_weights::Activation;

use super::unpack::{add, is_packable, packed, scales, values};
use super::{COMPONENTS, Declare, Kernel, fill, float};
use crate::gpu::format::Format;

/// How a matrix product is spread over threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spread {
    /// A thread computes four whole rows; no barriers. For adapters that run on a CPU, where a barrier is dear.
    Lane,
    /// The same with eight rows: a column is read half as often.
    Wide,
    /// Thirty-two threads share four rows and add up. For few columns.
    Split,
    /// A subgroup shares four rows; no barriers and no workgroup memory. The number is the least size of a subgroup there.
    Sub(u8),
    /// Sixty-four rows by sixteen or thirty-two columns through workgroup memory. For many columns.
    Tile,
}

/// What a product computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arith {
    /// f32.
    Float,
    /// f16 products of four, added in f32. For [`Spread::Tile`]; needs the feature `shader-f16`.
    Half,
    /// Packed products of bytes: columns come from [`quantize`] as two bytes a number (15 bits), and quantized weights
    /// stay integers. Not for formats of floats, nor for [`Spread::Tile`].
    Packed,
}

impl Arith {
    /// What it is for matrices of `formats`: packed bytes only where all are integers.
    pub fn of(self, formats: &[Format]) -> Self {
        if self == Self::Packed && !formats.iter().all(|format| is_packable(*format)) {
            Self::Float
        } else {
            self
        }
    }
}

/// What happens to a product's four rows of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Finish {
    /// `y = acc · norm + bias`
    Scale {
        /// A bias is added.
        bias: bool,
    },
    /// `h += acc`, and the next norm's input and sum of squares.
    Residual,
    /// `y = acc`: for models with norms before the residual is added.
    Plain,
    /// `y = act(gate · norm) · (up · norm)`
    Glu(Activation),
}

/// A matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Product {
    /// Layout of the matrix (of the gate, for [`Finish::Glu`]).
    pub format: Format,
    /// Layout of the up matrix; the same as `format` otherwise.
    pub second: Format,
    /// Spread over threads.
    pub spread: Spread,
    /// What it computes with.
    pub arith: Arith,
    /// Columns a thread computes: 1 to 4 ([`Spread::Lane`], [`Spread::Wide`], [`Spread::Split`]), 1 to 8 ([`Spread::Sub`]); 16 or 32 of a
    /// workgroup ([`Spread::Tile`]).
    pub columns: usize,
    /// Weights in a row.
    pub width: usize,
    /// Blocks of four rows in the buffers bound.
    pub blocks: usize,
    /// Where they begin in the output, in blocks.
    pub block0: usize,
    /// Rows of the output, for its stride.
    pub out_rows: usize,
    /// Width of the residual stream, for the norm.
    pub hidden: usize,
    /// Of the norm.
    pub eps_bits: u32,
    /// What becomes of the result.
    pub finish: Finish,
}

/// Threads per workgroup of the matrix kernels.
pub const THREADS: usize = 64;

impl Product {
    fn is_glu(&self) -> bool {
        matches!(self.finish, Finish::Glu(_))
    }

    fn has_norm(&self) -> bool {
        matches!(self.finish, Finish::Scale { .. } | Finish::Glu(_))
    }

    /// Blocks of four rows that a thread computes.
    fn per_thread(&self) -> usize {
        if self.spread == Spread::Wide { 2 } else { 1 }
    }

    /// Threads of a workgroup without barriers: a processor with few cores shares out small workgroups more evenly.
    fn threads(&self) -> usize {
        if self.spread == Spread::Wide { 8 } else { 16 }
    }

    /// Workgroups to run for `columns` columns.
    pub fn workgroups(&self, columns: usize) -> [u32; 3] {
        let (x, y) = match self.spread {
            Spread::Lane | Spread::Wide => (
                self.blocks.div_ceil(self.per_thread() * self.threads()),
                columns.div_ceil(self.columns),
            ),
            Spread::Split => (self.blocks.div_ceil(2), columns.div_ceil(self.columns)),
            Spread::Sub(least) => (
                self.blocks
                    .div_ceil(THREADS / usize::from(least).clamp(1, THREADS)),
                columns.div_ceil(self.columns),
            ),
            Spread::Tile => {
                let blocks = if self.is_glu() { 8 } else { 16 };
                (self.blocks.div_ceil(blocks), columns.div_ceil(self.columns))
            }
        };
        // More than 65 535 in one dimension is refused everywhere.
        let rows = x.div_ceil(32768);
        [x.div_ceil(rows) as u32, y as u32, rows as u32]
    }

    /// The kernel. Bindings: globals, values, extra, x, (values2, extra2), (ss), then what the finish needs: `y`, (bias)
    /// or `h`, next norm, `xn`, `ss`.
    pub fn kernel(&self) -> Kernel {
        let mut all = Declare::globals();
        all.read("values", "vec4<u32>");
        all.read("extra", "u32");
        if self.arith == Arith::Packed {
            all.read("xq", "vec4<u32>");
        } else {
            all.read("x", "vec4<f32>");
        }
        if self.arith == Arith::Half {
            all.enable.push_str("enable f16;\n");
        }
        // Natively naga has them without a directive. Its rows are the same for a whole subgroup, which the analysis of
        // browsers can't see.
        if matches!(self.spread, Spread::Sub(_)) && cfg!(target_arch = "wasm32") {
            all.enable
                .push_str("enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n");
        }
        if self.is_glu() {
            all.read("values2", "vec4<u32>");
            all.read("extra2", "u32");
        }
        if self.has_norm() {
            all.read("ssin", "vec4<f32>");
        }
        match self.finish {
            Finish::Scale { bias } => {
                all.write("y", "vec4<f32>");
                if bias {
                    all.read("bias", "vec4<f32>");
                }
            }
            Finish::Plain | Finish::Glu(_) => all.write("y", "vec4<f32>"),
            Finish::Residual => {
                all.write("h", "vec4<f32>");
                all.read("next", "vec4<f32>");
                all.write("xn", "vec4<f32>");
                all.write("ss", "f32");
            }
        }
        let body = match self.spread {
            Spread::Lane | Spread::Wide => self.lane(),
            Spread::Split => self.split(),
            Spread::Sub(least) => self.sub(least),
            Spread::Tile => self.tile(),
        };
        all.kernel(&format!("{}\n{body}", self.finish_text()))
    }

    /// `finish(block, column, acc, (acc2), norm)`.
    fn finish_text(&self) -> String {
        let stride = self.out_rows.div_ceil(4);
        let b0 = self.block0;
        match self.finish {
            Finish::Scale { bias } => {
                let bias = if bias {
                    format!(" + bias[{b0}u + block]")
                } else {
                    String::new()
                };
                format!(
                    "fn finish(block: u32, column: u32, acc: vec4<f32>, norm: f32) {{ y[column * {stride}u + {b0}u + block] = acc * norm{bias}; }}"
                )
            }
            Finish::Plain => format!(
                "fn finish(block: u32, column: u32, acc: vec4<f32>, norm: f32) {{ y[column * {stride}u + {b0}u + block] = acc; }}"
            ),
            Finish::Residual => format!(
                "fn finish(block: u32, column: u32, acc: vec4<f32>, norm: f32) {{\n\
                 let at = column * {stride}u + {b0}u + block;\nlet sum = h[at] + acc;\nh[at] = sum;\n\
                 xn[at] = sum * next[{b0}u + block];\nss[at] = dot(sum, sum);\n}}"
            ),
            Finish::Glu(activation) => {
                let act = match activation {
                    Activation::Silu => "g / (vec4<f32>(1.0) + exp(-g))",
                    // tanh overflows to NaN on some devices for large arguments.
                    Activation::GeluTanh => {
                        "0.5 * g * (vec4<f32>(1.0) + tanh(clamp(0.7978845608 * (g + 0.044715 * g * g * g), vec4<f32>(-15.0), vec4<f32>(15.0))))"
                    }
                };
                format!(
                    "fn finish(block: u32, column: u32, acc: vec4<f32>, acc2: vec4<f32>, norm: f32) {{\n\
                     let g = acc * norm;\ny[column * {stride}u + {b0}u + block] = ({act}) * (acc2 * norm);\n}}"
                )
            }
        }
    }

    fn norm_factor(&self) -> String {
        format!(
            "inverseSqrt(total / {} + {})",
            float(self.hidden as f32),
            float(f32::from_bits(self.eps_bits))
        )
    }

    /// One group of each block's four rows times the columns: the [`sum_of`]s grow.
    fn group(&self, columns: usize) -> String {
        let is_packed = self.arith == Arith::Packed;
        let mut out = if is_packed {
            packed_inputs(columns)
        } else {
            inputs(columns)
        };
        for at in 0..self.per_thread() {
            if at > 0 {
                // Names stand for the next block's.
                let _ = writeln!(out, "{{ let block = block{at}; let gi = gi{at};");
            }
            out.push_str(&if is_packed {
                self.packed_rows(columns, at)
            } else {
                self.rows(columns, at)
            });
            if at > 0 {
                out.push_str("}\n");
            }
        }
        out
    }

    /// A block's four rows times the columns.
    fn rows(&self, columns: usize, at: usize) -> String {
        let groups = self.width / 32;
        let mut out = String::new();
        let matrices: &[(Format, &str, &str, &str)] = &[
            (self.format, "a", "values", "extra"),
            (self.second, "b", "values2", "extra2"),
        ];
        for (format, prefix, vals, extra) in &matrices[..if self.is_glu() { 2 } else { 1 }] {
            let _ = write!(
                out,
                "{{\n{}",
                scales(*format, prefix, extra, "gi", groups, self.blocks, "block")
            );
            for (r, component) in COMPONENTS.into_iter().enumerate() {
                let _ = writeln!(
                    out,
                    "{{\n{}",
                    values(*format, prefix, vals, extra, "gi", &format!("{r}u"), r)
                );
                for c in 0..columns {
                    let dots: Vec<String> =
                        (0..8).map(|v| format!("dot(w{v}, x{c}_{v})")).collect();
                    let _ = writeln!(out, "let dot{c} = {};", dots.join(" + "));
                    out.push_str(&add(
                        *format,
                        prefix,
                        r,
                        &format!("{}.{component}", sum_of(prefix, c, at)),
                        &format!("dot{c}"),
                        &format!("sum{c}"),
                    ));
                }
                out.push_str("}\n");
            }
            out.push_str("}\n");
        }
        out
    }

    /// [`Self::rows`] with packed bytes.
    fn packed_rows(&self, columns: usize, at: usize) -> String {
        let groups = self.width / 32;
        let mut out = String::new();
        // A word of the column: `high` or `low` bytes of four numbers.
        let word = |c: usize, is_low: bool, k: usize| {
            format!(
                "x{c}_{}.{}",
                if is_low { 2 } else { 0 } + k / 4,
                COMPONENTS[k % 4]
            )
        };
        let dot = |c: usize, is_low: bool, words: std::ops::Range<usize>| {
            let terms: Vec<String> = words
                .map(|k| format!("dot4I8Packed(q{k}, {})", word(c, is_low, k)))
                .collect();
            format!("f32({})", terms.join(" + "))
        };
        let both = |c: usize, words: std::ops::Range<usize>| {
            format!(
                "({} + {} * {LOW})",
                dot(c, false, words.clone()),
                dot(c, true, words)
            )
        };
        let matrices: &[(Format, &str, &str, &str)] = &[
            (self.format, "a", "values", "extra"),
            (self.second, "b", "values2", "extra2"),
        ];
        for (format, prefix, vals, extra) in &matrices[..if self.is_glu() { 2 } else { 1 }] {
            let _ = write!(
                out,
                "{{\n{}",
                scales(*format, prefix, extra, "gi", groups, self.blocks, "block")
            );
            for (r, component) in COMPONENTS.into_iter().enumerate() {
                let _ = writeln!(out, "{{\n{}", packed(*format, vals, extra, "gi", r));
                for c in 0..columns {
                    let sum = if *format == Format::Q6K {
                        format!(
                            "{prefix}l{r} * {} + {prefix}h{r} * {}",
                            both(c, 0..4),
                            both(c, 4..8)
                        )
                    } else {
                        both(c, 0..8)
                    };
                    let _ = writeln!(out, "let dot{c} = xs{c}.x * ({sum});");
                    out.push_str(&add(
                        *format,
                        prefix,
                        r,
                        &format!("{}.{component}", sum_of(prefix, c, at)),
                        &format!("dot{c}"),
                        &format!("sum{c}"),
                    ));
                }
                out.push_str("}\n");
            }
            out.push_str("}\n");
        }
        out
    }

    /// Vectors of a column in the buffer that is read.
    fn stride(&self) -> usize {
        if self.arith == Arith::Packed {
            self.width / 32 * 5
        } else {
            self.width / 4
        }
    }

    fn accumulators(&self, columns: usize) -> String {
        let mut out = String::new();
        for at in 0..self.per_thread() {
            for c in 0..columns {
                for prefix in self.prefixes() {
                    let _ = writeln!(out, "var {} = vec4<f32>();", sum_of(prefix, c, at));
                }
            }
        }
        out
    }

    /// The matrices' names.
    fn prefixes(&self) -> &'static [&'static str] {
        if self.is_glu() { &["a", "b"] } else { &["a"] }
    }

    fn lane(&self) -> String {
        let (n, stride, per) = (self.columns, self.stride(), self.per_thread());
        let groups = self.width / 32;
        let mut text = fill(
            "@compute @workgroup_size($LANES)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let block = (id.x + id.z * groups.x * $LANESu) * $PERu;
  if (block >= $BLOCKSu) { return; }
  let column = id.y * $Nu;
",
            &[
                ("$BLOCKS", self.blocks.to_string()),
                ("$LANES", self.threads().to_string()),
                ("$PER", per.to_string()),
                ("$N", n.to_string()),
            ],
        );
        for at in 1..per {
            // One that is not there is computed like the last, and not written.
            let _ = writeln!(
                text,
                "let block{at} = min(block + {at}u, {}u);",
                self.blocks - 1
            );
        }
        for c in 0..n {
            let _ = writeln!(
                text,
                "let c{c} = min(column + {c}u, globals.columns - 1u); let xat{c} = c{c} * {stride}u;"
            );
        }
        text.push_str(&self.accumulators(n));
        let _ = writeln!(
            text,
            "for (var g = 0u; g < {groups}u; g++) {{\nlet gi = block * {groups}u + g;"
        );
        for at in 1..per {
            let _ = writeln!(text, "let gi{at} = block{at} * {groups}u + g;");
        }
        let _ = writeln!(text, "{}}}", self.group(n));
        for c in 0..n {
            let norm = if self.has_norm() {
                format!(
                    "var sums = vec4<f32>(); for (var i = 0u; i < {q}u; i++) {{ sums += ssin[c{c} * {q}u + i]; }} let total = dot(sums, vec4<f32>(1.0)); let norm = {};",
                    self.norm_factor(),
                    q = self.hidden / 16
                )
            } else {
                "let norm = 1.0;".to_owned()
            };
            let _ = writeln!(text, "if (column + {c}u < globals.columns) {{ {norm}");
            for at in 0..per {
                let sums: Vec<String> = self
                    .prefixes()
                    .iter()
                    .map(|prefix| sum_of(prefix, c, at))
                    .collect();
                let sums = sums.join(", ");
                let finish = match at {
                    0 => format!("finish(block, c{c}, {sums}, norm);"),
                    _ => format!(
                        "if (block + {at}u < {}u) {{ finish(block{at}, c{c}, {sums}, norm); }}",
                        self.blocks
                    ),
                };
                text.push_str(&finish);
            }
            text.push_str("}\n");
        }
        text.push_str("}\n");
        text
    }

    /// Subgroups may have any size: each takes blocks of the workgroup in turn.
    fn sub(&self, least: u8) -> String {
        let (n, stride) = (self.columns, self.stride());
        let mut text = fill(
            "const PER = $PERu;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lid: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) size: u32) {
  let width = min(size, 64u);
  let teams = 64u / width;
  let first = (wid.x + wid.z * groups.x) * PER + lid / width;
  let column = wid.y * $Nu;
",
            &[
                ("$PER", (THREADS / usize::from(least).clamp(1, THREADS)).to_string()),
                ("$N", n.to_string()),
            ],
        );
        for c in 0..n {
            let _ = writeln!(
                text,
                "let c{c} = min(column + {c}u, globals.columns - 1u); let xat{c} = c{c} * {stride}u;"
            );
        }
        for c in 0..n {
            if self.has_norm() {
                let _ = writeln!(
                    text,
                    "var part{c} = 0.0; for (var i = lane; i < {q}u; i += width) {{ part{c} += dot(ssin[c{c} * {q}u + i], vec4<f32>(1.0)); }}\n\
                     let norm{c} = inverseSqrt(subgroupAdd(part{c}) / {} + {});",
                    float(self.hidden as f32),
                    float(f32::from_bits(self.eps_bits)),
                    q = self.hidden / 16
                );
            } else {
                let _ = writeln!(text, "let norm{c} = 1.0;");
            }
        }
        let _ = write!(
            text,
            "for (var k = 0u; k < PER; k += teams) {{\nlet wanted = first + k;\nlet block = min(wanted, {}u);\n{}\
             for (var g = lane; g < {groups}u; g += width) {{\nlet gi = block * {groups}u + g;\n{}}}\n",
            self.blocks - 1,
            self.accumulators(n),
            self.group(n),
            groups = self.width / 32
        );
        for c in 0..n {
            let _ = writeln!(text, "let alla{c} = subgroupAdd(acca{c});");
            if self.is_glu() {
                let _ = writeln!(text, "let allb{c} = subgroupAdd(accb{c});");
            }
        }
        // Each lane writes a column, where there are enough lanes.
        text.push_str("if (wanted == block) {\n");
        for c in 0..n {
            let accs = if self.is_glu() {
                format!("alla{c}, allb{c}")
            } else {
                format!("alla{c}")
            };
            let _ = writeln!(
                text,
                "if (lane == {c}u % width && column + {c}u < globals.columns) {{ finish(block, c{c}, {accs}, norm{c}); }}"
            );
        }
        text.push_str("}\n}\n}\n");
        text
    }

    fn split(&self) -> String {
        let (n, stride) = (self.columns, self.stride());
        let per = if self.is_glu() { 2 * n } else { n };
        let mut text = fill(
            "var<workgroup> shared_acc: array<vec4<f32>, $SLOTSu>;
var<workgroup> shared_ss: array<vec4<f32>, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let lane = lid % 32u;
  let wanted = (wid.x + wid.z * groups.x) * 2u + lid / 32u;
  let block = min(wanted, $LASTu);
  let column = wid.y * $Nu;
",
            &[
                ("$SLOTS", (64 * per).to_string()),
                ("$LAST", (self.blocks - 1).to_string()),
                ("$N", n.to_string()),
            ],
        );
        for c in 0..n {
            let _ = writeln!(
                text,
                "let c{c} = min(column + {c}u, globals.columns - 1u); let xat{c} = c{c} * {stride}u;"
            );
        }
        text.push_str(&self.accumulators(n));
        let _ = write!(
            text,
            "for (var g = lane; g < {groups}u; g += 32u) {{\nlet gi = block * {groups}u + g;\n{}}}\n",
            self.group(n),
            groups = self.width / 32
        );
        for c in 0..n {
            let _ = writeln!(text, "shared_acc[lid * {per}u + {c}u] = acca{c};");
            if self.is_glu() {
                let _ = writeln!(text, "shared_acc[lid * {per}u + {}u] = accb{c};", n + c);
            }
        }
        if self.has_norm() {
            text.push_str("var ssums = vec4<f32>();\n");
            for (c, component) in COMPONENTS.into_iter().enumerate().take(n) {
                let _ = writeln!(
                    text,
                    "for (var i = lane; i < {q}u; i += 32u) {{ ssums.{component} += dot(ssin[c{c} * {q}u + i], vec4<f32>(1.0)); }}",
                    q = self.hidden / 16
                );
            }
            text.push_str("shared_ss[lid] = ssums;\n");
        }
        text.push_str("workgroupBarrier();\nfor (var step = 16u; step > 0u; step = step >> 1u) {\nif (lane < step) {\n");
        for k in 0..per {
            let _ = writeln!(
                text,
                "shared_acc[lid * {per}u + {k}u] += shared_acc[(lid + step) * {per}u + {k}u];"
            );
        }
        if self.has_norm() {
            text.push_str("shared_ss[lid] += shared_ss[lid + step];\n");
        }
        text.push_str("}\nworkgroupBarrier();\n}\nif (lane == 0u && wanted == block) {\n");
        for (c, component) in COMPONENTS.into_iter().enumerate().take(n) {
            let norm = if self.has_norm() {
                format!(
                    "let total = shared_ss[lid].{component}; let norm = {};",
                    self.norm_factor()
                )
            } else {
                "let norm = 1.0;".to_owned()
            };
            let accs = if self.is_glu() {
                format!(
                    "shared_acc[lid * {per}u + {c}u], shared_acc[lid * {per}u + {}u]",
                    n + c
                )
            } else {
                format!("shared_acc[lid * {per}u + {c}u]")
            };
            let _ = writeln!(
                text,
                "if (column + {c}u < globals.columns) {{ {norm} finish(block, c{c}, {accs}, norm); }}"
            );
        }
        text.push_str("}\n}\n");
        text
    }

    /// A workgroup of 8 × 8 threads: rows in two halves of 32 (gate and up, or sixteen blocks of one matrix).
    fn tile(&self) -> String {
        let groups = self.width / 32;
        let half = if self.is_glu() { 8 } else { 16 };
        // Columns of a thread.
        let own = self.columns / 8;
        let is_half = self.arith == Arith::Half;
        let (vector, into) = if is_half {
            ("vec4<f16>", "vec4<f16>")
        } else {
            ("vec4<f32>", "")
        };
        let load = |format: Format, prefix: &str, vals: &str, extra: &str, block: &str| {
            let mut out = format!("{{\nlet block = {block};\nlet gi = block * {groups}u + g;\n");
            // The scales of all four rows are read, one is used: a thread's row is not known to the text.
            out.push_str(&scales(
                format,
                prefix,
                extra,
                "gi",
                groups,
                self.blocks,
                "block",
            ));
            for r in 0..4 {
                let _ = write!(
                    out,
                    "if (row == {r}u) {{\n{}",
                    values(format, prefix, vals, extra, "gi", &format!("{r}u"), r)
                );
                for v in 0..8 {
                    let value = match format {
                        Format::F32 | Format::F16 | Format::BF16 => format!("w{v}"),
                        Format::Q8 | Format::Q6K => format!("{prefix}s{r} * w{v}"),
                        _ => format!("{prefix}s{r}.x * w{v} + vec4<f32>({prefix}s{r}.y)"),
                    };
                    let _ = writeln!(out, "tile_w[lid * 9u + {v}u] = {into}({value});");
                }
                out.push_str("}\n");
            }
            out.push_str("}\n");
            out
        };
        let loads = if self.is_glu() {
            format!(
                "if (lid < 32u) {} else {}",
                load(
                    self.format,
                    "a",
                    "values",
                    "extra",
                    "min(first + lid / 4u, LAST)"
                ),
                load(
                    self.second,
                    "b",
                    "values2",
                    "extra2",
                    "min(first + (lid - 32u) / 4u, LAST)"
                )
            )
        } else {
            load(
                self.format,
                "a",
                "values",
                "extra",
                "min(first + lid / 4u, LAST)",
            )
        };
        // Halves want numbers of a sane size: the norm's factor is applied before the product, not after it.
        let (norms, prepare) = if is_half {
            let factor = if self.has_norm() {
                format!(
                    "var sums = vec4<f32>(); for (var i = 0u; i < {q}u; i++) {{ sums += ssin[c * {q}u + i]; }} let total = dot(sums, vec4<f32>(1.0)); norms[lid] = {};",
                    self.norm_factor(),
                    q = self.hidden / 16
                )
            } else {
                "norms[lid] = 1.0;".to_owned()
            };
            (
                format!("var<workgroup> norms: array<f32, {}>;", self.columns),
                format!(
                    "if (lid < {}u) {{ let c = min(column + lid, globals.columns - 1u); {factor} }}\n  workgroupBarrier();",
                    self.columns
                ),
            )
        } else {
            (String::new(), String::new())
        };
        let mut text = fill(
            "const LAST = $LASTu;
var<workgroup> tile_w: array<$VECTOR, 576>;
var<workgroup> tile_x: array<$VECTOR, $XSIZE>;
$NORMS
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (wid.x + wid.z * count.x) * $HALFu;
  let column = wid.y * $COLUMNSu;
  let row = lid % 4u;
  let tx = lid % 8u;
  let ty = lid / 8u;
  var low: array<vec4<f32>, $OWN>;
  var high: array<vec4<f32>, $OWN>;
  $PREPARE
  for (var g = 0u; g < $GROUPSu; g++) {
    for (var i = lid; i < $XCOUNTu; i += 64u) {
      let c = min(column + i / 8u, globals.columns - 1u);
      tile_x[i / 8u * 9u + i % 8u] = $LOAD_X;
    }
    $LOADS
    workgroupBarrier();
    for (var v = 0u; v < 8u; v++) {
",
            &[
                ("$LAST", (self.blocks - 1).to_string()),
                ("$HALF", half.to_string()),
                ("$GROUPS", groups.to_string()),
                ("$LOADS", loads),
                ("$VECTOR", vector.to_owned()),
                ("$XSIZE", (self.columns * 9).to_string()),
                ("$XCOUNT", (self.columns * 8).to_string()),
                ("$COLUMNS", self.columns.to_string()),
                ("$OWN", own.to_string()),
                ("$NORMS", norms),
                ("$PREPARE", prepare),
                (
                    "$LOAD_X",
                    if is_half {
                        // What does not fit into a half is cut off rather than made infinite.
                        "vec4<f16>(clamp($X * norms[i / 8u], vec4<f32>(-65000.0), vec4<f32>(65000.0)))"
                    } else {
                        "$X"
                    }
                    .to_owned(),
                ),
                ("$X", "x[c * $STRIDEu + g * 8u + i % 8u]".to_owned()),
                ("$STRIDE", (self.width / 4).to_string()),
            ],
        );
        for r in 0..4 {
            let _ = writeln!(
                text,
                "let l{r} = tile_w[(ty * 4u + {r}u) * 9u + v]; let h{r} = tile_w[(32u + ty * 4u + {r}u) * 9u + v];"
            );
        }
        for c in 0..own {
            let _ = writeln!(
                text,
                "{{ let xv = tile_x[(tx + {}u) * 9u + v];\nlow[{c}] += vec4<f32>({vector}(dot(l0, xv), dot(l1, xv), dot(l2, xv), dot(l3, xv)));\nhigh[{c}] += vec4<f32>({vector}(dot(h0, xv), dot(h1, xv), dot(h2, xv), dot(h3, xv))); }}",
                8 * c
            );
        }
        text.push_str("}\nworkgroupBarrier();\n}\n");
        for c in 0..own {
            let norm = if self.has_norm() && !is_half {
                format!(
                    "var sums = vec4<f32>(); for (var i = 0u; i < {q}u; i++) {{ sums += ssin[c * {q}u + i]; }} let total = dot(sums, vec4<f32>(1.0)); let norm = {};",
                    self.norm_factor(),
                    q = self.hidden / 16
                )
            } else {
                "let norm = 1.0;".to_owned()
            };
            let stores = if self.is_glu() {
                format!(
                    "if (first + ty <= LAST) {{ finish(first + ty, c, low[{c}], high[{c}], norm); }}"
                )
            } else {
                format!(
                    "if (first + ty <= LAST) {{ finish(first + ty, c, low[{c}], norm); }}\nif (first + 8u + ty <= LAST) {{ finish(first + 8u + ty, c, high[{c}], norm); }}"
                )
            };
            let _ = writeln!(
                text,
                "{{ let c = column + tx + {}u; if (c < globals.columns) {{ {norm}\n{stores} }} }}",
                8 * c
            );
        }
        text.push_str("}\n");
        text
    }
}

/// The name of a sum: of a matrix, a column, and a thread's block.
fn sum_of(prefix: &str, column: usize, at: usize) -> String {
    match at {
        0 => format!("acc{prefix}{column}"),
        _ => format!("acc{prefix}{column}_{at}"),
    }
}

/// Reads a group's part of the columns.
fn inputs(columns: usize) -> String {
    let mut out = String::new();
    for c in 0..columns {
        for v in 0..8 {
            let _ = writeln!(out, "let x{c}_{v} = x[xat{c} + g * 8u + {v}u];");
        }
        let terms: Vec<String> = (0..8).map(|v| format!("x{c}_{v}")).collect();
        let _ = writeln!(
            out,
            "let sum{c} = dot({}, vec4<f32>(1.0));",
            terms.join(" + ")
        );
    }
    out
}

/// The same, as packed bytes.
fn packed_inputs(columns: usize) -> String {
    let mut out = String::new();
    for c in 0..columns {
        for v in 0..4 {
            let _ = writeln!(out, "let x{c}_{v} = xq[xat{c} + g * 5u + {v}u];");
        }
        let _ = writeln!(
            out,
            "let xs{c} = bitcast<vec4<f32>>(xq[xat{c} + g * 5u + 4u]); let sum{c} = xs{c}.y;"
        );
    }
    out
}

/// What a product's low bytes are worth beside the high ones.
const LOW: &str = "0.003937007874015748";

/// Writes columns as bytes for [`Arith::Packed`]: for each group of 32 numbers a scale `s` and two bytes a number with
/// `x ≈ s · (high + low / 254)`, which keeps 15 bits below the group's largest. A group is five vectors: two of high
/// bytes, two of low ones, (scale, sum of the numbers, 0, 0). A thread for a group, groups of a column in x.
/// Bindings: globals, x, xq.
pub fn quantize(width: usize) -> Kernel {
    let mut all = Declare::globals();
    all.read("x", "vec4<f32>");
    all.write("xq", "vec4<u32>");
    let body = fill(
        "@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let g = id.x;
  if (g >= $GROUPSu || id.y >= globals.columns) { return; }
  let at = (id.y * $GROUPSu + g) * 8u;
  var most = vec4<f32>();
  var sum = vec4<f32>();
  for (var i = 0u; i < 8u; i++) {
    most = max(most, abs(x[at + i]));
    sum += x[at + i];
  }
  let scale = max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
  let inverse = select(0.0, 1.0 / scale, scale > 1e-30);
  var words: array<vec4<u32>, 4>;
  for (var i = 0u; i < 8u; i++) {
    let scaled = x[at + i] * inverse;
    let high = round(scaled);
    let low = round((scaled - high) * 254.0);
    words[i / 4u][i % 4u] = packed(high);
    words[2u + i / 4u][i % 4u] = packed(low);
  }
  let to = (id.y * $GROUPSu + g) * 5u;
  for (var i = 0u; i < 4u; i++) { xq[to + i] = words[i]; }
  xq[to + 4u] = bitcast<vec4<u32>>(vec4<f32>(scale, dot(sum, vec4<f32>(1.0)), 0.0, 0.0));
}
fn packed(values: vec4<f32>) -> u32 {
  let all = vec4<u32>(vec4<i32>(values)) & vec4<u32>(255u);
  return all.x | (all.y << 8u) | (all.z << 16u) | (all.w << 24u);
}
",
        &[("$GROUPS", (width / 32).to_string())],
    );
    all.kernel(&body)
}
