//! config.json in the spellings of transformers 4 and 5. The reader shows a model only with its header, so good configs
//! come with a small file that has all their tensors.

use crate::support::{Reader, safetensors};
use seedbed_weights::{RopeScaling, SafetensorsReader, Spec};
use serde_json::{Map, Value, json};

/// A config with these changes; null takes a key away.
fn config(family: &str, changes: Value) -> String {
    let mut config: Map<String, Value> = serde_json::from_value(json!({
        "model_type": family, "hidden_size": 8, "intermediate_size": 2, "num_hidden_layers": 6,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 2,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 20000, "torch_dtype": "bfloat16",
    }))
    .unwrap();
    if family == "gemma3_text" {
        config.insert("query_pre_attn_scalar".to_owned(), json!(16));
    }
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            config.remove(key);
        } else {
            config.insert(key.clone(), value.clone());
        }
    }
    serde_json::to_string(&config).unwrap()
}

/// The model of a config, by way of a file with all its tensors.
fn spec(family: &str, changes: Value) -> Spec {
    let config = config(family, changes);
    let gemma = family == "gemma3_text";
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), vec![2, 8]),
        ("model.norm.weight".to_owned(), vec![8]),
    ];
    for layer in 0..6 {
        let mut parts = vec![
            ("input_layernorm.weight", vec![8]),
            ("post_attention_layernorm.weight", vec![8]),
            ("self_attn.q_proj.weight", vec![8, 8]),
            ("self_attn.k_proj.weight", vec![4, 8]),
            ("self_attn.v_proj.weight", vec![4, 8]),
            ("self_attn.o_proj.weight", vec![8, 8]),
            ("mlp.gate_proj.weight", vec![2, 8]),
            ("mlp.up_proj.weight", vec![2, 8]),
            ("mlp.down_proj.weight", vec![8, 2]),
            // Old checkpoints have it, and nobody needs it.
            ("self_attn.rotary_emb.inv_freq", vec![2]),
        ];
        if gemma {
            parts.push(("pre_feedforward_layernorm.weight", vec![8]));
            parts.push(("post_feedforward_layernorm.weight", vec![8]));
        }
        if gemma || family == "qwen3" {
            parts.push(("self_attn.q_norm.weight", vec![4]));
            parts.push(("self_attn.k_norm.weight", vec![4]));
        }
        if family == "qwen2" {
            parts.push(("self_attn.q_proj.bias", vec![8]));
            parts.push(("self_attn.k_proj.bias", vec![4]));
            parts.push(("self_attn.v_proj.bias", vec![4]));
        }
        for (name, shape) in parts {
            tensors.push((format!("model.layers.{layer}.{name}"), shape));
        }
    }
    let mut at = 0;
    let mut header = Map::new();
    for (name, shape) in &tensors {
        let end = at + 4 * shape.iter().product::<usize>();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [at, end]});
        header.insert(name.clone(), entry);
        at = end;
    }
    let bytes = safetensors(&serde_json::to_string(&header).unwrap(), at);
    let (header, events) = Reader::safetensors(&config, None).all(&bytes).unwrap();
    assert_eq!(events.len(), tensors.len() - 6);
    header.spec
}

fn error(family: &str, changes: Value) -> String {
    let config = config(family, changes);
    let error = SafetensorsReader::new("m.safetensors", &config, None).unwrap_err();
    error.to_string()
}

