//! Headers with flipped bytes: no panic, bounded memory. The same function is a fuzz target (`fuzz/`).

use crate::entry::run;
use crate::support::{Random, TINY, array, fixture_bytes, fixture_text, text};
use seedbed_weights::{Part, Role, SafetensorsReader};
use serde_json::{Map, Value};

/// Peak of the address space in KiB, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmPeak:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Changes 1 to 8 bytes of the first `header`: any byte, a flipped bit, or a number that is often a lie.
fn mutate(bytes: &mut [u8], header: usize, random: &mut Random) {
    for _ in 0..=random.below(8) {
        let at = random.below(header);
        match random.below(4) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            _ => {
                let lie = [u64::MAX, 1 << 63, 1 << 32, 1 << 20, 0][random.below(5)].to_le_bytes();
                let len = [1, 4, 8][random.below(3)].min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&lie[..len]);
            }
        }
    }
}

/// Changes 1 to 3 digits to other digits or letters to other letters, which leaves most texts JSON.
fn misspell(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let first = match bytes[at] {
            b'0'..=b'9' => b'0',
            b'a'..=b'z' => b'a',
            _ => continue,
        };
        let count = if first == b'0' { 10 } else { 26 };
        bytes[at] = first + random.below(count) as u8;
    }
}

fn ten_thousand(bytes: &[u8], header: usize, config: &str, seed: u64) {
    let mut random = Random(seed);
    let before = peak_kib();
    let mut good = 0;
    for _ in 0..10_000 {
        let mut changed = bytes.to_vec();
        mutate(&mut changed, header, &mut random);
        if random.below(8) == 0 {
            changed.truncate(random.below(changed.len()));
        }
        let piece = [changed.len(), 4096, 61][random.below(3)];
        good += run(&changed, config, piece, random.below(2) == 0);
    }
    // Some changes hit names, licences or numbers that may be anything; most must not pass.
    assert!(good < 5000, "{good} of 10 000 changed files were read");
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        let grown = after.saturating_sub(before) / 1024;
        assert!(grown < 512, "the address space grew by {grown} MiB");
    }
}

#[test]
fn flipped_bytes_in_gguf() {
    let mut gguf = TINY.gguf();
    let tokens: Vec<u8> = (0..8).flat_map(|i| text(&"ab".repeat(i))).collect();
    gguf.set("tokenizer.ggml.tokens", 9, array(8, 8, &tokens));
    gguf.set("split.count", 2, vec![1, 0]);
    let bytes = gguf.bytes();
    assert_eq!(run(&bytes, "", 100, true), 1);
    ten_thousand(&bytes, gguf.header().len(), "", 1);
}

#[test]
fn flipped_bytes_in_a_fixture() {
    let bytes = fixture_bytes("llama/model-Q4_0.gguf");
    assert_eq!(run(&bytes, "", 1000, false), 1);
    ten_thousand(&bytes, 3000, "", 2);
}

#[test]
fn flipped_bytes_in_safetensors() {
    let bytes = fixture_bytes("llama/model.safetensors");
    let config = fixture_text("llama/config.json");
    assert_eq!(run(&bytes, &config, 1000, true), 1);
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    ten_thousand(&bytes, header, &config, 3);
}

/// What is read of a changed config agrees with the weights; what is refused names the key, or what of the weights it
/// does not fit.
#[test]
fn a_config_with_flipped_bytes_fits_its_weights_or_is_refused_by_name() {
    let config = fixture_text("gemma3/config.json");
    let weights = fixture_bytes("gemma3/model.safetensors");
    let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let head = &weights[..8 + length];
    let mut random = Random(4);
    let (mut read, mut no_json, mut refused, mut unfit) = (0, 0, 0, 0);
    for _ in 0..10_000 {
        let mut changed = config.clone().into_bytes();
        let len = changed.len();
        if random.below(4) == 0 {
            mutate(&mut changed, len, &mut random);
        } else {
            misspell(&mut changed, &mut random);
        }
        let changed = String::from_utf8_lossy(&changed);
        let is_json = serde_json::from_str::<Map<String, Value>>(&changed).is_ok();
        let mut reader = match SafetensorsReader::new("m", &changed, None) {
            Ok(reader) => reader,
            Err(error) => {
                assert_eq!(error.file, "config.json", "{error}\n{changed}");
                let key = error.subject.rsplit('.').next().unwrap();
                if is_json {
                    assert!(!key.is_empty(), "{error}\n{changed}");
                    assert!(config.contains(key) || changed.contains(key), "{error}");
                    refused += 1;
                } else {
                    assert!(
                        error.reason.contains("not a JSON object"),
                        "{error}\n{changed}"
                    );
                    no_json += 1;
                }
                continue;
            }
        };
        assert!(is_json, "{changed}");
        if let Err(error) = reader.push(head, &mut |_| Ok(())) {
            assert_eq!(error.file, "m", "{error}\n{changed}");
            assert!(error.to_string().contains("weight"), "{error}\n{changed}");
            unfit += 1;
            continue;
        }
        let header = reader.header().unwrap();
        let spec = &header.spec;
        let shape = |role| {
            let found = header.tensors.iter().find(|tensor| tensor.role == role);
            found.map(|tensor| (tensor.rows, tensor.cols))
        };
        assert_eq!(shape(Role::Embedding), Some((spec.vocab, spec.hidden)));
        for layer in 0..spec.layers.len() {
            let part = |part| shape(Role::Layer(layer, part));
            assert_eq!(part(Part::Q), Some((spec.q_width(), spec.hidden)));
            let kv = (spec.kv_heads * spec.head_dim, spec.hidden);
            assert_eq!((part(Part::K), part(Part::V)), (Some(kv), Some(kv)));
            assert_eq!(part(Part::Down), Some((spec.hidden, spec.ffn)));
        }
        assert_eq!(shape(Role::Layer(spec.layers.len(), Part::Q)), None);
        assert_eq!(header.total_bytes, weights.len() as u64);
        assert!(spec.eps.is_finite() && spec.attn_scale.is_finite() && spec.attn_scale > 0.0);
        read += 1;
    }
    // Each of the four ways is taken often, so that none of their claims is empty.
    let ways = [read, no_json, refused, unfit];
    assert!(ways.iter().all(|count| *count > 50), "{ways:?}");
}
