//! The text of the compute kernels. Shapes are constants in the text, so that every loop has a known length; a pipeline is
//! made once for each text.
//!
//! All kernels are valid at WebGPU's default limits, use f32 arithmetic, and need no optional feature. A *column* is one
//! token that goes through the model: a sequence's newest token when decoding, a prompt's tokens when prefilling. What a
//! column is (slot, position, token, active) stands in the buffer `cols`.
//!
//! Formulas: RMSNorm, rotary positions, grouped-query attention and the gated feed-forward as `transformers` computes
//! them. The factor of an RMSNorm is applied after the matrix product (it is the same for a whole column), and its sum of
//! squares comes from the kernel that wrote the column, four rows at a time (`ss`).

use std::fmt::Write as _;

use seedbed_weights::Activation;

use super::format::Format;

/// How a matrix product is spread over threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spread {
    /// A thread computes four whole rows; no barriers. For adapters that run on a CPU, where a barrier is dear.
    Lane,
    /// Thirty-two threads share four rows and add up. For few columns.
    Split,
    /// Sixty-four rows by thirty-two columns through workgroup memory. For many columns.
    Tile,
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
    /// Columns a thread computes ([`Spread::Lane`], [`Spread::Split`]): 1 to 4.
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

/// Columns of [`Spread::Tile`].
pub const TILE_COLUMNS: usize = 32;
/// Threads per workgroup of the matrix kernels.
pub const THREADS: usize = 64;

fn fill(text: &str, values: &[(&str, String)]) -> String {
    let mut out = text.to_owned();
    for (name, value) in values {
        out = out.replace(name, value);
    }
    out
}

/// A float as WGSL reads it.
fn float(value: f32) -> String {
    format!("{value:e}")
}

/// WGSL that defines the scales of a group's four rows: `sN` (scale, offset) for each row.
fn scales(
    format: Format,
    prefix: &str,
    extra: &str,
    gi: &str,
    groups: usize,
    blocks: usize,
    block: &str,
) -> String {
    let mut out = String::new();
    let words = format.extra_words();
    let supers = blocks * groups * words;
    match format {
        Format::F32 | Format::F16 | Format::BF16 => {}
        Format::Q8 => {
            let _ = write!(
                out,
                "let {prefix}a = unpack2x16float({extra}[{gi} * 2u]); let {prefix}b = unpack2x16float({extra}[{gi} * 2u + 1u]);\n\
                 let {prefix}s0 = {prefix}a.x; let {prefix}s1 = {prefix}a.y; let {prefix}s2 = {prefix}b.x; let {prefix}s3 = {prefix}b.y;\n"
            );
        }
        Format::Q4 | Format::Q5 => {
            for r in 0..4 {
                let _ = writeln!(
                    out,
                    "let {prefix}s{r} = unpack2x16float({extra}[{gi} * {words}u + {r}u]);"
                );
            }
        }
        Format::Q4K | Format::Q5K => {
            for r in 0..4 {
                let _ = writeln!(
                    out,
                    "let {prefix}d{r} = unpack2x16float({extra}[{supers}u + ({block} * {}u + g / 8u) * 4u + {r}u]);\n\
                     let {prefix}e{r} = {extra}[{gi} * {words}u + {}u] >> {}u;\n\
                     let {prefix}s{r} = vec2<f32>({prefix}d{r}.x * f32({prefix}e{r} & 255u), -{prefix}d{r}.y * f32(({prefix}e{r} >> 8u) & 255u));",
                    groups / 8,
                    r / 2,
                    r % 2 * 16
                );
            }
        }
        Format::Q6K => {
            for r in 0..4 {
                let part = if r % 2 == 0 { "x" } else { "y" };
                let _ = writeln!(
                    out,
                    "let {prefix}s{r} = unpack2x16float({extra}[{supers}u + ({block} * {}u + g / 8u) * 2u + {}u]).{part};\n\
                     let {prefix}e{r} = bitcast<i32>({extra}[{gi} * 10u + {}u]);\n\
                     let {prefix}l{r} = f32(({prefix}e{r} << {}u) >> 24u); let {prefix}h{r} = f32(({prefix}e{r} << {}u) >> 24u);",
                    groups / 8,
                    r / 2,
                    r / 2,
                    24 - r % 2 * 16,
                    16 - r % 2 * 16
                );
            }
        }
    }
    out
}

