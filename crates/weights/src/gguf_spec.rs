//! From GGUF keys to a [`Spec`]. Keys as ggml's `docs/gguf.md` names them; defaults are those of llama.cpp.

use crate::metadata::{Array, Metadata, Value};
use crate::spec::{Number, gemma_embed_scale};
use crate::{Activation, Arch, DType, Error, LayerSpec, RopeScaling, Spec, error, limits};

/// Reads keys of one architecture.
struct Keys<'a> {
    metadata: &'a Metadata,
    arch: &'a str,
}

impl<'a> Keys<'a> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.arch)
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.metadata.get(&self.key(name))
    }

    fn optional<T>(
        &self,
        name: &str,
        kind: &str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let read = of(value).map(Some);
        read.ok_or_else(|| Error::malformed(&self.key(name), format!("it is not {kind}")))
    }

    fn missing(&self, name: &str) -> Error {
        Error::malformed(&self.key(name), "the key is missing")
    }

    fn count(&self, name: &str) -> Result<Option<u64>, Error> {
        self.optional(name, "a count", Value::as_u64)
    }

    fn float(&self, name: &str) -> Result<Option<f32>, Error> {
        self.optional(name, "a number", Value::as_f32)
    }

    fn size(&self, name: &str, limit: u64) -> Result<Option<usize>, Error> {
        let Some(value) = self.count(name)? else {
            return Ok(None);
        };
        if value > limit {
            return Err(Error::too_large(&self.key(name), "it", value, limit));
        }
        Ok(Some(value as usize))
    }

    fn need(&self, name: &str, limit: u64) -> Result<usize, Error> {
        self.size(name, limit)?.ok_or_else(|| self.missing(name))
    }

    /// A count, or an array with one count for each layer; they have to be equal.
    fn of_layers(&self, name: &str, layers: usize, limit: u64) -> Result<Option<usize>, Error> {
        let Some(Value::Array(array)) = self.get(name) else {
            return self.size(name, limit);
        };
        let key = self.key(name);
        let counts: Option<Vec<u64>> = match array {
            Array::Numbers(numbers) => numbers.iter().map(|value| value.as_u64()).collect(),
            Array::Strings(_) => None,
        };
        let Some(counts) = counts else {
            return Err(Error::malformed(&key, "it is not made of counts"));
        };
        if counts.len() != layers {
            let reason = format!("it has {} entries for {layers} layers", counts.len());
            return Err(Error::malformed(&key, reason));
        }
        let Some(first) = counts.first().copied() else {
            return Ok(None);
        };
        if counts.iter().any(|count| *count != first) {
            return Err(Error::unsupported(&key, "it differs from layer to layer")
                .way_out(error::OTHER_MODEL));
        }
        if first > limit {
            return Err(Error::too_large(&key, "it", first, limit));
        }
        Ok(Some(first as usize))
    }

    /// Keys of other kinds of models that call themselves by the same name: their value has to be the neutral one.
    fn refuse_extras(&self) -> Result<(), Error> {
        const NEUTRAL: [(&str, f32); 10] = [
            ("expert_count", 0.0),
            ("expert_used_count", 0.0),
            ("attn_logit_softcapping", 0.0),
            ("final_logit_softcapping", 0.0),
            ("attention.clamp_kqv", 0.0),
            ("attention.max_alibi_bias", 0.0),
            ("logit_scale", 1.0),
            ("embedding_scale", 1.0),
            ("residual_scale", 1.0),
            ("rope.scaling.attn_factor", 1.0),
        ];
        for (name, neutral) in NEUTRAL {
            let number = |value: &Value| value.as_f32().or(value.as_u64().map(|n| n as f32));
            let found = self.optional(name, "a number", number)?;
            if found.is_some_and(|found| found != neutral) {
                let reason = "models with this setting are not supported";
                return Err(Error::unsupported(&self.key(name), reason).way_out(error::OTHER_MODEL));
            }
        }
        let causal = self.optional("attention.causal", "a yes or no", Value::as_bool)?;
        if causal == Some(false) {
            let reason = "the model does not write text from left to right";
            return Err(Error::unsupported(&self.key("attention.causal"), reason)
                .way_out(error::OTHER_MODEL));
        }
        Ok(())
    }

    fn rope_scaling(&self) -> Result<RopeScaling, Error> {
        let kind = self.optional("rope.scaling.type", "a text", Value::as_str)?;
        let factor = self.float("rope.scaling.factor")?;
        match kind {
            Some("none") => Ok(RopeScaling::None),
            Some("linear") => {
                let factor = factor.ok_or_else(|| self.missing("rope.scaling.factor"))?;
                Ok(RopeScaling::Linear(factor))
            }
            Some(other) => {
                let reason = format!(
                    "rotary scaling of type “{}” is not supported",
                    error::shown(other)
                );
                Err(Error::unsupported(&self.key("rope.scaling.type"), reason)
                    .way_out(error::OTHER_MODEL))
            }
            // The key of old files.
            None => Ok(match self.float("rope.scale_linear")? {
                Some(factor) if factor != 1.0 && factor != 0.0 => RopeScaling::Linear(factor),
                _ => RopeScaling::None,
            }),
        }
    }
}

