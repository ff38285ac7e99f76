//! Models in several files.

use crate::support::{Event, Gguf, TINY, read_gguf};
use seedbed_weights::{Error, ErrorKind, GgufReader, SafetensorsReader, part_names};

/// The tiny model in three parts, the first without tensors, as `llama-gguf-split --no-tensor-first-split` writes it.
fn parts() -> Vec<Gguf> {
    let whole = TINY.gguf();
    let mut parts = vec![whole.clone(), whole.clone(), whole.clone()];
    let tensors = whole.tensors.len();
    for (i, part) in parts.iter_mut().enumerate() {
        if i > 0 {
            part.keys.clear();
        }
        part.set("split.no", 2, vec![i as u8, 0]);
        part.set("split.count", 2, vec![3, 0]);
        part.set(
            "split.tensors.count",
            5,
            (tensors as i32).to_le_bytes().to_vec(),
        );
        let (start, end) = [(0, 0), (0, 4), (4, tensors)][i];
        let from = whole.tensors[start].offset;
        let to = whole
            .tensors
            .get(end)
            .map_or(whole.data.len() as u64, |t| t.offset);
        let to = if start == end { from } else { to };
        part.tensors = whole.tensors[start..end].to_vec();
        for entry in &mut part.tensors {
            entry.offset -= from;
        }
        part.data = whole.data[from as usize..to as usize].to_vec();
    }
    parts
}

fn name(part: usize) -> String {
    format!("Tiny-{:05}-of-00003.gguf", part + 1)
}

fn read(parts: &[Gguf]) -> Result<(GgufReader, Vec<Event>), Error> {
    let mut events = Vec::new();
    let mut reader = GgufReader::new(&name(0), None);
    for (i, part) in parts.iter().enumerate() {
        let bytes = part.bytes();
        if i > 0 {
            reader.next_file(&name(i), Some(bytes.len() as u64))?;
        }
        for piece in bytes.chunks(77) {
            reader.push(piece, &mut |rows| {
                events.push(Event::of(rows));
                Ok(())
            })?;
        }
    }
    reader.finish()?;
    Ok((reader, events))
}

#[test]
fn parts_are_the_whole() {
    let (header, whole) = read_gguf(&TINY.gguf().bytes()).unwrap();
    let (reader, events) = read(&parts()).unwrap();
    assert_eq!(events, whole);
    let split = reader.header().unwrap();
    assert_eq!(split.spec, header.spec);
    assert_eq!((split.split, split.complete), (Some((2, 3)), true));
    let files: Vec<usize> = split.tensors.iter().map(|tensor| tensor.file).collect();
    assert_eq!(files, [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]);
    assert_eq!(split.metadata.get_str("general.name"), Some("Tiny"));
}

#[test]
fn parts_that_do_not_fit() {
    let fails = |change: fn(&mut Vec<Gguf>)| {
        let mut parts = parts();
        change(&mut parts);
        read(&parts).unwrap_err().to_string()
    };
    let way_out = "Choose all parts of one model; the first has a name that ends in -00001-of-… and comes first.";
    assert_eq!(
        fails(|parts| parts.swap(0, 1)),
        format!(
            "Tiny-00001-of-00003.gguf: split.no: this is part 2 of 3, and part 1 is due. {way_out}"
        )
    );
    assert_eq!(
        fails(|parts| {
            parts.remove(1);
        }),
        format!(
            "Tiny-00002-of-00003.gguf: split.no: this is part 3 of 3, and part 2 is due. {way_out}"
        )
    );
    assert_eq!(
        fails(|parts| {
            parts.pop();
        }),
        format!(
            "Tiny-00002-of-00003.gguf: it is part 2 of 3, and the others were not read. {way_out}"
        )
    );
    assert_eq!(
        fails(|parts| parts.push(parts[2].clone())),
        "Tiny-00003-of-00003.gguf: the model has no further part."
    );
    assert_eq!(
        fails(|parts| parts[1].set("split.count", 2, vec![4, 0])),
        format!(
            "Tiny-00002-of-00003.gguf: split.count: it is 4, and the first part says 3. {way_out}"
        )
    );
    assert_eq!(
        fails(|parts| parts[0].u32("split.tensors.count", 12)),
        "Tiny-00003-of-00003.gguf: split.tensors.count: it is 12, and the parts have 11 tensors."
    );
    assert_eq!(
        fails(|parts| {
            parts[0].remove("split.tensors.count");
            parts[2].tensors.pop();
            let end = parts[2].tensors.last().unwrap().offset as usize + 8 * 16 * 4;
            parts[2].data.truncate(end);
        }),
        "Tiny-00003-of-00003.gguf: tensors are missing: blk.0.ffn_down.weight."
    );
    assert_eq!(
        fails(|parts| parts[0].text("split.no", "0")),
        "Tiny-00001-of-00003.gguf: split.no: it is not a count."
    );
    assert_eq!(
        fails(|parts| {
            parts[2].tensors = parts[1].tensors.clone();
            parts[2].data = parts[1].data.clone();
        }),
        "Tiny-00003-of-00003.gguf: token_embd.weight: the tensor is there twice."
    );
    let mut reader = GgufReader::new("Tiny-00001-of-00002.gguf", None);
    let error = reader
        .push(&parts()[0].bytes(), &mut |_| Ok(()))
        .unwrap_err();
    assert_eq!(error.reason, "inside, the file is part 1 of 3");
}

