//! What a model is: its sizes and the few switches in which the families differ.

use crate::{DType, Error, f32_to_half, half_to_f32, limits};

/// The family of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// Llama 2 and 3, SmolLM2, and others with the same block.
    Llama,
    /// Qwen2 and Qwen2.5.
    Qwen2,
    /// Qwen3, dense.
    Qwen3,
    /// SmolLM3.
    SmolLm3,
    /// Gemma 3, text only.
    Gemma3,
}

/// The function between the two halves of the feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// x · sigmoid(x).
    Silu,
    /// GELU, approximated with tanh.
    GeluTanh,
}

/// What may differ from layer to layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerSpec {
    /// Whether queries and keys are rotated at all.
    pub rope: bool,
    /// Base of the rotation frequencies.
    pub theta: f32,
    /// How many positions a query sees, itself included; none = all.
    pub window: Option<usize>,
    /// Whether [`Spec::rope_factors`] apply here.
    pub scaled_rope: bool,
}

/// How the rotation frequencies are changed for longer contexts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// By wavelength, as Llama 3.1 introduced it (`llama3` in transformers' `modeling_rope_utils`).
    Llama3 {
        /// What long wavelengths are divided by.
        factor: f32,
        /// `low_freq_factor`: wavelengths over `original / low` are long.
        low: f32,
        /// `high_freq_factor`: wavelengths under `original / high` stay.
        high: f32,
        /// Context the model was first trained with.
        original: f32,
    },
    /// All frequencies divided by this.
    Linear(f32),
    /// Each frequency divided by its number in the tensor [`crate::Role::RopeFactors`].
    FromTensor,
}

/// What an engine has to know to run a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The family.
    pub arch: Arch,
    /// The model's name, if the file has one.
    pub name: Option<String>,
    /// The model's licence, if the file names it.
    pub license: Option<String>,
    /// The layers, first to last.
    pub layers: Vec<LayerSpec>,
    /// Width of the hidden state.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head; even.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub ffn: usize,
    /// Tokens.
    pub vocab: usize,
    /// Epsilon of the norms.
    pub eps: f32,
    /// Positions that the model was made for.
    pub context: usize,
    /// The function of the feed-forward layer.
    pub activation: Activation,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether each head of queries and keys is normed, before the rotation.
    pub qk_norm: bool,
    /// Whether there are norms after attention and after the feed-forward layer too, before the residual is added.
    pub post_norms: bool,
    /// What embeddings are multiplied with: 1, or √hidden in the type of the embedding's weights as the reference does (Gemma).
    pub embed_scale: f32,
    /// What the products of queries and keys are multiplied with.
    pub attn_scale: f32,
    /// Whether the embedding is the head as well. In a model of several files this is settled once
    /// [`crate::Header::complete`] is.
    pub tied: bool,
    /// Whether the rows of queries and keys in this file are in GGUF `llama` order: rotated pairs are 2i and 2i+1 of each
    /// head, instead of i and i + head_dim/2.
    pub neighbour_rope: bool,
    /// Whether norms in this file have to be increased by 1 (Gemma's safetensors).
    pub norm_plus_one: bool,
    /// How the rotation frequencies are changed, in the layers with [`LayerSpec::scaled_rope`].
    pub rope_factors: RopeScaling,
}

impl Spec {
    /// The head_dim/2 rotation frequencies of a layer, in radians per position: θ^(−2i/d), changed as the layer wants it.
    /// `factors` are the numbers of [`crate::Role::RopeFactors`]; only [`RopeScaling::FromTensor`] looks at them.
    /// Empty for a layer that does not exist.
    pub fn inverse_frequencies(&self, layer: usize, factors: Option<&[f32]>) -> Vec<f32> {
        let Some(layer) = self.layers.get(layer) else {
            return Vec::new();
        };
        let d = self.head_dim as f64;
        let scaling = if layer.scaled_rope {
            self.rope_factors
        } else {
            RopeScaling::None
        };
        (0..self.head_dim / 2)
            .map(|i| {
                let plain = f64::from(layer.theta).powf(-2.0 * i as f64 / d);
                let factor = factors.and_then(|factors| factors.get(i)).copied();
                scaling.apply(plain, factor) as f32
            })
            .collect()
    }

    /// Bytes that one position of keys and values takes in half precision.
    pub fn kv_bytes_per_token_f16(&self) -> u64 {
        // Keys and values, two bytes each. The limits keep this far from overflowing.
        4 * self.layers.len() as u64 * self.kv_heads as u64 * self.head_dim as u64
    }

