//! Fixtures, a writer of GGUF files that may lie, and what the readers tell.

use seedbed_weights::{Error, GgufReader, Header, Role, Rows, SafetensorsReader, dequantize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/engine");
    Path::new(root).join(name)
}

pub(crate) fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

pub(crate) fn fixture_text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).unwrap()
}

/// Rows as an event of their own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) tensor: usize,
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Event {
    pub(crate) fn of(rows: Rows<'_>) -> Self {
        Self {
            tensor: rows.tensor,
            first_row: rows.first_row,
            rows: rows.rows,
            bytes: rows.bytes.to_vec(),
        }
    }

    pub(crate) fn is(&self, rows: Rows<'_>) -> bool {
        (self.tensor, self.first_row, self.rows) == (rows.tensor, rows.first_row, rows.rows)
            && self.bytes == rows.bytes
    }
}

/// Either reader.
pub(crate) enum Reader {
    Gguf(Box<GgufReader>),
    Safetensors(Box<SafetensorsReader>),
}

impl Reader {
    pub(crate) fn gguf(file_bytes: Option<u64>) -> Self {
        Self::Gguf(Box::new(GgufReader::new("m.gguf", file_bytes)))
    }

    pub(crate) fn safetensors(config: &str, file_bytes: Option<u64>) -> Self {
        let reader = SafetensorsReader::new("m.safetensors", config, file_bytes);
        Self::Safetensors(Box::new(reader.unwrap()))
    }

    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Rows<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Gguf(reader) => reader.push(bytes, sink),
            Self::Safetensors(reader) => reader.push(bytes, sink),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        match self {
            Self::Gguf(reader) => reader.finish(),
            Self::Safetensors(reader) => reader.finish(),
        }
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        match self {
            Self::Gguf(reader) => reader.header(),
            Self::Safetensors(reader) => reader.header(),
        }
    }

    /// Everything that a whole file tells.
    pub(crate) fn all(mut self, bytes: &[u8]) -> Result<(Header, Vec<Event>), Error> {
        let mut events = Vec::new();
        self.push(bytes, &mut |rows| {
            events.push(Event::of(rows));
            Ok(())
        })?;
        self.finish()?;
        Ok((self.header().cloned().unwrap(), events))
    }
}

pub(crate) fn read_gguf(bytes: &[u8]) -> Result<(Header, Vec<Event>), Error> {
    Reader::gguf(Some(bytes.len() as u64)).all(bytes)
}

/// All weights of a model, dequantized, rows of queries and keys in the order of transformers.
pub(crate) fn weights(header: &Header, events: &[Event]) -> BTreeMap<String, Vec<f32>> {
    use seedbed_weights::Part;
    let mut all: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    for event in events {
        let tensor = &header.tensors[event.tensor];
        let mut rows = vec![0.0; event.rows * tensor.cols];
        dequantize(tensor.dtype, &event.bytes, &mut rows).unwrap();
        let whole = all.entry(event.tensor).or_default();
        assert_eq!(whole.len(), event.first_row * tensor.cols, "rows in order");
        whole.extend(rows);
    }
    let spec = &header.spec;
    all.into_iter()
        .map(|(at, values)| {
            let tensor = &header.tensors[at];
            assert_eq!(values.len(), tensor.rows * tensor.cols);
            let rotated = matches!(tensor.role, Role::Layer(_, Part::Q | Part::K));
            let values = if rotated && spec.neighbour_rope {
                let half = spec.head_dim / 2;
                (0..tensor.rows)
                    .flat_map(|row| {
                        let (head, r) = (row / spec.head_dim, row % spec.head_dim);
                        let from = head * spec.head_dim + 2 * (r % half) + r / half;
                        values[from * tensor.cols..(from + 1) * tensor.cols].to_vec()
                    })
                    .collect()
            } else {
                values
            };
            (format!("{:?}", tensor.role), values)
        })
        .collect()
}

/// A small generator of numbers (xorshift64*, Vigna 2016), so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// One entry of a tensor list, as written.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
}

/// A GGUF file in the making; every part can be made to lie.
#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) key_count: Option<u64>,
    /// Key, type and bytes of the value.
    pub(crate) keys: Vec<(String, u32, Vec<u8>)>,
    pub(crate) tensors: Vec<Entry>,
    pub(crate) alignment: usize,
    /// The data section.
    pub(crate) data: Vec<u8>,
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

pub(crate) fn array(kind: u32, len: u64, elements: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(len.to_le_bytes());
    bytes.extend(elements);
    bytes
}

/// Sizes of a tiny model.
pub(crate) struct Tiny {
    pub(crate) arch: &'static str,
    pub(crate) layers: u32,
    pub(crate) vocab: u32,
    pub(crate) hidden: u32,
}

pub(crate) const TINY: Tiny = Tiny {
    arch: "llama",
    layers: 1,
    vocab: 8,
    hidden: 8,
};

