//! Headers that lie: each has its own error, and names what is wrong.

use crate::support::{Gguf, Reader, TINY, Tiny, array, read_gguf, safetensors, text};
use seedbed_weights::{DType, ErrorKind, GgufReader, Role, limits};

/// A change to a good header, and the whole error that it leads to.
struct Lie(fn(&mut Gguf), &'static str);

const ARCHITECTURE: &str = "general.architecture";

#[test]
fn lying_gguf_headers() {
    use ErrorKind::{Malformed, TooLarge, Truncated, Unsupported};
    let lies: &[(ErrorKind, Lie)] = &[
        // The start.
        (
            Malformed,
            Lie(|g| g.magic = *b"<!DO", "m.gguf: it is not a GGUF file."),
        ),
        (
            Unsupported,
            Lie(
                |g| g.version = 2,
                "m.gguf: GGUF version 2 is an early form of the format. Choose a file made since the end of 2023 (GGUF version 3).",
            ),
        ),
        (
            Unsupported,
            Lie(|g| g.version = 4, "m.gguf: GGUF version 4 is not known."),
        ),
        (
            Unsupported,
            Lie(
                |g| g.version = 3u32.swap_bytes(),
                "m.gguf: the file is for big-endian machines. Choose the ordinary (little-endian) file.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.tensor_count = Some(100_001),
                "m.gguf: the number of tensors is 100001, more than the limit of 100000.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.key_count = Some(u64::MAX),
                "m.gguf: the number of metadata keys is 18446744073709551615, more than the limit of 100000.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.tensor_count = Some(0),
                "m.gguf: tensors are missing: token_embd.weight, output_norm.weight, blk.0.attn_norm.weight, blk.0.attn_q.weight, blk.0.attn_k.weight, blk.0.attn_v.weight, blk.0.attn_output.weight, blk.0.ffn_norm.weight and 3 more.",
            ),
        ),
        // Keys and values.
        (
            Malformed,
            Lie(
                |g| g.keys.push(g.keys[1].clone()),
                "m.gguf: general.name: the key is there twice.",
            ),
        ),
        (
            Malformed,
            Lie(|g| g.text("", "x"), "m.gguf: a metadata key is empty."),
        ),
        (
            Malformed,
            Lie(
                |g| g.set("k", 13, vec![]),
                "m.gguf: k: its value has the unknown type 13.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.set("k", 9, array(13, 1, &[])),
                "m.gguf: k: its elements have the unknown type 13.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.set("k", 9, array(9, 1, &[])),
                "m.gguf: k: arrays of arrays are not read.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.set("k", 9, array(4, u64::MAX, &[])),
                "m.gguf: k: the length of the array is 18446744073709551615, more than the limit of 1048576.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.set("k", 8, u64::MAX.to_le_bytes().to_vec()),
                "m.gguf: k: the length of a text is 18446744073709551615, more than the limit of 16777216.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.text(&"k".repeat(65_536), ""),
                "m.gguf: a metadata key: the length of a text is 65536, more than the limit of 65535.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.set("k", 8, [&1u64.to_le_bytes()[..], &[0xff]].concat()),
                "m.gguf: k: a text is not UTF-8.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| {
                    g.set(
                        "k",
                        9,
                        array(8, 1, &[&1u64.to_le_bytes()[..], &[0xff]].concat()),
                    );
                },
                "m.gguf: k: a text is not UTF-8.",
            ),
        ),
        // 4 MiB that the file does not have; nothing is put aside for them.
        (
            Truncated,
            Lie(
                |g| {
                    let last = g.keys.len();
                    g.keys
                        .insert(last, ("k".to_owned(), 9, array(4, 1 << 20, &[])));
                    g.tensors.clear();
                    g.data.clear();
                },
                "m.gguf: k: the file ends within the value of this key: it goes on to byte 548 of 544. Download the file again.",
            ),
        ),
        // Alignment.
        (
            Malformed,
            Lie(
                |g| g.u32("general.alignment", 24),
                "m.gguf: general.alignment: it has to be a power of two up to 65536.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("general.alignment", 0),
                "m.gguf: general.alignment: it has to be a power of two up to 65536.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("general.alignment", 1 << 17),
                "m.gguf: general.alignment: it has to be a power of two up to 65536.",
            ),
        ),
        // The model.
        (
            Malformed,
            Lie(
                |g| g.remove(ARCHITECTURE),
                "m.gguf: general.architecture: the key is missing.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32(ARCHITECTURE, 1),
                "m.gguf: general.architecture: it is not a text.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.text(ARCHITECTURE, "rwkv7\n"),
                "m.gguf: general.architecture: models of the kind “rwkv7\\n” are not supported. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.remove("llama.block_count"),
                "m.gguf: llama.block_count: the key is missing.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.text("llama.block_count", "1"),
                "m.gguf: llama.block_count: it is not a count.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("llama.block_count", 0),
                "m.gguf: llama.block_count: it is 0.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.u32("llama.block_count", u32::MAX),
                "m.gguf: llama.block_count: it is 4294967295, more than the limit of 1024.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.u32("llama.embedding_length", 1 << 19),
                "m.gguf: llama.embedding_length: it is 524288, more than the limit of 262144.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("llama.attention.head_count", 3),
                "m.gguf: llama.attention.key_length: the key is missing, and 8 is no multiple of 3 heads.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("llama.attention.head_count", 0),
                "m.gguf: llama.attention.key_length: the key is missing, and 8 is no multiple of 0 heads.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("llama.attention.head_count_kv", 0),
                "m.gguf: llama.attention.head_count_kv: it is 0.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| {
                    g.u32("llama.attention.head_count", 4);
                    g.u32("llama.attention.head_count_kv", 3);
                },
                "m.gguf: llama.attention.head_count_kv: 4 query heads can't be shared out to 3 key heads.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.u32("llama.attention.key_length", 5),
                "m.gguf: llama.attention.key_length: 5 is odd, so it can't be rotated in pairs.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.u32("llama.rope.dimension_count", 2),
                "m.gguf: llama.rope.dimension_count: it is 2, and only heads of one width (4) are supported. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.f32("llama.attention.layer_norm_rms_epsilon", f32::NAN),
                "m.gguf: llama.attention.layer_norm_rms_epsilon: NaN can't be right.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.f32("llama.rope.freq_base", f32::INFINITY),
                "m.gguf: llama.rope.freq_base: inf can't be right.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.text("llama.rope.scaling.type", "yarn"),
                "m.gguf: llama.rope.scaling.type: rotary scaling of type “yarn” is not supported. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.text("llama.rope.scaling.type", "linear"),
                "m.gguf: llama.rope.scaling.factor: the key is missing.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| {
                    g.text("llama.rope.scaling.type", "linear");
                    g.f32("llama.rope.scaling.factor", 0.0);
                },
                "m.gguf: llama.rope.scaling.factor: the numbers can't be right: Linear(0.0).",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.u32("llama.expert_count", 8),
                "m.gguf: llama.expert_count: models with this setting are not supported. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| {
                    g.set(
                        "llama.feed_forward_length",
                        9,
                        array(4, 2, &[16, 0, 0, 0, 16, 0, 0, 0]),
                    );
                },
                "m.gguf: llama.feed_forward_length: it has 2 entries for 1 layers.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| {
                    g.set(
                        "tokenizer.ggml.tokens",
                        9,
                        array(8, 2, &[text("a"), text("b")].concat()),
                    );
                },
                "m.gguf: token_embd.weight: its shape is 8 × 8, and should be 8 × 2.",
            ),
        ),
        // Tensors.
        (
            Malformed,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").shape = vec![8, 4],
                "m.gguf: blk.0.attn_q.weight: its shape is 8 × 4, and should be 8 × 8.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("output_norm.weight").shape = vec![8, 8],
                "m.gguf: output_norm.weight: its shape is 8 × 8, and should be 8.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("token_embd.weight").shape = vec![u64::MAX, u64::MAX, 3],
                "m.gguf: token_embd.weight: its shape is 18446744073709551615 × 18446744073709551615 × 3, and should be 8 × 8.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("token_embd.weight").shape = vec![1; 5],
                "m.gguf: token_embd.weight: 5 dimensions can't be read.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("token_embd.weight").shape.clear(),
                "m.gguf: token_embd.weight: 0 dimensions can't be read.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("token_embd.weight").shape[0] = 0,
                "m.gguf: token_embd.weight: its shape is 0 × 8, and should be 8 × 8.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("token_embd.weight").kind = 2,
                "m.gguf: token_embd.weight: rows of 8 weights are not made of Q4_0 blocks of 32.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("token_embd.weight").kind = 23,
                "m.gguf: token_embd.weight: weights of type 23 (IQ4_XS) are not supported. Choose a Q4_0, Q4_K_M or Q8_0 file of this model.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("token_embd.weight").kind = 39,
                "m.gguf: token_embd.weight: weights of type 39 (MXFP4) are not supported. Choose a Q4_0, Q4_K_M or Q8_0 file of this model.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("token_embd.weight").kind = 4,
                "m.gguf: token_embd.weight: weights of type 4 (a type that was removed from the format) are not supported. Choose a Q4_0, Q4_K_M or Q8_0 file of this model.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("token_embd.weight").kind = 77,
                "m.gguf: token_embd.weight: weights of type 77 (unknown) are not supported. Choose a Q4_0, Q4_K_M or Q8_0 file of this model.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("output_norm.weight").kind = 1,
                "m.gguf: output_norm.weight: a vector in F16 is not supported. Choose a Q4_0, Q4_K_M or Q8_0 file of this model.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.tensors.push(g.tensors[3].clone()),
                "m.gguf: blk.0.attn_q.weight: the tensor is there twice.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").offset += 1,
                "m.gguf: blk.0.attn_q.weight: its place 321 is no multiple of 32.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").offset = u64::MAX - 31,
                "m.gguf: blk.0.attn_q.weight: its place 18446744073709551584 is beyond what a file can have.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").offset += 32,
                "m.gguf: blk.0.attn_k.weight: it shares bytes with blk.0.attn_q.weight.",
            ),
        ),
        (
            Truncated,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").offset = 1 << 40,
                "m.gguf: blk.0.attn_q.weight: it ends at byte 1099511629184, and the file at 3808. Download the file again.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").name = "blk.1.attn_q.weight".to_owned(),
                "m.gguf: blk.1.attn_q.weight: the model has only 1 layers.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").name = "blk.00.attn_q.weight".to_owned(),
                "m.gguf: blk.00.attn_q.weight: this kind of model has no such tensor. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("blk.0.attn_q.weight").name = "blk.0.attn_q.bias".to_owned(),
                "m.gguf: blk.0.attn_q.bias: layers of this kind of model have no such tensor. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Unsupported,
            Lie(
                |g| g.entry("token_embd.weight").name = "position_embd.weight".to_owned(),
                "m.gguf: position_embd.weight: this kind of model has no such tensor. Choose a model of the Llama, Qwen2, Qwen3, SmolLM3 or Gemma 3 (text) family.",
            ),
        ),
        (
            Malformed,
            Lie(
                |g| g.tensors.retain(|t| !t.name.contains("attn_k")),
                "m.gguf: tensors are missing: blk.0.attn_k.weight.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.entry("token_embd.weight").name = "x".repeat(257),
                "m.gguf: a tensor's name: the length of a text is 257, more than the limit of 256.",
            ),
        ),
        // Parts.
        (
            Malformed,
            Lie(
                |g| g.set("split.no", 2, vec![1, 0]),
                "m.gguf: split.no: number 1 of 1 (counted from 0) can't be.",
            ),
        ),
        (
            TooLarge,
            Lie(
                |g| g.u32("split.count", u32::MAX),
                "m.gguf: split.count: it is 4294967295, more than the limit of 1024.",
            ),
        ),
    ];
    for (kind, Lie(change, wanted)) in lies {
        let mut gguf = TINY.gguf();
        change(&mut gguf);
        let error = read_gguf(&gguf.bytes()).unwrap_err();
        assert_eq!(error.to_string(), *wanted);
        assert_eq!(error.kind, *kind, "{error}");
        // The same without the length of the file, one byte at a time; lies about the end show at the end.
        let bytes = gguf.bytes();
        let mut reader = Reader::gguf(None);
        let result = bytes
            .chunks(1)
            .try_for_each(|byte| reader.push(byte, &mut |_| Ok(())))
            .and_then(|()| reader.finish());
        let late = result.unwrap_err();
        if *kind != Truncated {
            assert_eq!(late.to_string(), error.to_string());
        }
        assert_eq!(late.kind, error.kind, "{late}");
    }
}

