//! Bytes come in any pieces, and a file may end anywhere.

use crate::support::{Event, Random, Reader, TINY, Tiny, fixture_bytes, fixture_text, text};
use seedbed_weights::{Error, ErrorKind, limits};

type Make = dyn Fn(Option<u64>) -> Reader;

/// Pushes the pieces; the events have to be these.
fn check(make: &Make, pieces: &mut dyn Iterator<Item = &[u8]>, events: &[Event], what: &str) {
    let mut reader = make(None);
    let mut seen = 0;
    for piece in pieces {
        let result = reader.push(piece, &mut |rows| {
            assert!(events[seen].is(rows), "{what}: event {seen} differs");
            seen += 1;
            Ok(())
        });
        result.unwrap();
    }
    reader.finish().unwrap();
    assert_eq!(seen, events.len(), "{what}");
}

fn every_cut(make: &Make, bytes: &[u8], places: impl Iterator<Item = usize>) {
    let (_, events) = make(Some(bytes.len() as u64)).all(bytes).unwrap();
    for cut in places {
        let (before, after) = bytes.split_at(cut);
        check(
            make,
            &mut [before, after].into_iter(),
            &events,
            &format!("cut at {cut}"),
        );
    }
    check(make, &mut bytes.chunks(1), &events, "single bytes");
    let mut random = Random(7);
    for round in 0..50 {
        let longest = [3, 17, 100, 1000, 20_000][round % 5];
        let mut left = bytes;
        let mut pieces = std::iter::from_fn(|| {
            // Empty pieces are pieces too.
            let (piece, rest) = left.split_at(random.below(longest).min(left.len()));
            let done = left.is_empty();
            left = rest;
            (!done).then_some(piece)
        });
        check(make, &mut pieces, &events, &format!("round {round}"));
    }
}

/// A tiny model with a vocabulary, so that arrays are cut too.
fn with_tokens() -> Vec<u8> {
    let mut gguf = TINY.gguf();
    let tokens: Vec<u8> = (0..8).flat_map(|i| text(&"aé🌾".repeat(i))).collect();
    gguf.set(
        "tokenizer.ggml.tokens",
        9,
        crate::support::array(8, 8, &tokens),
    );
    let scores: Vec<u8> = (0..8).flat_map(|i| (i as f32).to_le_bytes()).collect();
    gguf.set(
        "tokenizer.ggml.scores",
        9,
        crate::support::array(6, 8, &scores),
    );
    gguf.set("empty.texts", 9, crate::support::array(8, 0, &[]));
    gguf.set("empty.numbers", 9, crate::support::array(0, 0, &[]));
    gguf.bytes()
}

/// A tiny safetensors file of the fixture's kind: its first bytes would be too many to cut everywhere.
fn tiny_safetensors() -> (String, Vec<u8>) {
    let config = r#"{"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 8, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "torch_dtype": "float32"}"#;
    let mut at = 0;
    let mut entries = Vec::new();
    for (name, shape) in [
        ("model.embed_tokens", vec![8, 8]),
        ("model.norm", vec![8]),
        ("model.layers.0.input_layernorm", vec![8]),
        ("model.layers.0.self_attn.q_proj", vec![8, 8]),
        ("model.layers.0.self_attn.k_proj", vec![4, 8]),
        ("model.layers.0.self_attn.v_proj", vec![4, 8]),
        ("model.layers.0.self_attn.o_proj", vec![8, 8]),
        ("model.layers.0.post_attention_layernorm", vec![8]),
        ("model.layers.0.mlp.gate_proj", vec![16, 8]),
        ("model.layers.0.mlp.up_proj", vec![16, 8]),
        ("model.layers.0.mlp.down_proj", vec![8, 16]),
    ] {
        let bytes = 2 * shape.iter().product::<usize>();
        let end = at + bytes;
        entries.push(format!(
            r#""{name}.weight":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[{at},{end}]}}"#
        ));
        at = end;
    }
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt"}},{}}}  "#,
        entries.join(",")
    );
    (config.to_owned(), crate::support::safetensors(&header, at))
}

#[test]
fn every_cut_of_tiny_files() {
    let bytes = with_tokens();
    every_cut(&Reader::gguf, &bytes, 0..=bytes.len());
    let (config, bytes) = tiny_safetensors();
    let make = move |len| Reader::safetensors(&config, len);
    every_cut(&make, &bytes, 0..=bytes.len());
}

