//! safetensors, as it streams: eight bytes of length, a header in JSON, and tensors without gaps. The format: the README
//! of huggingface/safetensors; shards: the `*.safetensors.index.json` of transformers.

use crate::error::AGAIN;
use crate::flow::{Flow, Sink, Stretch};
use crate::model::{Model, Shape};
use crate::names::Naming;
use crate::{DType, Error, Header, Metadata, Rows, Tensor, config, limits};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

/// Name of the index file, for errors.
const INDEX: &str = "model.safetensors.index.json";

/// An entry of the header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Sizes,
    data_offsets: [u64; 2],
}

/// A shape, in the order of the file.
#[derive(Default)]
struct Sizes {
    sizes: Shape,
    len: usize,
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few;
        impl<'de> Visitor<'de> for Few {
            type Value = Sizes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a shape")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sizes, A::Error> {
                let mut read = Sizes::default();
                while let Some(size) = seq.next_element()? {
                    let Some(place) = read.sizes.get_mut(read.len) else {
                        return Err(de::Error::custom("a tensor with too many dimensions"));
                    };
                    *place = size;
                    read.len += 1;
                }
                Ok(read)
            }
        }
        deserializer.deserialize_seq(Few)
    }
}

impl Sizes {
    /// With the row length first; safetensors has it last. None without any dimension.
    fn shape(&self) -> Option<Shape> {
        let mut shape = [1; limits::DIMENSIONS as usize];
        let sizes = self
            .sizes
            .get(..self.len)
            .filter(|sizes| !sizes.is_empty())?;
        for (size, place) in sizes.iter().rev().zip(&mut shape) {
            *place = *size;
        }
        Some(shape)
    }
}

/// The header: names and entries in file order. A plain map would hide names that are there twice.
struct Entries(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if entries.len() as u64 >= limits::TENSORS {
                        return Err(de::Error::custom("more tensors than the limit allows"));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// Which file each tensor is in.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    fn read(text: &str) -> Result<Self, Error> {
        if text.len() as u64 > limits::INDEX_BYTES {
            let len = text.len() as u64;
            return Err(Error::too_large("", "its length", len, limits::INDEX_BYTES));
        }
        let index: Self = serde_json::from_str(text)
            .map_err(|error| Error::malformed("", format!("it is no index of shards ({error})")))?;
        if index.weight_map.is_empty() {
            return Err(Error::malformed("weight_map", "it is empty"));
        }
        Ok(index)
    }

    /// Names of the files, in order. They come from outside, so they have to be names in the same folder.
    fn files(&self) -> Result<Vec<String>, Error> {
        let files: BTreeSet<&String> = self.weight_map.values().collect();
        if files.len() as u64 > limits::PARTS {
            let (count, limit) = (files.len() as u64, limits::PARTS);
            return Err(Error::too_large(
                "weight_map",
                "the number of files",
                count,
                limit,
            ));
        }
        for file in &files {
            let plain = !file.contains(['/', '\\', ':']) && !file.starts_with('.');
            let short = file.len() as u64 <= limits::NAME_BYTES;
            if !(plain && short && file.ends_with(".safetensors")) {
                return Err(Error::malformed(
                    file,
                    "it is no name of a safetensors file",
                ));
            }
        }
        Ok(files.into_iter().cloned().collect())
    }
}

/// Reads a model in safetensors as it streams, from one file or from shards in order. After an error it stays with it.
#[derive(Debug)]
pub struct SafetensorsReader {
    file_name: String,
    file_bytes: Option<u64>,
    /// The length and the header, until they are complete.
    head: Vec<u8>,
    /// Names of the shards, in order; empty for a single file.
    files: Vec<String>,
    /// Which shard each tensor is in.
    places: BTreeMap<String, usize>,
    model: Model,
    header: Option<Header>,
    flow: Option<Flow>,
    failed: Option<Error>,
}

impl SafetensorsReader {
    /// Starts with the only file of a model. `file_bytes` is its length, if that is known.
    ///
    /// # Errors
    /// What is wrong with the config.json.
    pub fn new(file_name: &str, config_json: &str, file_bytes: Option<u64>) -> Result<Self, Error> {
        let config = config::read(config_json)?;
        let mut model = Model::new(Naming::Safetensors);
        model.spec = Some(config.spec);
        model.tied = config.tied;
        Ok(Self {
            file_name: file_name.to_owned(),
            file_bytes,
            head: Vec::new(),
            files: Vec::new(),
            places: BTreeMap::new(),
            model,
            header: None,
            flow: None,
            failed: None,
        })
    }