/// WGSL that defines `w0` to `w7`, the 32 integers of row `r` of group `gi` as floats, without scale and offset.
fn values(
    format: Format,
    prefix: &str,
    values: &str,
    extra: &str,
    gi: &str,
    r: &str,
    row: usize,
) -> String {
    let mut out = String::new();
    let words = format.extra_words();
    match format {
        Format::F32 => {
            for v in 0..8 {
                let _ = writeln!(
                    out,
                    "let w{v} = bitcast<vec4<f32>>({values}[({gi} * 4u + {r}) * 8u + {v}u]);"
                );
            }
        }
        Format::F16 | Format::BF16 => {
            for v in 0..4 {
                let _ = writeln!(out, "let p{v} = {values}[({gi} * 4u + {r}) * 4u + {v}u];");
                for (half, (a, b)) in [("x", "y"), ("z", "w")].into_iter().enumerate() {
                    let w = 2 * v + half;
                    let _ = if format == Format::F16 {
                        writeln!(
                            out,
                            "let w{w} = vec4<f32>(unpack2x16float(p{v}.{a}), unpack2x16float(p{v}.{b}));"
                        )
                    } else {
                        writeln!(
                            out,
                            "let w{w} = bitcast<vec4<f32>>(vec4<u32>(p{v}.{a} << 16u, p{v}.{a} & 0xffff0000u, p{v}.{b} << 16u, p{v}.{b} & 0xffff0000u));"
                        )
                    };
                }
            }
        }
        Format::Q8 => {
            for v in 0..2 {
                let _ = writeln!(
                    out,
                    "let p{v} = bitcast<vec4<i32>>({values}[({gi} * 4u + {r}) * 2u + {v}u]);"
                );
                for (k, c) in ["x", "y", "z", "w"].into_iter().enumerate() {
                    let w = 4 * v + k;
                    let _ = writeln!(
                        out,
                        "let w{w} = vec4<f32>(vec4<i32>(p{v}.{c} << 24u, p{v}.{c} << 16u, p{v}.{c} << 8u, p{v}.{c}) >> vec4<u32>(24u));"
                    );
                }
            }
        }
        Format::Q4 | Format::Q4K | Format::Q5 | Format::Q5K | Format::Q6K => {
            let _ = writeln!(out, "let p = {values}[{gi} * 4u + {r}];");
            let high = match format {
                Format::Q5 => {
                    let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + 4u + {r}];");
                    1
                }
                Format::Q5K => {
                    let _ = writeln!(out, "let b = {extra}[{gi} * {words}u + 2u + {r}];");
                    1
                }
                Format::Q6K => {
                    let _ = writeln!(
                        out,
                        "let b = {extra}[{gi} * {words}u + 2u + 2u * {r}]; let t = {extra}[{gi} * {words}u + 3u + 2u * {r}];"
                    );
                    2
                }
                _ => 0,
            };
            for (k, c) in ["x", "y", "z", "w"].into_iter().enumerate() {
                for (part, shift) in [(0, 0), (1, 4)] {
                    let w = k + 4 * part;
                    let low = format!(
                        "(vec4<u32>(p.{c} >> {}u, p.{c} >> {}u, p.{c} >> {}u, p.{c} >> {}u) & vec4<u32>(15u))",
                        shift,
                        shift + 8,
                        shift + 16,
                        shift + 24
                    );
                    let _ = match high {
                        0 => writeln!(out, "let w{w} = vec4<f32>{low};"),
                        1 => {
                            let at = 4 * k + 16 * part;
                            writeln!(
                                out,
                                "let w{w} = vec4<f32>({low} | ((vec4<u32>(b >> {at}u, b >> {}u, b >> {}u, b >> {}u) & vec4<u32>(1u)) << vec4<u32>(4u)));",
                                at + 1,
                                at + 2,
                                at + 3
                            )
                        }
                        _ => {
                            let (word, at) = (if part == 0 { "b" } else { "t" }, 8 * k);
                            let scale = if part == 0 { "l" } else { "h" };
                            writeln!(
                                out,
                                "let w{w} = (vec4<f32>({low} | ((vec4<u32>({word} >> {at}u, {word} >> {}u, {word} >> {}u, {word} >> {}u) & vec4<u32>(3u)) << vec4<u32>(4u))) - vec4<f32>(32.0)) * {prefix}{scale}{row};",
                                at + 2,
                                at + 4,
                                at + 6
                            )
                        }
                    };
                }
            }
        }
    }
    out
}

/// `acc += scale · dot + offset · sum`, as the format has it.
fn add(format: Format, prefix: &str, row: usize, acc: &str, dot: &str, sum: &str) -> String {
    match format {
        Format::F32 | Format::F16 | Format::BF16 => format!("{acc} += {dot};\n"),
        Format::Q8 | Format::Q6K => format!("{acc} += {prefix}s{row} * {dot};\n"),
        Format::Q4 | Format::Q5 | Format::Q4K | Format::Q5K => {
            format!("{acc} += {prefix}s{row}.x * {dot} + {prefix}s{row}.y * {sum};\n")
        }
    }
}