impl Tiny {
    /// The model with 2 query heads and 1 key head of half the hidden width, and a feed-forward layer of 2 × hidden.
    pub(crate) fn gguf(&self) -> Gguf {
        let (a, hidden) = (self.arch, self.hidden);
        let mut gguf = Gguf {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            key_count: None,
            keys: Vec::new(),
            tensors: Vec::new(),
            alignment: 32,
            data: Vec::new(),
        };
        gguf.text("general.architecture", a);
        gguf.text("general.name", "Tiny");
        gguf.text("general.license", "apache-2.0");
        for (name, value) in [
            ("context_length", 64),
            ("embedding_length", hidden),
            ("block_count", self.layers),
            ("feed_forward_length", 2 * hidden),
            ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
            ("vocab_size", self.vocab),
        ] {
            gguf.u32(&format!("{a}.{name}"), value);
        }
        gguf.f32(&format!("{a}.attention.layer_norm_rms_epsilon"), 1e-5);
        gguf.f32(&format!("{a}.rope.freq_base"), 10_000.0);
        let (h, v, kv) = (
            u64::from(hidden),
            u64::from(self.vocab),
            u64::from(hidden / 2),
        );
        gguf.tensor("token_embd.weight", &[h, v]);
        gguf.tensor("output_norm.weight", &[h]);
        for layer in 0..self.layers {
            let mut parts: Vec<(&str, Vec<u64>)> = vec![
                ("attn_norm.weight", vec![h]),
                ("attn_q.weight", vec![h, h]),
                ("attn_k.weight", vec![h, kv]),
                ("attn_v.weight", vec![h, kv]),
                ("attn_output.weight", vec![h, h]),
                ("ffn_norm.weight", vec![h]),
                ("ffn_gate.weight", vec![h, 2 * h]),
                ("ffn_up.weight", vec![h, 2 * h]),
                ("ffn_down.weight", vec![2 * h, h]),
            ];
            if a == "gemma3" {
                parts.push(("post_attention_norm.weight", vec![h]));
                parts.push(("post_ffw_norm.weight", vec![h]));
            }
            if a == "gemma3" || a == "qwen3" {
                parts.push(("attn_q_norm.weight", vec![kv]));
                parts.push(("attn_k_norm.weight", vec![kv]));
            }
            for (name, shape) in parts {
                gguf.tensor(&format!("blk.{layer}.{name}"), &shape);
            }
        }
        gguf
    }
}

impl Gguf {
    pub(crate) fn set(&mut self, key: &str, kind: u32, value: Vec<u8>) {
        let entry = (key.to_owned(), kind, value);
        match self.keys.iter_mut().find(|(other, _, _)| other == key) {
            Some(old) => *old = entry,
            None => self.keys.push(entry),
        }
    }

    pub(crate) fn u32(&mut self, key: &str, value: u32) {
        self.set(key, 4, value.to_le_bytes().to_vec());
    }

    pub(crate) fn f32(&mut self, key: &str, value: f32) {
        self.set(key, 6, value.to_le_bytes().to_vec());
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.set(key, 8, text(value));
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.keys.retain(|(other, _, _)| other != key);
    }

    /// Adds a tensor of F32 weights that count up.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[u64]) {
        let weights: u64 = shape.iter().product();
        self.data
            .resize(self.data.len().next_multiple_of(self.alignment), 0);
        self.tensors.push(Entry {
            name: name.to_owned(),
            shape: shape.to_vec(),
            kind: 0,
            offset: self.data.len() as u64,
        });
        let first = self.data.len() as u64;
        for i in 0..weights {
            self.data.extend(((first + i) as f32).to_le_bytes());
        }
    }

    pub(crate) fn entry(&mut self, name: &str) -> &mut Entry {
        let found = self.tensors.iter_mut().find(|entry| entry.name == name);
        found.unwrap()
    }

    pub(crate) fn header(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        let tensors = self.tensor_count.unwrap_or(self.tensors.len() as u64);
        let keys = self.key_count.unwrap_or(self.keys.len() as u64);
        out.extend(tensors.to_le_bytes());
        out.extend(keys.to_le_bytes());
        for (key, kind, value) in &self.keys {
            out.extend(text(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        for entry in &self.tensors {
            out.extend(text(&entry.name));
            out.extend((entry.shape.len() as u32).to_le_bytes());
            for size in &entry.shape {
                out.extend(size.to_le_bytes());
            }
            out.extend(entry.kind.to_le_bytes());
            out.extend(entry.offset.to_le_bytes());
        }
        out
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        out.extend(&self.data);
        out.resize(out.len().next_multiple_of(self.alignment), 0);
        out
    }
}

/// A safetensors file of this header and so many bytes of data.
pub(crate) fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut out = text(header);
    out.extend((0..data).map(|i| (i % 251) as u8));
    out
}