    /// Starts with the first file of a model in shards; [`Self::files`] says which that is. `file_bytes` is its length, if
    /// that is known.
    ///
    /// # Errors
    /// What is wrong with the config.json or with the index.
    pub fn sharded(
        index_json: &str,
        config_json: &str,
        file_bytes: Option<u64>,
    ) -> Result<Self, Error> {
        let mut reader = Self::new("", config_json, file_bytes)?;
        let in_index = |error: Error| error.in_file(INDEX);
        let index = Index::read(index_json).map_err(in_index)?;
        let files = index.files().map_err(in_index)?;
        let head = index.weight_map.contains_key("lm_head.weight");
        for (name, file) in index.weight_map {
            if let Ok(at) = files.binary_search(&file) {
                reader.places.insert(name, at);
            }
        }
        // The index tells at once what a single file tells with its header.
        reader.model.tied.get_or_insert(!head);
        reader.model.files = files.len();
        reader.file_name = files.first().cloned().unwrap_or_default();
        reader.files = files;
        Ok(reader)
    }

    /// Names of the shards, in the order in which they have to be read; empty for a single file.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Takes all of `bytes`, cut anywhere, and calls `sink` with rows of tensors as they are complete.
    ///
    /// # Errors
    /// What is wrong with the file, or what the sink said.
    pub fn push(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Rows<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.guarded(|reader| reader.take(bytes, sink))
    }

    /// The header, as soon as it is complete.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Ends the shard being read and goes on with the next.
    ///
    /// # Errors
    /// When the shard before ended early, or another one is due.
    pub fn next_file(&mut self, file_name: &str, file_bytes: Option<u64>) -> Result<(), Error> {
        self.guarded(|reader| {
            reader.file_done()?;
            let next = reader.files.get(reader.model.file + 1);
            if next.is_none_or(|next| next != file_name) {
                let due = next.map_or("no further file", String::as_str);
                let reason = format!("{due} is due, and not {}", crate::error::shown(file_name));
                return Err(Error::malformed("", reason));
            }
            reader.model.file += 1;
            file_name.clone_into(&mut reader.file_name);
            reader.file_bytes = file_bytes;
            reader.flow = None;
            Ok(())
        })
    }

