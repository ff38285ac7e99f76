//! From a config.json of transformers to a [`Spec`], as versions 4 and 5 write it: 4 has `rope_theta` and
//! `rope_scaling`, 5 has `rope_parameters` (for Gemma 3 one for each kind of layer).

use crate::spec::{Number, gemma_embed_scale};
use crate::{Activation, Arch, DType, Error, LayerSpec, RopeScaling, Spec, error, limits};
use serde_json::{Map, Value};

/// Name of the file, for errors.
pub(crate) const FILE: &str = "config.json";

/// What a config.json says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) spec: Spec,
    /// Whether the head is the embedding, if that is said.
    pub(crate) tied: Option<bool>,
}

struct Keys<'a> {
    map: &'a Map<String, Value>,
    /// Path of the map, for errors.
    path: &'a str,
}

impl<'a> Keys<'a> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// A value that is there and not null.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
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

    fn text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        self.optional(name, "a text", Value::as_str)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.optional(name, "true or false", Value::as_bool)
    }

    fn float(&self, name: &str) -> Result<Option<f32>, Error> {
        let value = self.optional(name, "a number", Value::as_f64)?;
        Ok(value.map(|value| value as f32))
    }

    fn need_float(&self, name: &str) -> Result<f32, Error> {
        self.float(name)?.ok_or_else(|| self.missing(name))
    }

    fn size(&self, name: &str, limit: u64) -> Result<Option<usize>, Error> {
        match self.optional(name, "a count", Value::as_u64)? {
            Some(value) if value > limit => {
                Err(Error::too_large(&self.key(name), "it", value, limit))
            }
            value => Ok(value.map(|value| value as usize)),
        }
    }

    fn need(&self, name: &str, limit: u64) -> Result<usize, Error> {
        self.size(name, limit)?.ok_or_else(|| self.missing(name))
    }

    /// An array with one entry for each layer.
    fn of_layers(&self, name: &str, layers: usize) -> Result<Option<&'a [Value]>, Error> {
        let Some(array) = self.optional(name, "an array", Value::as_array)? else {
            return Ok(None);
        };
        if array.len() != layers {
            let reason = format!("it has {} entries for {layers} layers", array.len());
            return Err(Error::malformed(&self.key(name), reason));
        }
        Ok(Some(array))
    }

    fn map(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
        self.optional(name, "an object", Value::as_object)
    }

    fn refuse(&self, name: &str, reason: &str) -> Error {
        Error::unsupported(&self.key(name), reason).way_out(error::OTHER_MODEL)
    }

    /// Settings that change the computation in ways that we do not know.
    fn refuse_extras(&self) -> Result<(), Error> {
        if self.get("quantization_config").is_some() {
            let reason = "weights that were quantized in this way are not read";
            return Err(Error::unsupported("quantization_config", reason)
                .way_out("Choose the original safetensors, or a GGUF file of this model"));
        }
        for name in ["attention_bias", "mlp_bias", "use_bidirectional_attention"] {
            if self.flag(name)? == Some(true) {
                return Err(self.refuse(name, "models with this setting are not supported"));
            }
        }
        for name in ["final_logit_softcapping", "attn_logit_softcapping"] {
            if self.float(name)?.is_some_and(|cap| cap != 0.0) {
                return Err(self.refuse(name, "models with this setting are not supported"));
            }
        }
        Ok(())
    }
}

/// Base and scaling of the rotation in one kind of layer.
#[derive(Clone, Copy)]
struct Rope {
    theta: f32,
    scaling: RopeScaling,
}

