//! Real writers' files: those of the Python packages `gguf` and `safetensors`.

use crate::support::{Reader, fixture_bytes, fixture_text, read_gguf, weights};
use seedbed_weights::{
    Activation, Arch, DType, Header, LayerSpec, Part, Role, RopeScaling, f32_to_half, half_to_f32,
};

fn safetensors(family: &str) -> (Header, std::collections::BTreeMap<String, Vec<f32>>) {
    let config = fixture_text(&format!("{family}/config.json"));
    let bytes = fixture_bytes(&format!("{family}/model.safetensors"));
    let reader = Reader::safetensors(&config, Some(bytes.len() as u64));
    let (header, events) = reader.all(&bytes).unwrap();
    assert_eq!(header.total_bytes, bytes.len() as u64);
    let weights = weights(&header, &events);
    (header, weights)
}

#[test]
fn both_formats_have_the_same_weights_and_model() {
    // Matrices of halves are the floats, rounded; vectors are never rounded.
    let round = |values: &mut Vec<f32>| {
        for value in values {
            *value = half_to_f32(f32_to_half(*value));
        }
    };
    for (family, kind) in [("llama", "F32"), ("qwen2", "F16"), ("qwen3", "F16")] {
        let bytes = fixture_bytes(&format!("{family}/model-{kind}.gguf"));
        let (header, events) = read_gguf(&bytes).unwrap();
        let gguf = weights(&header, &events);
        let (other, mut plain) = safetensors(family);
        for tensor in &header.tensors {
            if tensor.dtype == DType::F16 {
                let values = plain.get_mut(&format!("{:?}", tensor.role));
                round(values.unwrap());
            }
        }
        assert!(gguf == plain, "{family}: the weights differ");
        let mut spec = header.spec.clone();
        assert_eq!(spec.neighbour_rope, family == "llama");
        spec.neighbour_rope = false;
        spec.name.clone_from(&other.spec.name);
        assert_eq!(spec, other.spec, "{family}");
    }
}

#[test]
fn every_gguf_fixture_reads() {
    // The first two are large files, which only Llama has.
    let types = [
        ("F32", DType::F32),
        ("BF16", DType::BF16),
        ("F16", DType::F16),
        ("Q8_0", DType::Q8_0),
        ("Q4_0", DType::Q4_0),
        ("Q4_1", DType::Q4_1),
        ("Q5_0", DType::Q5_0),
        ("Q5_1", DType::Q5_1),
    ];
    for (family, types) in [
        ("llama", &types[..]),
        ("qwen2", &types[2..]),
        ("qwen3", &types[2..]),
    ] {
        let (_, exact) = safetensors(family);
        for (name, dtype) in types {
            let dtype = *dtype;
            let bytes = fixture_bytes(&format!("{family}/model-{name}.gguf"));
            let (header, events) = read_gguf(&bytes).unwrap();
            assert_eq!(header.total_bytes, bytes.len() as u64);
            assert!(header.complete && header.spec.tied && header.split.is_none());
            for tensor in &header.tensors {
                let wanted = if tensor.role.is_vector() {
                    DType::F32
                } else {
                    dtype
                };
                assert_eq!(tensor.dtype, wanted, "{}", tensor.name);
                assert_eq!(tensor.dtype.name(), wanted.name());
            }
            // Rounded weights are near the exact ones: nothing is shifted, swapped or left out.
            for (role, values) in weights(&header, &events) {
                let exact = &exact[&role];
                let off: f64 = values
                    .iter()
                    .zip(exact)
                    .map(|(a, b)| f64::from(a - b).powi(2))
                    .sum();
                let all: f64 = exact.iter().map(|b| f64::from(*b).powi(2)).sum();
                assert!(off <= 0.01 * all, "{family} {name} {role}: {off} of {all}");
            }
        }
    }
}

#[test]
fn mixed_k_quants_read() {
    for (name, embedding, value) in [
        ("llama-Q4_K_M", DType::Q6K, DType::Q6K),
        ("llama-Q5_K", DType::Q8_0, DType::Q5K),
    ] {
        let bytes = fixture_bytes(&format!("{name}/model.gguf"));
        let (header, events) = read_gguf(&bytes).unwrap();
        let kind = |role| {
            let found = header.tensors.iter().find(|tensor| tensor.role == role);
            found.unwrap().dtype
        };
        assert_eq!(kind(Role::Embedding), embedding, "{name}");
        assert_eq!(kind(Role::Layer(1, Part::V)), value, "{name}");
        assert_eq!((header.spec.vocab, header.spec.hidden), (512, 256));
        assert_eq!(weights(&header, &events).len(), header.tensors.len());
    }
}

#[test]
fn configs_tell_what_the_families_want() {
    let full = |theta| LayerSpec {
        rope: true,
        theta,
        window: None,
        scaled_rope: true,
    };
    let (llama, _) = safetensors("llama");
    let spec = &llama.spec;
    assert_eq!(spec.arch, Arch::Llama);
    assert_eq!(spec.layers, vec![full(1e4); 3]);
    let sizes = (
        spec.hidden,
        spec.heads,
        spec.kv_heads,
        spec.head_dim,
        spec.ffn,
    );
    assert_eq!(sizes, (64, 4, 2, 16, 160));
    assert_eq!((spec.vocab, spec.context, spec.eps), (256, 512, 1e-5));
    assert_eq!((spec.embed_scale, spec.attn_scale), (1.0, 0.25));
    assert_eq!(spec.activation, Activation::Silu);
    assert_eq!(spec.rope_factors, RopeScaling::None);
    assert!(!spec.qkv_bias && !spec.qk_norm && !spec.post_norms && spec.tied);
    assert_eq!(spec.kv_bytes_per_token_f16(), 3 * 2 * 2 * 16 * 2);

    let (qwen2, _) = safetensors("qwen2");
    assert!(qwen2.spec.qkv_bias && !qwen2.spec.qk_norm);
    assert_eq!(qwen2.spec.layers, vec![full(1e6); 3]);
    let (qwen3, _) = safetensors("qwen3");
    assert!(!qwen3.spec.qkv_bias && qwen3.spec.qk_norm);
    assert_eq!((qwen3.spec.head_dim, qwen3.spec.q_width()), (32, 128));

    let (smollm3, _) = safetensors("smollm3");
    let rotated: Vec<bool> = smollm3.spec.layers.iter().map(|layer| layer.rope).collect();
    assert_eq!(rotated, [true, true, false]);

    let (gemma, _) = safetensors("gemma3");
    let spec = &gemma.spec;
    let local = LayerSpec {
        rope: true,
        theta: 1e4,
        window: Some(8),
        scaled_rope: false,
    };
    assert_eq!(spec.layers, [local, local, full(1e6)]);
    assert_eq!(
        (spec.embed_scale, spec.activation),
        (8.0, Activation::GeluTanh)
    );
    assert!((spec.attn_scale - 32f32.sqrt().recip()).abs() < 1e-7);
    assert!(spec.norm_plus_one && spec.post_norms && spec.qk_norm && !spec.neighbour_rope);
}
