//! Which tensor is which: names of GGUF and of safetensors, roles, and the shape that a role has.

use crate::{Arch, Error, Spec, error};
use std::collections::HashSet;

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A row for each token.
    Embedding,
    /// The norm before the head.
    OutputNorm,
    /// A row for each token, when it is not the embedding.
    Head,
    /// head_dim/2 divisors of the rotation frequencies.
    RopeFactors,
    /// A part of a layer.
    Layer(usize, Part),
}

/// A part of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Norm before attention.
    AttnNorm,
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Bias of the queries.
    QBias,
    /// Bias of the keys.
    KBias,
    /// Bias of the values.
    VBias,
    /// Norm of each query head.
    QNorm,
    /// Norm of each key head.
    KNorm,
    /// From the heads back to the hidden state.
    AttnOut,
    /// Norm after attention.
    PostAttnNorm,
    /// Norm before the feed-forward layer.
    FfnNorm,
    /// The half of the feed-forward layer that goes through the activation.
    Gate,
    /// The other half.
    Up,
    /// Back to the hidden state.
    Down,
    /// Norm after the feed-forward layer.
    PostFfnNorm,
}

/// Names of the parts in GGUF (`blk.N.` before) and in safetensors (`model.layers.N.` before).
const PARTS: [(Part, &str, &str); 16] = [
    (Part::AttnNorm, "attn_norm.weight", "input_layernorm.weight"),
    (Part::Q, "attn_q.weight", "self_attn.q_proj.weight"),
    (Part::K, "attn_k.weight", "self_attn.k_proj.weight"),
    (Part::V, "attn_v.weight", "self_attn.v_proj.weight"),
    (Part::QBias, "attn_q.bias", "self_attn.q_proj.bias"),
    (Part::KBias, "attn_k.bias", "self_attn.k_proj.bias"),
    (Part::VBias, "attn_v.bias", "self_attn.v_proj.bias"),
    (Part::QNorm, "attn_q_norm.weight", "self_attn.q_norm.weight"),
    (Part::KNorm, "attn_k_norm.weight", "self_attn.k_norm.weight"),
    (
        Part::AttnOut,
        "attn_output.weight",
        "self_attn.o_proj.weight",
    ),
    (
        Part::PostAttnNorm,
        "post_attention_norm.weight",
        "post_attention_layernorm.weight",
    ),
    (
        Part::FfnNorm,
        "ffn_norm.weight",
        "pre_feedforward_layernorm.weight",
    ),
    (Part::Gate, "ffn_gate.weight", "mlp.gate_proj.weight"),
    (Part::Up, "ffn_up.weight", "mlp.up_proj.weight"),
    (Part::Down, "ffn_down.weight", "mlp.down_proj.weight"),
    (
        Part::PostFfnNorm,
        "post_ffw_norm.weight",
        "post_feedforward_layernorm.weight",
    ),
];

impl Part {
    /// Whether models of this kind have it.
    fn belongs(self, spec: &Spec) -> bool {
        match self {
            Self::QBias | Self::KBias | Self::VBias => spec.qkv_bias,
            Self::QNorm | Self::KNorm => spec.qk_norm,
            Self::PostAttnNorm | Self::PostFfnNorm => spec.post_norms,
            _ => true,
        }
    }

    /// Whether it is a vector (a norm or a bias) that is kept in full precision.
    fn is_vector(self) -> bool {
        use Part::{AttnOut, Down, Gate, K, Q, Up, V};
        !matches!(self, Q | K | V | AttnOut | Gate | Up | Down)
    }
}

impl Role {
    /// Whether it is a vector (norm, bias, factors): stored in full precision, one row.
    pub fn is_vector(self) -> bool {
        match self {
            Self::Embedding | Self::Head => false,
            Self::OutputNorm | Self::RopeFactors => true,
            Self::Layer(_, part) => part.is_vector(),
        }
    }

    /// Rows and columns that a tensor of this role has; vectors have one row.
    pub fn shape(self, spec: &Spec) -> (usize, usize) {
        let (hidden, q, kv) = (spec.hidden, spec.q_width(), spec.kv_width());
        match self {
            Self::Embedding | Self::Head => (spec.vocab, hidden),
            Self::OutputNorm => (1, hidden),
            Self::RopeFactors => (1, spec.head_dim / 2),
            Self::Layer(_, part) => match part {
                Part::AttnNorm | Part::PostAttnNorm | Part::FfnNorm | Part::PostFfnNorm => {
                    (1, hidden)
                }
                Part::Q => (q, hidden),
                Part::K | Part::V => (kv, hidden),
                Part::QBias => (1, q),
                Part::KBias | Part::VBias => (1, kv),
                Part::QNorm | Part::KNorm => (1, spec.head_dim),
                Part::AttnOut => (hidden, q),
                Part::Gate | Part::Up => (spec.ffn, hidden),
                Part::Down => (hidden, spec.ffn),
            },
        }
    }
}

