//! The text of the compute kernels. Shapes are constants in the text, so that every loop has a known length; a pipeline is
//! made once for each text.
//!
//! The kernels of the base set are valid at WebGPU's default limits, use f32 arithmetic, and need no optional feature;
//! variants with subgroups, halves and packed bytes are used where the device has them and they are quicker. A *column* is one
//! token that goes through the model: a sequence's newest token when decoding, a prompt's tokens when prefilling. What a
//! column is (slot, position, token, active) stands in the buffer `cols`.
//!
//! Formulas: RMSNorm, rotary positions, grouped-query attention and the gated feed-forward as `transformers` computes
//! them. The factor of an RMSNorm is applied after the matrix product (it is the same for a whole column), and its sum of
//! squares comes from the kernel that wrote the column, four rows at a time (`ss`).

mod attention;
mod column;
mod product;
mod sample;
mod unpack;

use std::fmt::Write as _;

pub use attention::Attention;
pub use column::{embed, post_norm};
pub use product::{Arith, Finish, Product, Spread, THREADS, quantize};
pub use sample::{RESULT_HEAD, sample, sample_lane};

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
    /// Extensions that the text uses; they come first.
    enable: String,
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
            text: format!("{}{}\n{body}", self.enable, self.text),
            bindings: self.bindings,
        }
    }
}