const COMPONENTS: [&str; 4] = ["x", "y", "z", "w"];

/// Kinds of bindings, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bind {
    /// A uniform buffer.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written.
    Write,
}

/// A kernel's text and its bindings.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// WGSL.
    pub text: String,
    /// Bindings of group 0, from 0.
    pub bindings: Vec<Bind>,
}

/// Collects declarations of bindings.
#[derive(Default)]
struct Declare {
    text: String,
    bindings: Vec<Bind>,
}

impl Declare {
    fn globals() -> Self {
        let mut all = Self::default();
        all.text
            .push_str("struct Globals { columns: u32, keys: u32, a: u32, b: u32 }\n");
        let _ = writeln!(
            all.text,
            "@group(0) @binding(0) var<uniform> globals: Globals;"
        );
        all.bindings.push(Bind::Uniform);
        all
    }

    fn read(&mut self, name: &str, element: &str) {
        let at = self.bindings.len();
        let _ = writeln!(
            self.text,
            "@group(0) @binding({at}) var<storage, read> {name}: array<{element}>;"
        );
        self.bindings.push(Bind::Read);
    }

    fn write(&mut self, name: &str, element: &str) {
        let at = self.bindings.len();
        let _ = writeln!(
            self.text,
            "@group(0) @binding({at}) var<storage, read_write> {name}: array<{element}>;"
        );
        self.bindings.push(Bind::Write);
    }

    fn kernel(self, body: &str) -> Kernel {
        Kernel {
            text: format!("{}\n{body}", self.text),
            bindings: self.bindings,
        }
    }
}

impl Product {
    fn is_glu(&self) -> bool {
        matches!(self.finish, Finish::Glu(_))
    }

    fn has_norm(&self) -> bool {
        matches!(self.finish, Finish::Scale { .. } | Finish::Glu(_))
    }