/// The two ways of naming tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Gguf,
    Safetensors,
}

impl Naming {
    fn part_name(self, part: Part, arch: Arch) -> &'static str {
        // Gemma has four norms; the others call the one before the feed-forward layer "post attention".
        if self == Self::Safetensors && part == Part::FfnNorm && arch != Arch::Gemma3 {
            return "post_attention_layernorm.weight";
        }
        let row = PARTS.iter().find(|row| row.0 == part);
        row.map_or("", |row| if self == Self::Gguf { row.1 } else { row.2 })
    }

    /// The tensor's name in the file.
    pub(crate) fn name(self, role: Role, arch: Arch) -> String {
        let gguf = self == Self::Gguf;
        match role {
            Role::Embedding if gguf => "token_embd.weight".to_owned(),
            Role::Embedding => "model.embed_tokens.weight".to_owned(),
            Role::OutputNorm if gguf => "output_norm.weight".to_owned(),
            Role::OutputNorm => "model.norm.weight".to_owned(),
            Role::Head if gguf => "output.weight".to_owned(),
            Role::Head => "lm_head.weight".to_owned(),
            Role::RopeFactors => "rope_freqs.weight".to_owned(),
            Role::Layer(layer, part) => {
                let prefix = if gguf { "blk" } else { "model.layers" };
                format!("{prefix}.{layer}.{}", self.part_name(part, arch))
            }
        }
    }

    /// The role of a tensor; none for those that are known and not needed.
    pub(crate) fn role(self, name: &str, spec: &Spec) -> Result<Option<Role>, Error> {
        let unknown = |reason: &str| {
            Err(Error::unsupported(name, reason.to_owned()).way_out(error::OTHER_MODEL))
        };
        let tops = [Role::Embedding, Role::OutputNorm, Role::Head];
        let factors =
            (self == Self::Gguf && spec.arch != Arch::Gemma3).then_some(Role::RopeFactors);
        for role in tops.into_iter().chain(factors) {
            if name == self.name(role, spec.arch) {
                return Ok(Some(role));
            }
        }
        let prefix = match self {
            Self::Gguf => "blk.",
            Self::Safetensors => "model.layers.",
        };
        let Some((number, rest)) = name.strip_prefix(prefix).and_then(|s| s.split_once('.')) else {
            return unknown("this kind of model has no such tensor");
        };
        // Only the plain spelling of a number: "07" or "+7" would be a second name of a layer.
        let layer = number.parse::<usize>().ok();
        let Some(layer) = layer.filter(|layer| layer.to_string() == number) else {
            return unknown("this kind of model has no such tensor");
        };
        if layer >= spec.layers.len() {
            let reason = format!("the model has only {} layers", spec.layers.len());
            return Err(Error::malformed(name, reason));
        }
        // Frequencies that old checkpoints carry along; they follow from the settings.
        if self == Self::Safetensors && rest == "self_attn.rotary_emb.inv_freq" {
            return Ok(None);
        }
        PARTS
            .iter()
            .map(|row| row.0)
            .find(|part| part.belongs(spec) && self.part_name(*part, spec.arch) == rest)
            .map_or_else(
                || unknown("layers of this kind of model have no such tensor"),
                |part| Ok(Some(Role::Layer(layer, part))),
            )
    }

    /// An error that lists what is missing, if anything is.
    pub(crate) fn check_all_there(self, spec: &Spec, there: &HashSet<Role>) -> Result<(), Error> {
        const SHOWN: usize = 8;
        let tops = [Role::Embedding, Role::OutputNorm];
        let head = (!spec.tied).then_some(Role::Head);
        let layers = (0..spec.layers.len()).flat_map(|layer| {
            let parts = PARTS.iter().map(|row| row.0);
            parts
                .filter(|part| part.belongs(spec))
                .map(move |part| Role::Layer(layer, part))
        });
        let missing: Vec<Role> = tops
            .into_iter()
            .chain(head)
            .chain(layers)
            .filter(|role| !there.contains(role))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing
            .iter()
            .take(SHOWN)
            .map(|role| self.name(*role, spec.arch))
            .collect();
        let more = match missing.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = format!("tensors are missing: {}{more}", names.join(", "));
        Err(Error::malformed("", reason))
    }
}