/// A `rope_scaling` of version 4, or the `rope_parameters` of version 5, which have the base too.
fn scaling(keys: &Keys<'_>, context: usize) -> Result<RopeScaling, Error> {
    let kind = match keys.text("rope_type")? {
        Some(kind) => Some(kind),
        None => keys.text("type")?,
    };
    let partial = keys.float("partial_rotary_factor")?;
    if partial.is_some_and(|part| part != 1.0) {
        return Err(keys.refuse("partial_rotary_factor", "heads are rotated only in part"));
    }
    match kind {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear(keys.need_float("factor")?)),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: keys.need_float("factor")?,
            low: keys.need_float("low_freq_factor")?,
            high: keys.need_float("high_freq_factor")?,
            original: keys
                .float("original_max_position_embeddings")?
                .unwrap_or(context as f32),
        }),
        Some(other) => {
            let shown = error::shown(other);
            let reason = format!("rotary scaling of type “{shown}” is not supported");
            Err(keys.refuse("rope_type", &reason))
        }
    }
}

/// The rotation in layers that see everything, and in those with a window.
fn ropes(keys: &Keys<'_>, arch: Arch, context: usize) -> Result<(Rope, Rope), Error> {
    // Defaults of the configuration classes; models published without the key rely on them.
    let theta_when_absent = match arch {
        Arch::Llama => Some(1e4),
        Arch::Gemma3 => Some(1e6),
        _ => None,
    };
    let local_when_absent = 1e4;
    let need = |keys: &Keys<'_>, when_absent: Option<f32>| {
        let theta = keys.float("rope_theta")?.or(when_absent);
        theta.ok_or_else(|| keys.missing("rope_theta"))
    };
    let Some(parameters) = keys.map("rope_parameters")? else {
        let scaling = match keys.map("rope_scaling")? {
            None => RopeScaling::None,
            Some(map) => scaling(
                &Keys {
                    map,
                    path: "rope_scaling.",
                },
                context,
            )?,
        };
        let global = Rope {
            theta: need(keys, theta_when_absent)?,
            scaling,
        };
        let local = match arch {
            // Only the layers that see everything are scaled.
            Arch::Gemma3 => Rope {
                theta: keys
                    .float("rope_local_base_freq")?
                    .unwrap_or(local_when_absent),
                scaling: RopeScaling::None,
            },
            _ => global,
        };
        return Ok((global, local));
    };
    let all = Keys {
        map: parameters,
        path: "rope_parameters.",
    };
    let one = |keys: &Keys<'_>, when_absent: Option<f32>| -> Result<Rope, Error> {
        let scaling = scaling(keys, context)?;
        let theta = need(keys, when_absent)?;
        Ok(Rope { theta, scaling })
    };
    let keyed = ["full_attention", "sliding_attention"];
    if !keyed.iter().any(|name| all.get(name).is_some()) {
        // The base may still be outside.
        let outside = keys.float("rope_theta")?;
        let both = one(&all, outside.or(theta_when_absent))?;
        let local = match (arch, keys.float("rope_local_base_freq")?) {
            (Arch::Gemma3, theta) => Rope {
                theta: theta.unwrap_or(local_when_absent),
                scaling: RopeScaling::None,
            },
            _ => both,
        };
        return Ok((both, local));
    }
    let global = match all.map(keyed[0])? {
        None => return Err(all.missing(keyed[0])),
        Some(map) => one(
            &Keys {
                map,
                path: "rope_parameters.full_attention.",
            },
            theta_when_absent,
        )?,
    };
    let local = match all.map(keyed[1])? {
        None => global,
        Some(map) => one(
            &Keys {
                map,
                path: "rope_parameters.sliding_attention.",
            },
            Some(local_when_absent),
        )?,
    };
    Ok((global, local))
}