    /// Workgroups to run for `columns` columns.
    pub fn workgroups(&self, columns: usize) -> [u32; 3] {
        let (x, y) = match self.spread {
            Spread::Lane => (
                self.blocks.div_ceil(THREADS),
                columns.div_ceil(self.columns),
            ),
            Spread::Split => (self.blocks.div_ceil(2), columns.div_ceil(self.columns)),
            Spread::Tile => {
                let blocks = if self.is_glu() { 8 } else { 16 };
                (self.blocks.div_ceil(blocks), columns.div_ceil(TILE_COLUMNS))
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
        all.read("x", "vec4<f32>");
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
            Spread::Lane => self.lane(),
            Spread::Split => self.split(),
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

    /// One group of four rows times the columns: `acc{matrix}_{column}` grow.
    fn group(&self, columns: usize) -> String {
        let groups = self.width / 32;
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
                        &format!("acc{prefix}{c}.{component}"),
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

    fn accumulators(&self, columns: usize) -> String {
        let mut out = String::new();
        for c in 0..columns {
            let _ = writeln!(out, "var acca{c} = vec4<f32>();");
            if self.is_glu() {
                let _ = writeln!(out, "var accb{c} = vec4<f32>();");
            }
        }
        out
    }

    fn lane(&self) -> String {
        let (n, stride) = (self.columns, self.width / 4);
        let mut text = fill(
            "@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let block = id.x + id.z * groups.x * 64u;
  if (block >= $BLOCKSu) { return; }
  let column = id.y * $Nu;
",
            &[("$BLOCKS", self.blocks.to_string()), ("$N", n.to_string())],
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
            "for (var g = 0u; g < {groups}u; g++) {{\nlet gi = block * {groups}u + g;\n{}}}\n",
            self.group(n),
            groups = self.width / 32
        );
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
            let accs = if self.is_glu() {
                format!("acca{c}, accb{c}")
            } else {
                format!("acca{c}")
            };
            let _ = writeln!(
                text,
                "if (column + {c}u < globals.columns) {{ {norm} finish(block, c{c}, {accs}, norm); }}"
            );
        }
        text.push_str("}\n");
        text
    }

    fn split(&self) -> String {
        let (n, stride) = (self.columns, self.width / 4);
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
                    let _ = writeln!(out, "tile_w[lid * 9u + {v}u] = {value};");
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
        let mut text = fill(
            "const LAST = $LASTu;
var<workgroup> tile_w: array<vec4<f32>, 576>;
var<workgroup> tile_x: array<vec4<f32>, 288>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (wid.x + wid.z * count.x) * $HALFu;
  let column = wid.y * 32u;
  let row = lid % 4u;
  let tx = lid % 8u;
  let ty = lid / 8u;
  var low: array<vec4<f32>, 4>;
  var high: array<vec4<f32>, 4>;
  for (var g = 0u; g < $GROUPSu; g++) {
    for (var i = lid; i < 256u; i += 64u) {
      let c = min(column + i / 8u, globals.columns - 1u);
      tile_x[i / 8u * 9u + i % 8u] = x[c * $STRIDEu + g * 8u + i % 8u];
    }
    $LOADS
    workgroupBarrier();
    for (var v = 0u; v < 8u; v++) {
",
            &[
                ("$LAST", (self.blocks - 1).to_string()),
                ("$HALF", half.to_string()),
                ("$GROUPS", groups.to_string()),
                ("$STRIDE", (self.width / 4).to_string()),
                ("$LOADS", loads),
            ],
        );
        for r in 0..4 {
            let _ = writeln!(
                text,
                "let l{r} = tile_w[(ty * 4u + {r}u) * 9u + v]; let h{r} = tile_w[(32u + ty * 4u + {r}u) * 9u + v];"
            );
        }
        for c in 0..4 {
            let _ = writeln!(
                text,
                "{{ let xv = tile_x[(tx + {}u) * 9u + v];\nlow[{c}] += vec4<f32>(dot(l0, xv), dot(l1, xv), dot(l2, xv), dot(l3, xv));\nhigh[{c}] += vec4<f32>(dot(h0, xv), dot(h1, xv), dot(h2, xv), dot(h3, xv)); }}",
                8 * c
            );
        }
        text.push_str("}\nworkgroupBarrier();\n}\n");
        for c in 0..4 {
            let norm = if self.has_norm() {
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
        let start = self.window.map_or("0u".to_owned(), |window| {
            format!("select(0u, col.y + 1u - {window}u, col.y + 1u > {window}u)")
        });
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
                ("$START", start),
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
        all.kernel(&body)
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

/// Threads of the sampling kernel.
pub const SAMPLERS: usize = 256;
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
    let mut all = Declare::globals();
    all.read("settings", "vec4<u32>");
    all.read("stops", "u32");
    all.write("logits", "f32");
    all.write("cols", "vec4<u32>");
    all.write("seen", "u32");
    all.write("results", "u32");
    let body = fill(
        "const VOCAB = $VOCABu;
const STRIDE = $STRIDEu;
const ROW = $ROWu;
const CAPACITY = $CAPACITYu;
const SEEN = $SEENu;
var<workgroup> shared_f: array<f32, 256>;
var<workgroup> shared_i: array<u32, 256>;
fn mixed(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
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
// The order of floats as the order of integers.
fn key_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn value_of(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
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
      let u = (f32(mixed(stream ^ mixed(i)) >> 8u) + 0.5) * 5.9604645e-8;
      value = value - log(-log(u));
    }
    if (value > best || choice == VOCAB) { best = value; choice = i; }
  }
  shared_f[lid] = best;
  shared_i[lid] = choice;
  workgroupBarrier();
  for (var step = 128u; step > 0u; step = step >> 1u) {
    if (lid < step) {
      let other = shared_f[lid + step];
      let mine = shared_f[lid];
      let theirs = shared_i[lid + step];
      if (theirs < VOCAB && (other > mine || (other == mine && theirs < shared_i[lid]) || shared_i[lid] == VOCAB)) {
        shared_f[lid] = other;
        shared_i[lid] = theirs;
      }
    }
    workgroupBarrier();
  }
  if (lid == 0u) {
    let token = min(shared_i[0], VOCAB - 1u);
    let row = slot * ROW;
    let produced = results[row];
    if (produced < CAPACITY) { results[row + 4u + produced] = token; }
    results[row] = produced + 1u;
    seen[slot * SEEN + token / 32u] |= 1u << (token % 32u);
    var finished = 0u;
    let count = settings[slot * 3u + 2u].x;
    for (var i = 0u; i < count; i++) { if (stops[i] == token) { finished = 1u; } }
    if (finished == 0u && position >= b.w) { finished = 2u; }
    results[row + 1u] = finished;
    results[row + 2u] = position + 1u;
    // NaN compares with nothing: no score was finite.
    if (!(shared_f[0] > -3.3e38)) { results[row + 3u] = 1u; }
    cols[column] = vec4<u32>(slot, position + 1u, token, select(0u, 1u, finished == 0u));
  }
}
",
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