    /// All bytes were pushed.
    ///
    /// # Errors
    /// When the file ended early (the error names the tensor), or shards are missing.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.guarded(|reader| {
            reader.file_done()?;
            match reader.files.get(reader.model.file + 1) {
                None => Ok(()),
                Some(next) => {
                    let reason = format!("the model goes on in {next}, which was not read");
                    Err(Error::truncated("", reason).way_out("Choose all files of the model"))
                }
            }
        })
    }

    fn guarded(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        work(self).map_err(|error| {
            let error = error.in_file(&self.file_name);
            self.failed = Some(error.clone());
            error
        })
    }

    fn take(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        while self.flow.is_none() && !bytes.is_empty() {
            let want = self.head_bytes()?;
            let lacks = (want - self.head.len()).min(bytes.len());
            let (more, rest) = bytes.split_at(lacks);
            self.head.extend_from_slice(more);
            bytes = rest;
            // With the eighth byte the length is checked, before any more are put aside.
            if self.head.len() >= 8 && self.head.len() == self.head_bytes()? {
                self.header_done()?;
            }
        }
        match (&mut self.flow, &self.header) {
            (Some(flow), Some(header)) => flow.push(header, bytes, sink),
            _ => Ok(()),
        }
    }

    /// How many bytes the length and the header have; eight until the length is there.
    fn head_bytes(&self) -> Result<usize, Error> {
        let Some(length) = self.head.first_chunk() else {
            return Ok(8);
        };
        let length = u64::from_le_bytes(*length);
        if length > limits::JSON_BYTES {
            let limit = limits::JSON_BYTES;
            return Err(Error::too_large(
                "",
                "the length of its header",
                length,
                limit,
            ));
        }
        if length < 2 {
            return Err(Error::malformed(
                "",
                "it is not a safetensors file (no header)",
            ));
        }
        if let Some(all) = self.file_bytes.filter(|all| *all < 8 + length) {
            let reason = format!("its header has {length} bytes, and the file {all}");
            return Err(Error::truncated("", reason));
        }
        Ok(8 + length as usize)
    }

    fn header_done(&mut self) -> Result<(), Error> {
        let head = std::mem::take(&mut self.head);
        let data_offset = head.len() as u64;
        if head.get(8) != Some(&b'{') {
            return Err(Error::malformed("", "it is not a safetensors file"));
        }
        let Entries(entries) = serde_json::from_slice(&head[8..])
            .map_err(|error| Error::malformed("", format!("its header can't be read ({error})")))?;
        let (tensors, data_bytes) = self.tensors(entries, data_offset)?;
        let end = data_offset + data_bytes;
        if let Some(all) = self.file_bytes.filter(|all| *all != end) {
            let reason = format!("it should have {end} bytes, and has {all}");
            return Err(if all < end {
                let cut = tensors.iter().find(|tensor| tensor.end() > all);
                Error::truncated(cut.map_or("", |tensor| &tensor.name), reason)
            } else {
                Error::malformed("", reason).way_out(AGAIN)
            });
        }
        let model = &self.model;
        let mut header = match (self.header.take(), &model.spec) {
            (Some(header), _) => header,
            (None, Some(spec)) => Header::new(spec.clone(), Metadata::default()),
            (None, None) => return Err(Error::malformed("", "the model is not described")),
        };
        let first = header.tensors.len();
        header.tensors.extend(tensors);
        header.total_bytes = end;
        header.data_offset = data_offset;
        header.split = model.split();
        header.complete = model.is_last_file();
        model.settle(&mut header.spec)?;
        let range = first..header.tensors.len();
        self.header = Some(header);
        self.flow = Some(Flow::new(range, data_offset, end));
        Ok(())
    }

    /// Checks the entries, and that they cover the data without holes; the tensors by place, and the bytes of all.
    fn tensors(
        &mut self,
        entries: Vec<(String, Entry)>,
        data_offset: u64,
    ) -> Result<(Vec<Tensor>, u64), Error> {
        let mut tensors = Vec::new();
        let mut places = Vec::new();
        let mut names = HashSet::new();
        self.model.skipped.clear();
        for (name, entry) in entries {
            if name.len() as u64 > limits::NAME_BYTES {
                let (len, limit) = (name.len() as u64, limits::NAME_BYTES);
                return Err(Error::too_large(&name, "the length of a name", len, limit));
            }
            self.check_index(&name)?;
            let dtype = match entry.dtype.as_str() {
                "F32" => DType::F32,
                "F16" => DType::F16,
                "BF16" => DType::BF16,
                other => {
                    let other = crate::error::shown(other);
                    let reason = format!("weights of type {other} are not supported");
                    return Err(Error::unsupported(&name, reason).way_out(
                        "Choose the F32, F16 or BF16 file, or a GGUF file of this model",
                    ));
                }
            };
            let Some(shape) = entry.shape.shape() else {
                return Err(Error::malformed(&name, "it has no dimensions"));
            };
            let [start, end] = entry.data_offsets;
            let skipped = self.model.skipped.len();
            let tensor = self.model.tensor(&name, dtype, shape, start)?;
            let bytes = match &tensor {
                Some(tensor) => tensor.bytes,
                None => self.model.skipped.get(skipped).map_or(0, |s| s.bytes),
            };
            if end.checked_sub(start) != Some(bytes) {
                let reason = format!("its place {start}–{end} has not the {bytes} bytes it takes");
                return Err(Error::malformed(&name, reason));
            }
            places.push((
                Stretch {
                    offset: start,
                    bytes,
                },
                name.clone(),
            ));
            if !names.insert(name.clone()) {
                return Err(Error::malformed(&name, "the tensor is there twice"));
            }
            tensors.extend(tensor);
        }
        self.check_index_complete(&names)?;
        // Empty stretches sort before the one that starts at the same place.
        places.sort_by_key(|(stretch, _)| (stretch.offset, stretch.bytes));
        let mut at = 0;
        for (stretch, name) in &places {
            if stretch.offset != at {
                let what = if stretch.offset > at {
                    "before it there is a hole"
                } else {
                    "it shares bytes with the one before"
                };
                let reason = format!("{what}: it starts at {}, and not at {at}", stretch.offset);
                return Err(Error::malformed(name, reason));
            }
            at += stretch.bytes;
        }
        tensors.sort_by_key(|tensor| tensor.offset);
        for tensor in &mut tensors {
            tensor.offset += data_offset;
        }
        Ok((tensors, at))
    }

    /// A shard may only have the tensors that the index puts there.
    fn check_index(&self, name: &str) -> Result<(), Error> {
        if self.files.is_empty() || self.places.get(name) == Some(&self.model.file) {
            return Ok(());
        }
        let reason = format!("{INDEX} does not put this tensor into this file");
        Err(Error::malformed(name, reason))
    }

    /// A shard has to have all tensors that the index puts there.
    fn check_index_complete(&self, names: &HashSet<String>) -> Result<(), Error> {
        let here = self.places.iter().filter(|(_, at)| **at == self.model.file);
        for (name, _) in here {
            if !names.contains(name) {
                let reason =
                    format!("{INDEX} puts this tensor into this file, and it is not there");
                return Err(Error::malformed(name, reason));
            }
        }
        Ok(())
    }

    fn file_done(&self) -> Result<(), Error> {
        match (&self.flow, &self.header) {
            (Some(flow), Some(header)) => flow.check_done(header),
            _ => Err(Error::truncated("", "the file ends within its header")),
        }
    }
}
