//! Both readers on any bytes. The first two choose how the rest is cut; up to a zero byte, what follows is a config.json.

#![no_main]

#[path = "../entry.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [piece, known, rest @ ..] = data else {
        return;
    };
    let (config, bytes) = match rest.iter().position(|byte| *byte == 0) {
        // A GGUF file has zero bytes early; it is no config.json then, and only the first reader runs.
        Some(at) if rest.starts_with(b"{") => (&rest[..at], &rest[at + 1..]),
        _ => (&[][..], rest),
    };
    let config = String::from_utf8_lossy(config);
    entry::run(bytes, &config, usize::from(*piece) + 1, known % 2 == 1);
});