/// Which layers see a window only: a period (the last layer of each period sees all), or a yes or no for each layer.
fn windowed(keys: &Keys<'_>, layers: usize) -> Result<Vec<bool>, Error> {
    const NAME: &str = "attention.sliding_window_pattern";
    // llama.cpp fixes 5 local : 1 global for this family; newer files say so.
    const PERIOD: usize = 6;
    let by_period = |period: usize| (0..layers).map(|i| i % period < period - 1).collect();
    match keys.get(NAME) {
        None => Ok(by_period(PERIOD)),
        Some(Value::Array(_)) => {
            let flags = keys.metadata.get_bools(&keys.key(NAME));
            flags
                .filter(|flags| flags.len() == layers)
                .ok_or_else(|| Error::malformed(&keys.key(NAME), "it is not a yes or no per layer"))
        }
        Some(_) => match keys.size(NAME, limits::LAYERS)? {
            None | Some(0) => Err(Error::malformed(&keys.key(NAME), "it is 0")),
            Some(period) => Ok(by_period(period)),
        },
    }
}

/// The model that the metadata describe. `tied` and factors in a tensor are not known yet.
pub(crate) fn spec(metadata: &Metadata) -> Result<Spec, Error> {
    const ARCHITECTURE: &str = "general.architecture";
    let Some(name) = metadata.get(ARCHITECTURE) else {
        return Err(Error::malformed(ARCHITECTURE, "the key is missing"));
    };
    let Some(name) = name.as_str() else {
        return Err(Error::malformed(ARCHITECTURE, "it is not a text"));
    };
    let arch = match name {
        "llama" => Arch::Llama,
        "qwen2" => Arch::Qwen2,
        "qwen3" => Arch::Qwen3,
        "smollm3" => Arch::SmolLm3,
        "gemma3" => Arch::Gemma3,
        other => {
            let reason = format!(
                "models of the kind “{}” are not supported",
                error::shown(other)
            );
            return Err(Error::unsupported(ARCHITECTURE, reason).way_out(error::OTHER_MODEL));
        }
    };
    let keys = Keys {
        metadata,
        arch: name,
    };
    keys.refuse_extras()?;
    let gemma = arch == Arch::Gemma3;
    let count = keys.need("block_count", limits::LAYERS)?;
    let hidden = keys.need("embedding_length", limits::WIDTH)?;
    let need = |name: &str, limit: u64| {
        let found = keys.of_layers(name, count, limit)?;
        found.ok_or_else(|| keys.missing(name))
    };
    let heads = need("attention.head_count", limits::HEADS)?;
    let ffn = need("feed_forward_length", limits::WIDTH)?;
    let kv_heads = keys.of_layers("attention.head_count_kv", count, limits::HEADS)?;
    let kv_heads = kv_heads.unwrap_or(heads);
    let head_dim = match keys.size("attention.key_length", limits::HEAD_DIM)? {
        Some(length) => length,
        None if heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let reason =
                format!("the key is missing, and {hidden} is no multiple of {heads} heads");
            return Err(Error::malformed(&keys.key("attention.key_length"), reason));
        }
    };
    for name in ["attention.value_length", "rope.dimension_count"] {
        let other = keys.size(name, limits::HEAD_DIM)?;
        if let Some(other) = other.filter(|other| *other != head_dim) {
            let reason =
                format!("it is {other}, and only heads of one width ({head_dim}) are supported");
            return Err(Error::unsupported(&keys.key(name), reason).way_out(error::OTHER_MODEL));
        }
    }
    let tokens = metadata.get_strings("tokenizer.ggml.tokens");
    let vocab = match tokens {
        Some(tokens) => tokens.len(),
        None => keys.need("vocab_size", limits::VOCABULARY)?,
    };
    let eps = keys.float("attention.layer_norm_rms_epsilon")?;
    let eps = eps.ok_or_else(|| keys.missing("attention.layer_norm_rms_epsilon"))?;
    let theta = keys.float("rope.freq_base")?;
    let theta = match theta {
        None if gemma => return Err(keys.missing("rope.freq_base")),
        theta => theta.unwrap_or(10_000.0),
    };
    let window = keys.size("attention.sliding_window", limits::CONTEXT)?;
    let window = window.filter(|window| gemma && *window > 0);
    let local = match window {
        Some(_) => windowed(&keys, count)?,
        None => vec![false; count],
    };
    let local_theta = keys.float("rope.freq_base_swa")?.unwrap_or(10_000.0);
    let layers = local
        .iter()
        .enumerate()
        .map(|(i, local)| LayerSpec {
            // SmolLM3 leaves every fourth layer without positions.
            rope: arch != Arch::SmolLm3 || !(i + 1).is_multiple_of(4),
            theta: if *local { local_theta } else { theta },
            window: window.filter(|_| *local),
            scaled_rope: !local,
        })
        .collect();
    // The file does not say what Gemma was trained with; llama.cpp knows the one size (62 layers) that differs.
    let attn_width = if gemma && count == 62 && heads > 0 {
        hidden as f64 / heads as f64
    } else {
        head_dim as f64
    };
    let text = |key: &str| metadata.get_str(key).map(str::to_owned);
    let spec = Spec {
        arch,
        name: text("general.name"),
        license: text("general.license"),
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim,
        ffn,
        vocab,
        eps,
        context: keys.need("context_length", limits::CONTEXT)?,
        activation: if gemma {
            Activation::GeluTanh
        } else {
            Activation::Silu
        },
        qkv_bias: arch == Arch::Qwen2,
        qk_norm: matches!(arch, Arch::Qwen3 | Arch::Gemma3),
        post_norms: gemma,
        embed_scale: if gemma {
            // Until the embedding's type is known.
            gemma_embed_scale(hidden, DType::BF16)
        } else {
            1.0
        },
        attn_scale: attn_width.sqrt().recip() as f32,
        tied: true,
        neighbour_rope: matches!(arch, Arch::Llama | Arch::SmolLm3),
        norm_plus_one: false,
        rope_factors: keys.rope_scaling()?,
    };
    spec.check(&|number| {
        let name = match number {
            Number::Layers => "block_count",
            Number::Hidden => "embedding_length",
            Number::Heads => "attention.head_count",
            Number::KvHeads => "attention.head_count_kv",
            Number::HeadDim | Number::AttnScale => "attention.key_length",
            Number::Ffn => "feed_forward_length",
            Number::Vocab if tokens.is_some() => return "tokenizer.ggml.tokens".to_owned(),
            Number::Vocab => "vocab_size",
            Number::Context => "context_length",
            Number::Eps => "attention.layer_norm_rms_epsilon",
            Number::Theta => "rope.freq_base",
            Number::Window => "attention.sliding_window",
            Number::RopeScaling => "rope.scaling.factor",
        };
        keys.key(name)
    })?;
    Ok(spec)
}
