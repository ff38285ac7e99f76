//! The bounds that every file is held to. They are far above any model a browser can run, and small enough that a lying
//! header costs little.

/// Most bytes of a GGUF header (metadata and tensor list). Headers with 260k-token vocabularies have about 15 MB.
pub const HEADER_BYTES: u64 = 64 << 20;
/// Most bytes of a safetensors header.
pub const JSON_BYTES: u64 = 16 << 20;
/// Most bytes of a config.json.
pub const CONFIG_BYTES: u64 = 1 << 20;
/// Most bytes of an index of shards.
pub const INDEX_BYTES: u64 = 4 << 20;
/// Most bytes of a file.
pub const FILE_BYTES: u64 = 1 << 50;
/// Most tensors of a model.
pub const TENSORS: u64 = 100_000;
/// Most metadata keys of a GGUF file.
pub const KEYS: u64 = 100_000;
/// Most bytes of a metadata key.
pub const KEY_BYTES: u64 = 65_535;
/// Most bytes of a tensor's name.
pub const NAME_BYTES: u64 = 256;
/// Most bytes of one metadata string (chat templates are the long ones).
pub const STRING_BYTES: u64 = 16 << 20;
/// Most elements of a metadata array; vocabularies and merge lists have up to about 600 000.
pub const ARRAY_LEN: u64 = 1 << 20;
/// Most dimensions of a tensor (those after the second have to be 1).
pub const DIMENSIONS: u32 = 4;
/// Largest alignment of the data section.
pub const ALIGNMENT: u64 = 1 << 16;
/// Most parts of a split model.
pub const PARTS: u64 = 1024;
/// Most layers.
pub const LAYERS: u64 = 1024;
/// Largest width of the hidden state, of the queries together, and of the feed-forward layer.
pub const WIDTH: u64 = 1 << 18;
/// Most attention heads.
pub const HEADS: u64 = 4096;
/// Largest width of a head.
pub const HEAD_DIM: u64 = 1024;
/// Largest vocabulary.
pub const VOCABULARY: u64 = 1 << 20;
/// Longest context.
pub const CONTEXT: u64 = 1 << 27;
/// Rows of a tensor are handed out in groups of at most this many bytes, or one at a time.
pub const GROUP_BYTES: usize = 1 << 20;