    /// Width of all query heads together.
    pub fn q_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key heads together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Holds the numbers to the limits and to each other. `key` turns the name of a number into the file's own key.
    pub(crate) fn check(&self, key: &dyn Fn(Number) -> String) -> Result<(), Error> {
        let sizes = [
            (Number::Layers, self.layers.len(), limits::LAYERS),
            (Number::Hidden, self.hidden, limits::WIDTH),
            (Number::Heads, self.heads, limits::HEADS),
            (Number::KvHeads, self.kv_heads, limits::HEADS),
            (Number::HeadDim, self.head_dim, limits::HEAD_DIM),
            (Number::Ffn, self.ffn, limits::WIDTH),
            (Number::Vocab, self.vocab, limits::VOCABULARY),
            (Number::Context, self.context, limits::CONTEXT),
        ];
        for (number, value, limit) in sizes {
            if value == 0 {
                return Err(Error::malformed(&key(number), "it is 0"));
            }
            if value as u64 > limit {
                return Err(Error::too_large(&key(number), "it", value as u64, limit));
            }
        }
        if self.q_width() as u64 > limits::WIDTH {
            let width = self.q_width() as u64;
            return Err(Error::too_large(
                &key(Number::Heads),
                "heads × width of a head",
                width,
                limits::WIDTH,
            ));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let (heads, kv_heads) = (self.heads, self.kv_heads);
            return Err(Error::malformed(
                &key(Number::KvHeads),
                format!("{heads} query heads can't be shared out to {kv_heads} key heads"),
            ));
        }
        if !self.head_dim.is_multiple_of(2) {
            let reason = format!("{} is odd, so it can't be rotated in pairs", self.head_dim);
            return Err(Error::malformed(&key(Number::HeadDim), reason));
        }
        let numbers = [
            (Number::Eps, self.eps, self.eps > 0.0 && self.eps < 1.0),
            (
                Number::AttnScale,
                self.attn_scale,
                self.attn_scale > 0.0 && self.attn_scale.is_finite(),
            ),
        ];
        for (number, value, good) in numbers {
            if !good {
                let reason = format!("{value} can't be right");
                return Err(Error::malformed(&key(number), reason));
            }
        }
        for layer in &self.layers {
            if !(layer.theta >= 1.0 && layer.theta.is_finite()) {
                let reason = format!("{} can't be right", layer.theta);
                return Err(Error::malformed(&key(Number::Theta), reason));
            }
            if layer.window == Some(0) {
                return Err(Error::malformed(&key(Number::Window), "it is 0"));
            }
        }
        self.rope_factors.check(&key(Number::RopeScaling))
    }
}

/// Numbers of a model, to be named in the words of the file they come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Layers,
    Hidden,
    Heads,
    KvHeads,
    HeadDim,
    Ffn,
    Vocab,
    Context,
    Eps,
    AttnScale,
    Theta,
    Window,
    RopeScaling,
}

impl RopeScaling {
    fn apply(self, frequency: f64, factor_of_tensor: Option<f32>) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear(factor) => frequency / f64::from(factor),
            Self::FromTensor => frequency / f64::from(factor_of_tensor.unwrap_or(1.0)),
            Self::Llama3 {
                factor,
                low,
                high,
                original,
            } => {
                let [factor, low, high, original] = [factor, low, high, original].map(f64::from);
                let wavelength = std::f64::consts::TAU / frequency;
                if wavelength < original / high {
                    frequency
                } else if wavelength > original / low {
                    frequency / factor
                } else {
                    let t = (original / wavelength - low) / (high - low);
                    (1.0 - t) * frequency / factor + t * frequency
                }
            }
        }
    }

    fn check(self, key: &str) -> Result<(), Error> {
        let good = |value: f32| value.is_finite() && value > 0.0;
        let right = match self {
            Self::None | Self::FromTensor => true,
            Self::Linear(factor) => good(factor),
            Self::Llama3 {
                factor,
                low,
                high,
                original,
            } => [factor, low, high, original].into_iter().all(good) && high > low,
        };
        if right {
            Ok(())
        } else {
            let reason = format!("the numbers can't be right: {self:?}");
            Err(Error::malformed(key, reason))
        }
    }
}

/// √hidden as Gemma's reference multiplies embeddings: rounded (nearest, ties to even) to the type of the embedding's weights.
/// Quantized ones were bf16 before.
pub(crate) fn gemma_embed_scale(hidden: usize, embedding: DType) -> f32 {
    let exact = (hidden as f64).sqrt() as f32;
    match embedding {
        DType::F32 => exact,
        DType::F16 => half_to_f32(f32_to_half(exact)),
        _ => {
            let bits = exact.to_bits();
            f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
        }
    }
}