/// The window of each layer.
fn windows(keys: &Keys<'_>, arch: Arch, layers: usize) -> Result<Vec<Option<usize>>, Error> {
    let window = keys.size("sliding_window", limits::CONTEXT)?;
    if let Some(types) = keys.of_layers("layer_types", layers)? {
        let one = |(i, kind): (usize, &Value)| match kind.as_str() {
            Some("full_attention") => Ok(None),
            Some("sliding_attention") => {
                let window = window.ok_or_else(|| keys.missing("sliding_window"))?;
                Ok(Some(window))
            }
            other => {
                let other = error::shown(other.unwrap_or("?"));
                let reason = format!("layer {i} is of the kind “{other}”");
                Err(keys.refuse("layer_types", &reason))
            }
        };
        return types.iter().enumerate().map(one).collect();
    }
    if arch == Arch::Gemma3 {
        let names = ["sliding_window_pattern", "_sliding_window_pattern"];
        let mut period = None;
        for name in names {
            let found = keys.size(name, limits::LAYERS)?;
            if found == Some(0) {
                return Err(Error::malformed(&keys.key(name), "it is 0"));
            }
            period = period.or(found);
        }
        let period = period.unwrap_or(6);
        let window = window.ok_or_else(|| keys.missing("sliding_window"))?;
        let local = |i: usize| !(i + 1).is_multiple_of(period);
        return Ok((0..layers).map(|i| local(i).then_some(window)).collect());
    }
    if keys.flag("use_sliding_window")? != Some(true) || window.is_none() {
        return Ok(vec![None; layers]);
    }
    if !matches!(arch, Arch::Qwen2 | Arch::Qwen3) {
        return Err(keys.refuse("use_sliding_window", "it is not supported for this family"));
    }
    let from = keys.need("max_window_layers", u32::MAX.into())?;
    Ok((0..layers).map(|i| window.filter(|_| i >= from)).collect())
}

/// Which layers rotate queries and keys at all.
fn rotated(keys: &Keys<'_>, arch: Arch, layers: usize) -> Result<Vec<bool>, Error> {
    if arch != Arch::SmolLm3 {
        return Ok(vec![true; layers]);
    }
    // In spite of its name the list has 1 for layers that do rotate.
    if let Some(list) = keys.of_layers("no_rope_layers", layers)? {
        let flag = |value: &Value| match value.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => value.as_bool(),
        };
        let flags: Option<Vec<bool>> = list.iter().map(flag).collect();
        let wrong = || Error::malformed(&keys.key("no_rope_layers"), "it is not made of 0 and 1");
        return flags.ok_or_else(wrong);
    }
    let interval = keys.size("no_rope_layer_interval", limits::LAYERS)?;
    match interval.unwrap_or(4) {
        0 => Err(Error::malformed(
            &keys.key("no_rope_layer_interval"),
            "it is 0",
        )),
        interval => Ok((1..=layers).map(|n| !n.is_multiple_of(interval)).collect()),
    }
}

fn arch(keys: &Keys<'_>) -> Result<Arch, Error> {
    const KEY: &str = "model_type";
    match keys.text(KEY)?.ok_or_else(|| keys.missing(KEY))? {
        "llama" => Ok(Arch::Llama),
        "qwen2" => Ok(Arch::Qwen2),
        "qwen3" => Ok(Arch::Qwen3),
        "smollm3" => Ok(Arch::SmolLm3),
        "gemma3_text" => Ok(Arch::Gemma3),
        other => {
            let reason = format!(
                "models of the kind “{}” are not supported",
                error::shown(other)
            );
            Err(keys.refuse(KEY, &reason))
        }
    }
}

/// Reads the text of a config.json.
pub(crate) fn read(text: &str) -> Result<Config, Error> {
    spec(text).map_err(|error| error.in_file(FILE))
}

