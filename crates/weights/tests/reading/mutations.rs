//! Headers with flipped bytes: no panic, bounded memory. The same function is a fuzz target (`fuzz/`).

use crate::entry::run;
use crate::support::{Random, TINY, array, fixture_bytes, fixture_text, text};

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

#[test]
fn flipped_bytes_in_a_config() {
    let config = fixture_text("gemma3/config.json");
    let mut random = Random(4);
    for _ in 0..10_000 {
        let mut changed = config.clone().into_bytes();
        let len = changed.len();
        mutate(&mut changed, len, &mut random);
        let changed = String::from_utf8_lossy(&changed);
        let _ = seedbed_weights::SafetensorsReader::new("m", &changed, None);
    }
}