#[test]
fn a_header_without_end() {
    // Each array is within its limit, and together they are not.
    let mut gguf = TINY.gguf();
    for i in 0..9 {
        gguf.keys.push((
            format!("k{i}"),
            9,
            array(10, limits::ARRAY_LEN, &vec![0; 8 << 20]),
        ));
    }
    let error = read_gguf(&gguf.bytes()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(
        error.to_string().contains("the length of the header is"),
        "{error}"
    );
}

#[test]
fn places_may_be_in_any_order_and_have_gaps() {
    let mut gguf = TINY.gguf();
    let plain = read_gguf(&gguf.bytes()).unwrap();
    gguf.tensors.reverse();
    assert_eq!(read_gguf(&gguf.bytes()).unwrap().1, plain.1);
    // Swaps two tensors of one size, and leaves a gap before the last.
    let (q, out) = (
        gguf.entry("blk.0.attn_q.weight").offset,
        gguf.entry("blk.0.attn_output.weight").offset,
    );
    gguf.entry("blk.0.attn_q.weight").offset = out;
    gguf.entry("blk.0.attn_output.weight").offset = q;
    gguf.entry("blk.0.ffn_down.weight").offset += 4096;
    gguf.data.resize(gguf.data.len() + 4096, 0);
    let (header, events) = read_gguf(&gguf.bytes()).unwrap();
    let offsets: Vec<u64> = header.tensors.iter().map(|tensor| tensor.offset).collect();
    assert!(offsets.is_sorted());
    assert_eq!(events.len(), plain.1.len());
    let place = |role| header.tensors.iter().position(|tensor| tensor.role == role);
    use seedbed_weights::Part::{AttnOut, Q};
    assert!(place(Role::Layer(0, AttnOut)) < place(Role::Layer(0, Q)));
}

#[test]
fn a_model_with_a_head_and_factors() {
    let mut gguf = TINY.gguf();
    gguf.tensor("output.weight", &[8, 8]);
    gguf.tensor("rope_freqs.weight", &[2]);
    gguf.u32("general.alignment", 32);
    let (header, events) = read_gguf(&gguf.bytes()).unwrap();
    assert!(!header.spec.tied);
    assert_eq!(
        header.spec.rope_factors,
        seedbed_weights::RopeScaling::FromTensor
    );
    assert_eq!(events.len(), header.tensors.len());
    assert_eq!(header.spec.inverse_frequencies(0, None), [1.0, 0.01]);
    let divided = header.spec.inverse_frequencies(0, Some(&[1.0, 4.0]));
    assert_eq!(divided, [1.0, 0.0025]);
    assert!(header.spec.inverse_frequencies(1, None).is_empty());
    gguf.text("llama.rope.scaling.type", "linear");
    gguf.f32("llama.rope.scaling.factor", 2.0);
    let error = read_gguf(&gguf.bytes()).unwrap_err();
    assert_eq!(error.subject, "rope_freqs.weight");
    assert_eq!(error.reason, "a tensor and a key both change the rotation");
}

/// As `torch.tensor(96**0.5).to(dtype)` rounds it, which transformers multiplies Gemma's embeddings by.
#[test]
fn gemmas_embedding_scale_has_the_type_of_the_embedding() {
    for (hidden, exact, half, brain) in [
        (96, 9.797_959, 9.796_875, 9.812_5),
        (160, 12.649_111, 12.648_437_5, 12.625),
    ] {
        let tiny = Tiny {
            arch: "gemma3",
            hidden,
            ..TINY
        };
        // F32, F16, BF16, Q8_0.
        for (kind, wanted) in [(0, exact), (1, half), (30, brain), (8, brain)] {
            let mut gguf = tiny.gguf();
            gguf.entry("token_embd.weight").kind = kind;
            let (header, _) = read_gguf(&gguf.bytes()).unwrap();
            assert_eq!(header.spec.embed_scale, wanted, "{hidden} {kind}");
        }
    }
    assert_eq!(
        read_gguf(&TINY.gguf().bytes()).unwrap().0.spec.embed_scale,
        1.0
    );
}

#[test]
fn families_in_gguf() {
    let spec = |arch, layers, change: fn(&mut Gguf)| {
        let tiny = Tiny {
            arch,
            layers,
            ..TINY
        };
        let mut gguf = tiny.gguf();
        change(&mut gguf);
        read_gguf(&gguf.bytes()).map(|(header, _)| header.spec)
    };
    let smollm3 = spec("smollm3", 8, |_| ()).unwrap();
    let rotated: Vec<bool> = smollm3.layers.iter().map(|layer| layer.rope).collect();
    assert_eq!(rotated, [true, true, true, false, true, true, true, false]);
    assert!(smollm3.neighbour_rope);

    let gemma = |change| spec("gemma3", 8, change);
    let windows = |spec: &seedbed_weights::Spec| -> Vec<bool> {
        spec.layers.iter().map(|l| l.window == Some(512)).collect()
    };
    let plain = gemma(|g| {
        g.u32("gemma3.attention.sliding_window", 512);
        g.f32("gemma3.rope.freq_base", 1e6);
        g.text("gemma3.rope.scaling.type", "linear");
        g.f32("gemma3.rope.scaling.factor", 8.0);
    })
    .unwrap();
    let local = [true, true, true, true, true, false, true, true];
    assert_eq!(windows(&plain), local);
    for (layer, local) in plain.layers.iter().zip(local) {
        assert_eq!(layer.theta, if local { 1e4 } else { 1e6 });
        assert_eq!(layer.scaled_rope, !local);
    }
    assert_eq!(plain.inverse_frequencies(0, None), [1.0, 0.01]);
    assert_eq!(plain.inverse_frequencies(5, None), [0.125, 0.000_125]);
    assert_eq!((plain.attn_scale, plain.norm_plus_one), (0.5, false));
    assert_eq!(plain.embed_scale, 8_f32.sqrt());
    assert!(plain.post_norms && plain.qk_norm && !plain.neighbour_rope);

    let flags = gemma(|g| {
        g.u32("gemma3.attention.sliding_window", 512);
        g.f32("gemma3.rope.freq_base_swa", 5e3);
        let flags = [0, 1, 0, 0, 0, 0, 0, 1];
        g.set(
            "gemma3.attention.sliding_window_pattern",
            9,
            array(7, 8, &flags),
        );
    })
    .unwrap();
    let wanted = [false, true, false, false, false, false, false, true];
    assert_eq!(windows(&flags), wanted);
    assert_eq!(flags.layers[1].theta, 5e3);
    let period = gemma(|g| {
        g.u32("gemma3.attention.sliding_window", 512);
        g.u32("gemma3.attention.sliding_window_pattern", 2);
    })
    .unwrap();
    let wanted = [true, false, true, false, true, false, true, false];
    assert_eq!(windows(&period), wanted);
    let error = gemma(|g| {
        g.u32("gemma3.attention.sliding_window", 512);
        g.u32("gemma3.attention.sliding_window_pattern", 0);
    })
    .unwrap_err();
    assert_eq!(error.reason, "it is 0");
    // The one size that llama.cpp knows to be trained with another scale: hidden / heads instead of the head's width.
    let large = spec("gemma3", 62, |_| ()).unwrap();
    assert_eq!(large.attn_scale, 0.5);
    assert!(large.layers.iter().all(|layer| layer.window.is_none()));
}

#[test]
fn metadata_getters() {
    let mut gguf = TINY.gguf();
    gguf.set("u8", 0, vec![200]);
    gguf.set("i8", 1, vec![0xff]);
    gguf.set("u16", 2, vec![1, 2]);
    gguf.set("i16", 3, vec![0xfe, 0xff]);
    gguf.set("i32", 5, (-3i32).to_le_bytes().to_vec());
    gguf.set("bool", 7, vec![1]);
    gguf.set("u64", 10, u64::MAX.to_le_bytes().to_vec());
    gguf.set("i64", 11, i64::MIN.to_le_bytes().to_vec());
    gguf.set("f64", 12, 0.5f64.to_le_bytes().to_vec());
    gguf.set("bools", 9, array(7, 2, &[0, 1]));
    gguf.set(
        "texts",
        9,
        array(8, 3, &[text("a"), text(""), text("é")].concat()),
    );
    let floats = [1f32.to_le_bytes(), 2f32.to_le_bytes()].concat();
    gguf.set("floats", 9, array(6, 2, &floats));
    let bytes = gguf.bytes();
    let mut reader = GgufReader::new("m.gguf", None);
    reader.push(&bytes, &mut |_| Ok(())).unwrap();
    let metadata = &reader.header().unwrap().metadata;
    assert_eq!(metadata.get_u64("u8"), Some(200));
    assert_eq!(metadata.get_u64("i8"), None);
    assert_eq!(metadata.get("i8").unwrap().as_i64(), Some(-1));
    assert_eq!(metadata.get_u64("u16"), Some(513));
    assert_eq!(metadata.get("i16").unwrap().as_i64(), Some(-2));
    assert_eq!(metadata.get("i32").unwrap().as_i64(), Some(-3));
    assert_eq!(metadata.get_bool("bool"), Some(true));
    assert_eq!(metadata.get_u64("u64"), Some(u64::MAX));
    assert_eq!(metadata.get("u64").unwrap().as_i64(), None);
    assert_eq!(metadata.get("i64").unwrap().as_i64(), Some(i64::MIN));
    assert_eq!(metadata.get_f32("f64"), Some(0.5));
    assert_eq!(metadata.get_bools("bools"), Some(vec![false, true]));
    assert_eq!(metadata.get_i64s("bools"), None);
    assert_eq!(metadata.get_f32s("floats"), Some(vec![1.0, 2.0]));
    assert_eq!(metadata.get_str("general.name"), Some("Tiny"));
    let texts = metadata.get_strings("texts").unwrap();
    assert_eq!(texts.iter().collect::<Vec<_>>(), ["a", "", "é"]);
    assert_eq!((texts.get(2), texts.get(3)), (Some("é"), None));
    assert_eq!(metadata.iter().count(), metadata.len());
    assert!(metadata.get("nothing").is_none());
}

/// The header of a safetensors file with one tensor's entry replaced.
fn entry(change: &str) -> String {
    let good = r#""dtype":"F32","shape":[8],"data_offsets":[256,288]"#;
    let norm = if change.is_empty() { good } else { change };
    format!(
        r#"{{"model.embed_tokens.weight":{{"dtype":"F32","shape":[8,8],"data_offsets":[0,256]}},
        "model.norm.weight":{{{norm}}}}}"#
    )
}

