//! Model files, read as they stream: GGUF version 3 ([`GgufReader`], split files too) and safetensors
//! ([`SafetensorsReader`], shards too), into one description ([`Spec`]) and one kind of event ([`Rows`]).
//!
//! Bytes may be cut anywhere. What is held is the header and at most one group of rows ([`limits::GROUP_BYTES`]).
//! Files are not trusted: every count, length, offset and shape is checked against [`limits`] and against the model's own
//! description before it is used, and an [`Error`] says which file, which key or tensor, why, and what helps.
//!
//! Reading a model: push the pieces of its first file into a reader, call `next_file` for each further one
//! ([`part_names`] and [`SafetensorsReader::files`] name them), and `finish`. The reader's `header` is there once it was
//! read; [`Header::complete`] says whether a further file may still add to it.
//!
//! Differences from the first sketch of this interface: [`SafetensorsReader::new`] returns a `Result`, since it reads
//! config.json; [`Header::tensors`] is in file order (sorted by offset), not in header order; [`GgufReader`] is also the
//! reader of split files (`next_file`), so there is no second front.

mod config;
mod dtype;
mod error;
mod flow;
mod gguf;
mod gguf_spec;
pub mod limits;
mod metadata;
mod model;
mod names;
mod safetensors;
mod spec;

pub use dtype::{DType, dequantize, f32_to_half, half_to_f32};
pub use error::{Error, ErrorKind};
pub use flow::{Header, Rows, Tensor};
pub use gguf::{GgufReader, part_names};
pub use metadata::{Array, Metadata, Numbers, Strings, Value};
pub use names::{Part, Role};
pub use safetensors::SafetensorsReader;
pub use spec::{Activation, Arch, LayerSpec, RopeScaling, Spec};