#[test]
fn rotation_in_both_spellings() {
    let llama3 = json!({"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192});
    let mut inside = llama3.clone();
    inside["rope_theta"] = json!(500_000.0);
    let wanted = RopeScaling::Llama3 {
        factor: 32.0,
        low: 1.0,
        high: 4.0,
        original: 8192.0,
    };
    let old = spec(
        "llama",
        json!({"rope_theta": 500_000.0, "rope_scaling": llama3}),
    );
    let new = spec(
        "llama",
        json!({"rope_theta": null, "rope_parameters": inside}),
    );
    assert_eq!(old.rope_factors, wanted);
    assert_eq!(old, new);
    assert!(
        old.layers
            .iter()
            .all(|layer| layer.theta == 5e5 && layer.scaled_rope)
    );
    let linear = spec(
        "qwen3",
        json!({"rope_scaling": {"type": "linear", "factor": 4}}),
    );
    assert_eq!(linear.rope_factors, RopeScaling::Linear(4.0));
    assert_eq!(linear.inverse_frequencies(0, None)[0], 0.25);
    let plain = spec("llama", json!({"rope_theta": null}));
    assert_eq!(plain.layers[0].theta, 1e4);
    // The scaling has the rest of its numbers outside.
    let outside = spec(
        "qwen2",
        json!({"rope_parameters": {"rope_type": "default"}}),
    );
    assert_eq!(outside.layers[0].theta, 2e4);
}

#[test]
fn frequencies_of_llama_3_2() {
    // Computed in double precision with the formula of transformers (`_compute_llama3_parameters`): θ 5e5, d 64.
    let mut model = spec(
        "llama",
        json!({"rope_theta": 500_000.0, "rope_scaling": {"rope_type": "llama3",
        "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}),
    );
    model.head_dim = 64;
    let got = model.inverse_frequencies(0, None);
    assert_eq!(got.len(), 32);
    for (i, wanted) in FREQUENCIES {
        let off = (f64::from(got[i]) / wanted - 1.0).abs();
        assert!(off < 1e-7, "{i}: {} and not {wanted}", got[i]);
    }
    // In GGUF the same comes as divisors.
    let mut divided = model.clone();
    divided.rope_factors = RopeScaling::None;
    let plain = divided.inverse_frequencies(0, None);
    let factors: Vec<f32> = plain.iter().zip(&got).map(|(a, b)| a / b).collect();
    divided.rope_factors = RopeScaling::FromTensor;
    let same = divided.inverse_frequencies(0, Some(&factors));
    assert!(
        same.iter()
            .zip(&got)
            .all(|(a, b)| (a / b - 1.0).abs() < 1e-6)
    );
}

const FREQUENCIES: [(usize, f64); 11] = [
    (0, 1.0),
    (1, 0.663_601_237_696_088_5),
    (13, 0.004_839_421_345_719_893),
    (14, 0.003_211_445_994_752_591),
    (15, 0.001_290_547_928_209_264),
    (16, 0.000_429_556_796_559_368_15),
    (17, 9.708_287_802_627_67e-5),
    (18, 1.946_163_818_483_112_5e-5),
    (19, 1.291_476_718_704_739e-5),
    (24, 1.661_967_467_795_308_8e-6),
    (31, 9.418_306_725_434_91e-8),
];

#[test]
fn gemma_in_both_spellings() {
    let old = spec(
        "gemma3_text",
        json!({"rope_theta": 1_000_000, "rope_local_base_freq": 10_000,
        "sliding_window": 512, "sliding_window_pattern": 3, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}),
    );
    let kinds: Vec<&str> = (1..=6)
        .map(|n| {
            if n % 3 == 0 {
                "full_attention"
            } else {
                "sliding_attention"
            }
        })
        .collect();
    let new = spec(
        "gemma3_text",
        json!({"rope_theta": null, "sliding_window": 512, "layer_types": kinds,
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1_000_000},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000},
        }}),
    );
    assert_eq!(old, new);
    assert_eq!((old.layers[0].theta, old.layers[2].theta), (1e4, 1e6));
    assert_eq!(
        (old.layers[0].window, old.layers[2].window),
        (Some(512), None)
    );
    assert!(!old.layers[0].scaled_rope && old.layers[2].scaled_rope);
    assert_eq!(old.attn_scale, 0.25);
    assert_eq!(old.inverse_frequencies(2, None)[0], 0.125);
    assert_eq!(old.inverse_frequencies(1, None)[0], 1.0);
    let six = spec("gemma3_text", json!({"sliding_window": 512}));
    // Its embedding is in F32, whatever the config says.
    assert_eq!(six.embed_scale, 8_f32.sqrt());
    let global: Vec<bool> = six
        .layers
        .iter()
        .map(|layer| layer.window.is_none())
        .collect();
    assert_eq!(global, [false, false, false, false, false, true]);
}

#[test]
fn windows_and_layers_without_rotation() {
    let qwen = spec(
        "qwen2",
        json!({"use_sliding_window": true, "sliding_window": 32, "max_window_layers": 4}),
    );
    let windows: Vec<_> = qwen.layers.iter().map(|layer| layer.window).collect();
    assert_eq!(windows, [None, None, None, None, Some(32), Some(32)]);
    let off = spec(
        "qwen2",
        json!({"use_sliding_window": false, "sliding_window": 32, "max_window_layers": 4}),
    );
    assert!(off.layers.iter().all(|layer| layer.window.is_none()));
    let rotated =
        |spec: Spec| -> Vec<bool> { spec.layers.iter().map(|layer| layer.rope).collect() };
    let plain = rotated(spec("smollm3", json!({})));
    assert_eq!(plain, [true, true, true, false, true, true]);
    let three = rotated(spec("smollm3", json!({"no_rope_layer_interval": 3})));
    assert_eq!(three, [true, true, false, true, true, false]);
    let list = rotated(spec(
        "smollm3",
        json!({"no_rope_layers": [0, 1, 1, 1, 1, 0]}),
    ));
    assert_eq!(list, [false, true, true, true, true, false]);
    let absent = spec(
        "llama",
        json!({"head_dim": null, "rope_scaling": {"rope_type": "default"}}),
    );
    assert_eq!(absent.head_dim, 4);
}

#[test]
fn configs_that_are_refused() {
    let family = "Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.";
    let cases = [
        (
            "mamba",
            json!({}),
            "model_type: models of the kind “mamba” are not supported.",
        ),
        (
            "gemma3",
            json!({}),
            "model_type: models of the kind “gemma3” are not supported.",
        ),
        (
            "llama",
            json!({"model_type": null}),
            "model_type: the key is missing.",
        ),
        (
            "llama",
            json!({"model_type": 3}),
            "model_type: it is not a text.",
        ),
        (
            "llama",
            json!({"hidden_size": null}),
            "hidden_size: the key is missing.",
        ),
        (
            "llama",
            json!({"hidden_size": -8}),
            "hidden_size: it is not a count.",
        ),
        ("llama", json!({"hidden_size": 0}), "hidden_size: it is 0."),
        (
            "llama",
            json!({"num_hidden_layers": 1u64 << 60}),
            "num_hidden_layers: it is 1152921504606846976, more than the limit of 1024.",
        ),
        (
            "llama",
            json!({"num_attention_heads": 4096, "head_dim": 1024}),
            "num_attention_heads: heads × width of a head is 4194304, more than the limit of 262144.",
        ),
        (
            "llama",
            json!({"num_key_value_heads": 3}),
            "num_key_value_heads: 2 query heads can't be shared out to 3 key heads.",
        ),
        (
            "qwen3",
            json!({"head_dim": null}),
            "head_dim: the key is missing.",
        ),
        (
            "qwen3",
            json!({"rope_theta": null}),
            "rope_theta: the key is missing.",
        ),
        (
            "llama",
            json!({"rope_theta": "1e4"}),
            "rope_theta: it is not a number.",
        ),
        (
            "llama",
            json!({"rope_theta": 0}),
            "rope_theta: 0 can't be right.",
        ),
        (
            "llama",
            json!({"rms_norm_eps": 1e300}),
            "rms_norm_eps: inf can't be right.",
        ),
        (
            "llama",
            json!({"attention_bias": true}),
            "attention_bias: models with this setting are not supported.",
        ),
        (
            "llama",
            json!({"mlp_bias": true}),
            "mlp_bias: models with this setting are not supported.",
        ),
        (
            "llama",
            json!({"hidden_act": "gelu"}),
            "hidden_act: the function “gelu” is not supported here.",
        ),
        (
            "llama",
            json!({"quantization_config": {}}),
            "quantization_config: weights that were quantized in this way are not read. Choose the original",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "yarn", "factor": 4}}),
            "rope_scaling.rope_type: rotary scaling of type “yarn” is not supported.",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "linear"}}),
            "rope_scaling.factor: the key is missing.",
        ),
        (
            "llama",
            json!({"rope_parameters": {"rope_type": "llama3", "factor": 8}}),
            "rope_parameters.low_freq_factor: the key is missing.",
        ),
        (
            "llama",
            json!({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}}),
            "rope_scaling: the numbers can't be right: Llama3",
        ),
        (
            "llama",
            json!({"rope_parameters": {"partial_rotary_factor": 0.5}}),
            "rope_parameters.partial_rotary_factor: heads are rotated only in part.",
        ),
        (
            "qwen2",
            json!({"layer_types": ["full_attention"]}),
            "layer_types: it has 1 entries for 6 layers.",
        ),
        (
            "qwen2",
            json!({"layer_types": ["x", "x", "x", "x", "x", "x"]}),
            "layer_types: layer 0 is of the kind “x”.",
        ),
        (
            "smollm3",
            json!({"no_rope_layers": [1, 1, 1, 1, 1, 2]}),
            "no_rope_layers: it is not made of 0 and 1.",
        ),
        (
            "smollm3",
            json!({"no_rope_layer_interval": 0}),
            "no_rope_layer_interval: it is 0.",
        ),
        (
            "gemma3_text",
            json!({}),
            "sliding_window: the key is missing.",
        ),
        (
            "gemma3_text",
            json!({"sliding_window": 0}),
            "sliding_window: it is 0.",
        ),
        (
            "gemma3_text",
            json!({"query_pre_attn_scalar": 0, "sliding_window": 8}),
            "query_pre_attn_scalar: inf can't be right.",
        ),
        (
            "gemma3_text",
            json!({"final_logit_softcapping": 30.0}),
            "final_logit_softcapping: models with this setting are not supported.",
        ),
    ];
    for (model, changes, wanted) in cases {
        let error = error(model, changes);
        let rest = error.strip_prefix("config.json: ").unwrap();
        assert!(rest.starts_with(wanted), "{rest}\n  and not: {wanted}");
        if rest.contains("supported") || rest.contains("in part") {
            assert!(rest.ends_with(family), "{rest}");
        }
    }
    for text in ["", "[]", "{", "{}"] {
        assert!(SafetensorsReader::new("m", text, None).is_err(), "{text}");
    }
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(1 << 20));
    let error = SafetensorsReader::new("m", &long, None).unwrap_err();
    assert!(
        error.to_string().contains("more than the limit of 1048576"),
        "{error}"
    );
}