#[test]
fn an_early_end_of_a_part_names_its_tensor() {
    let parts = parts();
    let mut reader = GgufReader::new("a.gguf", None);
    reader.push(&parts[0].bytes(), &mut |_| Ok(())).unwrap();
    assert!(!reader.header().unwrap().complete);
    reader.next_file("b.gguf", None).unwrap();
    let bytes = parts[1].bytes();
    reader
        .push(&bytes[..bytes.len() - 100], &mut |_| Ok(()))
        .unwrap();
    let error = reader.next_file("c.gguf", None).unwrap_err();
    assert_eq!(
        (error.kind, error.file.as_str()),
        (ErrorKind::Truncated, "b.gguf")
    );
    assert_eq!(error.subject, "blk.0.attn_q.weight");
}

#[test]
fn names_of_parts() {
    let names = part_names("x/My-Model-00002-of-00003.gguf").unwrap();
    let wanted = [1, 2, 3].map(|i| format!("x/My-Model-0000{i}-of-00003.gguf"));
    assert_eq!(names, wanted);
    for other in [
        "model.gguf",
        "m-00004-of-00003.gguf",
        "m-00000-of-00003.gguf",
        "m-1-of-3.gguf",
        "m-00001-of-99999.gguf",
        "m-00001-of-+0003.gguf",
        "-of-.gguf",
    ] {
        assert_eq!(part_names(other), None, "{other}");
    }
}

const CONFIG: &str = r#"{"model_type": "llama", "hidden_size": 4, "intermediate_size": 2, "num_hidden_layers": 1,
    "num_attention_heads": 1, "vocab_size": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    "tie_word_embeddings": false}"#;

/// A shard with these tensors (name and shape), all F16.
fn shard(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let mut at = 0;
    let mut entries = Vec::new();
    for (name, shape) in tensors {
        let end = at + 2 * shape.iter().product::<usize>();
        entries.push(format!(
            r#""{name}.weight":{{"dtype":"F16","shape":{shape:?},"data_offsets":[{at},{end}]}}"#
        ));
        at = end;
    }
    crate::support::safetensors(&format!("{{{}}}", entries.join(",")), at)
}

const FIRST: [(&str, &[usize]); 6] = [
    ("model.embed_tokens", &[2, 4]),
    ("model.layers.0.input_layernorm", &[4]),
    ("model.layers.0.self_attn.q_proj", &[4, 4]),
    ("model.layers.0.self_attn.k_proj", &[4, 4]),
    ("model.layers.0.self_attn.v_proj", &[4, 4]),
    ("model.layers.0.self_attn.o_proj", &[4, 4]),
];
const SECOND: [(&str, &[usize]); 6] = [
    ("model.layers.0.post_attention_layernorm", &[4]),
    ("model.layers.0.mlp.gate_proj", &[2, 4]),
    ("model.layers.0.mlp.up_proj", &[2, 4]),
    ("model.layers.0.mlp.down_proj", &[4, 2]),
    ("model.norm", &[4]),
    ("lm_head", &[2, 4]),
];
const NAMES: [&str; 2] = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
];