fn spec(text: &str) -> Result<Config, Error> {
    if text.len() as u64 > limits::CONFIG_BYTES {
        let len = text.len() as u64;
        return Err(Error::too_large(
            "",
            "its length",
            len,
            limits::CONFIG_BYTES,
        ));
    }
    let map: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Error::malformed("", format!("it is not a JSON object ({error})")))?;
    let keys = Keys {
        map: &map,
        path: "",
    };
    let arch = arch(&keys)?;
    keys.refuse_extras()?;
    let gemma = arch == Arch::Gemma3;
    let count = keys.need("num_hidden_layers", limits::LAYERS)?;
    let hidden = keys.need("hidden_size", limits::WIDTH)?;
    let heads = keys.need("num_attention_heads", limits::HEADS)?;
    let kv_heads = keys.size("num_key_value_heads", limits::HEADS)?;
    let context = keys.need("max_position_embeddings", limits::CONTEXT)?;
    let own_width = matches!(arch, Arch::Qwen3 | Arch::Gemma3);
    let head_dim = match keys.size("head_dim", limits::HEAD_DIM)? {
        Some(width) => width,
        None if !own_width && heads > 0 && hidden.is_multiple_of(heads) => hidden / heads,
        None => return Err(keys.missing("head_dim")),
    };
    let (name, wanted) = if gemma {
        ("hidden_activation", "gelu_pytorch_tanh")
    } else {
        ("hidden_act", "silu")
    };
    let found = keys.text(name)?;
    if let Some(found) = found.filter(|found| *found != wanted) {
        let reason = format!(
            "the function “{}” is not supported here",
            error::shown(found)
        );
        return Err(keys.refuse(name, &reason));
    }
    let (global, local) = ropes(&keys, arch, context)?;
    if local.scaling != RopeScaling::None && local.scaling != global.scaling {
        let reason = "layers with a window have a scaling of their own";
        return Err(keys.refuse("rope_parameters", reason));
    }
    let windows = windows(&keys, arch, count)?;
    let rotated = rotated(&keys, arch, count)?;
    let layer = |(window, rope): (Option<usize>, bool)| LayerSpec {
        rope,
        theta: if window.is_some() { local } else { global }.theta,
        window,
        // A scaling of the local layers is the global one, or none.
        scaled_rope: window.is_none() || local.scaling != RopeScaling::None,
    };
    let attn_width = if gemma {
        keys.need_float("query_pre_attn_scalar")?
    } else {
        head_dim as f32
    };
    let own_name = keys.text("_name_or_path")?;
    let spec = Spec {
        arch,
        name: own_name.filter(|name| !name.is_empty()).map(str::to_owned),
        license: None,
        layers: windows.into_iter().zip(rotated).map(layer).collect(),
        hidden,
        heads,
        kv_heads: kv_heads.unwrap_or(heads),
        head_dim,
        ffn: keys.need("intermediate_size", limits::WIDTH)?,
        vocab: keys.need("vocab_size", limits::VOCABULARY)?,
        eps: keys.need_float("rms_norm_eps")?,
        context,
        activation: if gemma {
            Activation::GeluTanh
        } else {
            Activation::Silu
        },
        qkv_bias: arch == Arch::Qwen2,
        qk_norm: own_width,
        post_norms: gemma,
        embed_scale: if gemma {
            // Until the embedding's type is known.
            gemma_embed_scale(hidden, DType::BF16)
        } else {
            1.0
        },
        attn_scale: f64::from(attn_width).sqrt().recip() as f32,
        tied: true,
        neighbour_rope: false,
        norm_plus_one: gemma,
        rope_factors: global.scaling,
    };
    spec.check(&|number| {
        let name = match number {
            Number::Layers => "num_hidden_layers",
            Number::Hidden => "hidden_size",
            Number::Heads => "num_attention_heads",
            Number::KvHeads => "num_key_value_heads",
            Number::HeadDim => "head_dim",
            Number::Ffn => "intermediate_size",
            Number::Vocab => "vocab_size",
            Number::Context => "max_position_embeddings",
            Number::Eps => "rms_norm_eps",
            Number::AttnScale => "query_pre_attn_scalar",
            Number::Theta => "rope_theta",
            Number::Window => "sliding_window",
            Number::RopeScaling => "rope_scaling",
        };
        name.to_owned()
    })?;
    let tied = keys.flag("tie_word_embeddings")?;
    Ok(Config { spec, tied })
}