#[test]
fn lying_safetensors_headers() {
    let config = r#"{"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "vocab_size": 8, "max_position_embeddings": 64, "rms_norm_eps": 1e-5}"#;
    let read = |bytes: &[u8]| {
        let reader = Reader::safetensors(config, Some(bytes.len() as u64));
        reader.all(bytes).unwrap_err().to_string()
    };
    let lies: &[(&str, usize, &str)] = &[
        (
            "",
            288,
            "tensors are missing: model.layers.0.input_layernorm.weight,",
        ),
        ("", 287, "model.norm.weight: it should have "),
        ("", 289, "m.safetensors: it should have "),
        (
            r#""dtype":"F32","shape":[8],"data_offsets":[252,284]"#,
            284,
            "model.norm.weight: it shares bytes with the one before: it starts at 252, and not at 256",
        ),
        (
            r#""dtype":"F32","shape":[8],"data_offsets":[260,292]"#,
            292,
            "model.norm.weight: before it there is a hole: it starts at 260, and not at 256",
        ),
        (
            r#""dtype":"F32","shape":[8],"data_offsets":[256,292]"#,
            292,
            "model.norm.weight: its place 256–292 has not the 32 bytes it takes",
        ),
        (
            r#""dtype":"F32","shape":[8],"data_offsets":[288,256]"#,
            288,
            "model.norm.weight: its place 288–256 has not the 32 bytes it takes",
        ),
        (
            r#""dtype":"F32","shape":[8],"data_offsets":[18446744073709551608,18446744073709551615]"#,
            288,
            "model.norm.weight: its place 18446744073709551608 is beyond what a file can have",
        ),
        (
            r#""dtype":"F32","shape":[2,4],"data_offsets":[256,288]"#,
            288,
            "model.norm.weight: its shape is 2 × 4, and should be 8",
        ),
        (
            r#""dtype":"F32","shape":[],"data_offsets":[256,288]"#,
            288,
            "model.norm.weight: it has no dimensions",
        ),
        (
            r#""dtype":"F32","shape":[1,1,1,1,8],"data_offsets":[256,288]"#,
            288,
            "m.safetensors: its header can't be read (a tensor with too many dimensions",
        ),
        (
            r#""dtype":"F32","shape":[-8],"data_offsets":[256,288]"#,
            288,
            "m.safetensors: its header can't be read (invalid value: integer `-8`",
        ),
        (
            r#""dtype":"F8_E4M3","shape":[8],"data_offsets":[256,264]"#,
            264,
            "model.norm.weight: weights of type F8_E4M3 are not supported. Choose the F32, F16 or BF16 file",
        ),
        (
            r#""shape":[8],"data_offsets":[256,288]"#,
            288,
            "m.safetensors: its header can't be read (missing field `dtype`",
        ),
    ];
    for (change, data, wanted) in lies {
        let error = read(&safetensors(&entry(change), *data));
        assert!(error.contains(wanted), "{error}\n  and not: {wanted}");
    }
    let twice = entry("").replace("model.norm.weight", "model.embed_tokens.weight");
    assert!(read(&safetensors(&twice, 288)).contains("its shape is 8, and should be 8 × 8"));
    let same = r#"{"model.norm.weight":{"dtype":"F32","shape":[8],"data_offsets":[0,32]},
        "model.norm.weight":{"dtype":"F32","shape":[8],"data_offsets":[32,64]}}"#;
    assert!(read(&safetensors(same, 64)).contains("model.norm.weight: the tensor is there twice"));
    let long = (limits::JSON_BYTES + 1).to_le_bytes();
    assert!(read(&long).contains("the length of its header is 16777217, more than the limit"));
    assert!(read(&1u64.to_le_bytes()).contains("it is not a safetensors file"));
    assert!(read(&safetensors("[]", 0)).contains("it is not a safetensors file"));
    let beyond = [&100u64.to_le_bytes()[..], b"{}"].concat();
    assert!(read(&beyond).contains("its header has 100 bytes, and the file 10"));
    assert_eq!(DType::BF16.block_bytes(), 2);
}