fn index() -> String {
    let of = |shard: &[(&str, &[usize])], file: &str| -> Vec<String> {
        let tensors = shard.iter();
        tensors
            .map(|(name, _)| format!(r#""{name}.weight":"{file}""#))
            .collect()
    };
    let all = [of(&FIRST, NAMES[0]), of(&SECOND, NAMES[1])].concat();
    format!(
        r#"{{"metadata":{{"total_size":1}},"weight_map":{{{}}}}}"#,
        all.join(",")
    )
}

#[test]
fn shards_of_safetensors() {
    let mut reader = SafetensorsReader::sharded(&index(), CONFIG, None).unwrap();
    assert_eq!(reader.files(), NAMES);
    let mut events = 0;
    let mut push = |reader: &mut SafetensorsReader, bytes: &[u8]| {
        let mut pieces = bytes.chunks(13);
        pieces.try_for_each(|piece| {
            reader.push(piece, &mut |_| {
                events += 1;
                Ok(())
            })
        })
    };
    push(&mut reader, &shard(&FIRST)).unwrap();
    let header = reader.header().unwrap();
    // The index tells at once that there is a head.
    assert!(!header.complete && !header.spec.tied);
    assert_eq!(header.split, Some((0, 2)));
    reader.next_file(NAMES[1], None).unwrap();
    push(&mut reader, &shard(&SECOND)).unwrap();
    reader.finish().unwrap();
    let header = reader.header().unwrap();
    assert!(header.complete && !header.spec.tied);
    assert_eq!((events, header.tensors.len()), (12, 12));
    assert!(header.tensors[6..].iter().all(|tensor| tensor.file == 1));
}

#[test]
fn shards_that_do_not_fit() {
    let fails = |first: &[u8], second: Option<&str>| {
        let mut reader = SafetensorsReader::sharded(&index(), CONFIG, None).unwrap();
        reader
            .push(first, &mut |_| Ok(()))
            .and_then(|()| second.map_or(Ok(()), |name| reader.next_file(name, None)))
            .and_then(|()| reader.finish())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        fails(&shard(&FIRST[1..]), None),
        "model-00001-of-00002.safetensors: model.embed_tokens.weight: model.safetensors.index.json puts this tensor into this file, and it is not there."
    );
    assert_eq!(
        fails(&shard(&SECOND), None),
        "model-00001-of-00002.safetensors: model.layers.0.post_attention_layernorm.weight: model.safetensors.index.json does not put this tensor into this file."
    );
    assert_eq!(
        fails(&shard(&FIRST), None),
        "model-00001-of-00002.safetensors: the model goes on in model-00002-of-00002.safetensors, which was not read. Choose all files of the model."
    );
    assert_eq!(
        fails(&shard(&FIRST), Some("other.safetensors")),
        "model-00001-of-00002.safetensors: model-00002-of-00002.safetensors is due, and not other.safetensors."
    );
    assert!(fails(&shard(&FIRST), Some(NAMES[1])).contains("the file ends within its header"));
    for (index, wanted) in [
        ("{}", "it is no index of shards (missing field `weight_map`"),
        (r#"{"weight_map":{}}"#, "weight_map: it is empty"),
        (
            r#"{"weight_map":{"a":"../b.safetensors"}}"#,
            "../b.safetensors: it is no name of a",
        ),
        (
            r#"{"weight_map":{"a":"b.bin"}}"#,
            "b.bin: it is no name of a safetensors file",
        ),
    ] {
        let error = SafetensorsReader::sharded(index, CONFIG, None).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("model.safetensors.index.json: "),
            "{error}"
        );
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn a_head_that_is_declared_to_be_the_embedding_is_left_out() {
    let all = shard(&[&FIRST[..], &SECOND].concat());
    let tied = CONFIG.replace("false", "true");
    let silent = CONFIG.replace(",\n    \"tie_word_embeddings\": false", "");
    assert!(!silent.contains("tie"));
    for (config, tensors, is_tied) in [(CONFIG, 12, false), (&tied, 11, true), (&silent, 12, false)]
    {
        let mut reader = SafetensorsReader::new("m.safetensors", config, None).unwrap();
        let mut events = 0;
        let result = reader.push(&all, &mut |_| {
            events += 1;
            Ok(())
        });
        result.unwrap();
        reader.finish().unwrap();
        let header = reader.header().unwrap();
        let seen = (events, header.tensors.len(), header.spec.tied);
        assert_eq!(seen, (tensors, tensors, is_tied));
    }
    let headless = shard(&[&FIRST[..], &SECOND[..5]].concat());
    let mut reader = SafetensorsReader::new("m.safetensors", CONFIG, None).unwrap();
    let error = reader.push(&headless, &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.reason, "tensors are missing: lm_head.weight");
    let mut reader = SafetensorsReader::new("m.safetensors", &silent, None).unwrap();
    reader.push(&headless, &mut |_| Ok(())).unwrap();
    assert!(reader.header().unwrap().spec.tied);
}