#[test]
fn every_cut_of_fixtures() {
    let bytes = fixture_bytes("llama/model-Q4_0.gguf");
    every_cut(&Reader::gguf, &bytes, 0..=bytes.len());
    let bytes = fixture_bytes("qwen2/model.safetensors");
    let config = fixture_text("qwen2/config.json");
    let make = move |len| Reader::safetensors(&config, len);
    // Everywhere in the header, then at odd places.
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let places = (0..data + 9).chain((data..=bytes.len()).step_by(997));
    every_cut(&make, &bytes, places);
}

#[test]
fn large_tensors_come_in_groups_that_do_not_depend_on_the_cuts() {
    let big = Tiny {
        vocab: 3000,
        hidden: 128,
        ..TINY
    };
    let bytes = big.gguf().bytes();
    let (header, events) = Reader::gguf(None).all(&bytes).unwrap();
    let rows: Vec<_> = events
        .iter()
        .take(2)
        .map(|e| (e.first_row, e.rows))
        .collect();
    assert_eq!(rows, [(0, 2048), (2048, 952)]);
    assert!(
        events
            .iter()
            .all(|event| event.bytes.len() <= limits::GROUP_BYTES)
    );
    let tensor = &header.tensors[0];
    let whole = &bytes[tensor.offset as usize..][..tensor.bytes as usize];
    assert_eq!([&events[0].bytes[..], &events[1].bytes].concat(), whole);
    for size in [4096, 65_536, 1_000_003, 1 << 20] {
        let what = format!("pieces of {size}");
        check(&Reader::gguf, &mut bytes.chunks(size), &events, &what);
    }
}

/// Reads the first `len` bytes; whether the length is known must not matter for the outcome.
fn truncated(make: &Make, bytes: &[u8], len: usize, known: bool) -> Result<(), Error> {
    let mut reader = make(known.then_some(len as u64));
    reader.push(&bytes[..len], &mut |_| Ok(()))?;
    reader.finish()
}

#[test]
fn every_early_end_is_an_error() {
    let gguf = with_tokens();
    let (config, safetensors) = tiny_safetensors();
    let make = move |len| Reader::safetensors(&config, len);
    let makes: [(&Make, &[u8]); 2] = [(&Reader::gguf, &gguf), (&make, &safetensors)];
    for (make, bytes) in makes {
        let header = make(None).all(bytes).unwrap().0;
        let last = header.tensors.last().unwrap();
        let end = (last.offset + last.bytes) as usize;
        for len in 0..end {
            for known in [false, true] {
                let error = truncated(make, bytes, len, known).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Truncated, "{len}: {error}");
                if len as u64 >= header.data_offset && !known {
                    let cut = header.tensors.iter();
                    let cut = cut
                        .filter(|t| t.offset + t.bytes > len as u64)
                        .min_by_key(|t| t.offset);
                    assert_eq!(error.subject, cut.unwrap().name, "{len}: {error}");
                }
            }
        }
        for len in end..=bytes.len() {
            truncated(make, bytes, len, false).unwrap();
            truncated(make, bytes, len, true).unwrap();
        }
        let longer = [bytes, &[0]].concat();
        for known in [false, true] {
            let error = truncated(make, &longer, longer.len(), known).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
        }
    }
}

#[test]
fn fixtures_that_end_early() {
    let bytes = fixture_bytes("qwen3/model-Q5_1.gguf");
    for len in (0..bytes.len() - 32).step_by(101) {
        let error = truncated(&Reader::gguf, &bytes, len, len % 2 == 0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "{len}: {error}");
    }
}

#[test]
fn a_failure_stays() {
    let bytes = with_tokens();
    let mut reader = Reader::gguf(None);
    let full = Error::receiver("the device has no memory left");
    let refused = reader.push(&bytes, &mut |_| Err(full.clone())).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Receiver);
    assert_eq!(
        refused.to_string(),
        "m.gguf: the device has no memory left."
    );
    assert_eq!(reader.push(&[], &mut |_| Ok(())), Err(refused.clone()));
    assert_eq!(reader.finish(), Err(refused));
}
