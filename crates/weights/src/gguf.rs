//! GGUF version 3, little endian, as it streams. The format: ggml's `docs/gguf.md`; split files: llama.cpp's
//! `tools/gguf-split`.

use crate::error::{AGAIN, OTHER_TYPES, shown};
use crate::flow::{Flow, Sink};
use crate::metadata::{Array, Numbers, Scalar, Strings, Value};
use crate::model::{Model, Shape};
use crate::names::Naming;
use crate::{DType, Error, Header, Metadata, Rows, Tensor};
use crate::{gguf_spec, limits};

/// For parts of a split model that do not fit together.
const PARTS_IN_ORDER: &str =
    "Choose all parts of one model; the first has a name that ends in -00001-of-… and comes first";

/// What the parser waits for. Each step takes one item whole, so an item that is cut changes nothing.
#[derive(Debug)]
enum Stage {
    Magic,
    Version,
    Counts,
    Key,
    Kind {
        key: String,
    },
    Scalar {
        key: String,
        kind: Scalar,
    },
    Text {
        key: String,
    },
    ArrayHead {
        key: String,
    },
    Numbers {
        key: String,
        kind: Scalar,
        left: u64,
        read: Numbers,
    },
    Strings {
        key: String,
        left: u64,
        read: Strings,
    },
    Tensor,
    Done,
}

/// Why a step did not happen.
enum Stop {
    /// It takes this many bytes in one piece.
    Needs(u64),
    Bad(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Bad(error)
    }
}

/// Reads items from the start of a piece.
struct Cut<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cut<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], Stop> {
        let left = (self.bytes.len() - self.at) as u64;
        if len > left {
            return Err(Stop::Needs(self.at as u64 + len));
        }
        let start = self.at;
        self.at += len as usize;
        Ok(&self.bytes[start..self.at])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A string of at most `limit` bytes; `subject` is for the error.
    fn text(&mut self, subject: &str, limit: u64) -> Result<&'a str, Stop> {
        let len = self.u64()?;
        if len > limit {
            return Err(Error::too_large(subject, "the length of a text", len, limit).into());
        }
        let bytes = self.take(len)?;
        let wrong = |_| Error::malformed(subject, "a text is not UTF-8");
        Ok(std::str::from_utf8(bytes).map_err(wrong)?)
    }
}

/// The header of one file, as far as it was read.
#[derive(Debug)]
struct Parser {
    stage: Stage,
    /// Bytes taken.
    position: u64,
    file_bytes: Option<u64>,
    keys_left: u64,
    tensors_left: u64,
    metadata: Metadata,
    alignment: u64,
    /// Offsets relative to the data section, until that is known.
    tensors: Vec<Tensor>,
}

impl Parser {
    fn new(file_bytes: Option<u64>) -> Self {
        Self {
            stage: Stage::Magic,
            position: 0,
            file_bytes,
            keys_left: 0,
            tensors_left: 0,
            metadata: Metadata::default(),
            alignment: 32,
            tensors: Vec::new(),
        }
    }

    /// Where the data section starts.
    fn data_offset(&self) -> u64 {
        self.position.next_multiple_of(self.alignment)
    }

    /// Takes one item. `model` is what the tensors are checked against; it is made once the metadata are complete.
    fn step(&mut self, cut: &mut Cut<'_>, model: &mut Model) -> Result<(), Stop> {
        let next = match &mut self.stage {
            Stage::Magic => {
                if &cut.array()? != b"GGUF" {
                    return Err(Error::malformed("", "it is not a GGUF file").into());
                }
                Stage::Version
            }
            Stage::Version => {
                check_version(cut.u32()?)?;
                Stage::Counts
            }
            Stage::Counts => {
                let (tensors, keys) = (cut.u64()?, cut.u64()?);
                let counts = [
                    ("tensors", tensors, limits::TENSORS),
                    ("metadata keys", keys, limits::KEYS),
                ];
                for (what, count, limit) in counts {
                    if count > limit {
                        let what = format!("the number of {what}");
                        return Err(Error::too_large("", &what, count, limit).into());
                    }
                }
                (self.tensors_left, self.keys_left) = (tensors, keys);
                self.after_value(model)?
            }
            Stage::Key => {
                let key = cut.text("a metadata key", limits::KEY_BYTES)?;
                if key.is_empty() {
                    return Err(Error::malformed("", "a metadata key is empty").into());
                }
                if self.metadata.get(key).is_some() {
                    return Err(Error::malformed(key, "the key is there twice").into());
                }
                let key = key.to_owned();
                Stage::Kind { key }
            }
            Stage::Kind { key } => {
                let kind = cut.u32()?;
                let key = std::mem::take(key);
                match (kind, Scalar::from_gguf(kind)) {
                    (_, Some(kind)) => Stage::Scalar { key, kind },
                    (8, _) => Stage::Text { key },
                    (9, _) => Stage::ArrayHead { key },
                    _ => {
                        let reason = format!("its value has the unknown type {kind}");
                        return Err(Error::malformed(&key, reason).into());
                    }
                }
            }
            Stage::Scalar { key, kind } => {
                let value = kind.value(cut.take(kind.size() as u64)?);
                let key = std::mem::take(key);
                self.keep(key, value, model)?
            }
            Stage::Text { key } => {
                let value = cut.text(key, limits::STRING_BYTES)?.to_owned();
                let key = std::mem::take(key);
                self.keep(key, Value::Text(value), model)?
            }
            Stage::ArrayHead { key } => {
                let (kind, left) = (cut.u32()?, cut.u64()?);
                if left > limits::ARRAY_LEN {
                    let limit = limits::ARRAY_LEN;
                    return Err(
                        Error::too_large(key, "the length of the array", left, limit).into(),
                    );
                }
                let key = std::mem::take(key);
                match (kind, Scalar::from_gguf(kind)) {
                    (_, Some(kind)) => Stage::Numbers {
                        key,
                        kind,
                        left,
                        read: Numbers::new(kind),
                    },
                    (8, _) => Stage::Strings {
                        key,
                        left,
                        read: Strings::default(),
                    },
                    (9, _) => {
                        return Err(Error::malformed(&key, "arrays of arrays are not read").into());
                    }
                    _ => {
                        let reason = format!("its elements have the unknown type {kind}");
                        return Err(Error::malformed(&key, reason).into());
                    }
                }
            }
            Stage::Numbers {
                key,
                kind,
                left,
                read,
            } => {
                // As many as there are, so that the whole array need not be in one piece.
                let size = kind.size() as u64;
                let there = (cut.bytes.len() - cut.at) as u64 / size;
                if *left > 0 {
                    let now = there.clamp(1, *left);
                    read.extend(cut.take(now * size)?);
                    *left -= now;
                }
                if *left > 0 {
                    return Ok(());
                }
                let array = Array::Numbers(std::mem::replace(read, Numbers::new(*kind)));
                let key = std::mem::take(key);
                self.keep(key, Value::Array(array), model)?
            }
            Stage::Strings { key, left, read } => {
                if *left > 0 {
                    let text = cut.text(key, limits::STRING_BYTES)?;
                    if !read.push(text) {
                        return Err(Error::malformed(key, "its texts are too long").into());
                    }
                    *left -= 1;
                }
                if *left > 0 {
                    return Ok(());
                }
                let array = Array::Strings(std::mem::take(read));
                let key = std::mem::take(key);
                self.keep(key, Value::Array(array), model)?
            }
            Stage::Tensor => {
                let tensor = self.tensor(cut, model)?;
                self.tensors.extend(tensor);
                self.tensors_left -= 1;
                if self.tensors_left == 0 {
                    Stage::Done
                } else {
                    Stage::Tensor
                }
            }
            Stage::Done => return Ok(()),
        };
        self.stage = next;
        Ok(())
    }

    fn keep(&mut self, key: String, value: Value, model: &mut Model) -> Result<Stage, Error> {
        self.metadata.insert(key, value);
        self.keys_left -= 1;
        self.after_value(model)
    }

    /// What follows a value: another, or, once the metadata are complete, the tensors.
    fn after_value(&mut self, model: &mut Model) -> Result<Stage, Error> {
        const ALIGNMENT: &str = "general.alignment";
        if self.keys_left > 0 {
            return Ok(Stage::Key);
        }
        if let Some(value) = self.metadata.get(ALIGNMENT) {
            let alignment = value.as_u64().unwrap_or_default();
            if !alignment.is_power_of_two() || alignment > limits::ALIGNMENT {
                let limit = limits::ALIGNMENT;
                let reason = format!("it has to be a power of two up to {limit}");
                return Err(Error::malformed(ALIGNMENT, reason));
            }
            self.alignment = alignment;
        }
        metadata_read(&self.metadata, model)?;
        Ok(if self.tensors_left > 0 {
            Stage::Tensor
        } else {
            Stage::Done
        })
    }

    /// One entry of the tensor list; none for a tensor that nobody needs.
    fn tensor(&self, cut: &mut Cut<'_>, model: &mut Model) -> Result<Option<Tensor>, Stop> {
        let name = cut.text("a tensor's name", limits::NAME_BYTES)?;
        let dimensions = cut.u32()?;
        if dimensions == 0 || dimensions > limits::DIMENSIONS {
            let reason = format!("{dimensions} dimensions can't be read");
            return Err(Error::malformed(name, reason).into());
        }
        let mut shape: Shape = [1; limits::DIMENSIONS as usize];
        for size in &mut shape[..dimensions as usize] {
            *size = cut.u64()?;
        }
        let kind = cut.u32()?;
        let offset = cut.u64()?;
        // From here on the entry is complete; nothing above has changed anything.
        let dtype = DType::from_ggml(kind).map_err(|other| {
            let reason = format!("weights of type {kind} ({other}) are not supported");
            Error::unsupported(name, reason).way_out(OTHER_TYPES)
        })?;
        if !offset.is_multiple_of(self.alignment) {
            let reason = format!("its place {offset} is no multiple of {}", self.alignment);
            return Err(Error::malformed(name, reason).into());
        }
        Ok(model.tensor(name, dtype, shape, offset)?)
    }

    /// Says in which part of the header the file ended.
    fn place(&self) -> (&str, &'static str) {
        match &self.stage {
            Stage::Magic | Stage::Version | Stage::Counts => {
                ("", "the file ends at its very start")
            }
            Stage::Key => ("", "the file ends within its metadata"),
            Stage::Kind { key }
            | Stage::Scalar { key, .. }
            | Stage::Text { key }
            | Stage::ArrayHead { key }
            | Stage::Numbers { key, .. }
            | Stage::Strings { key, .. } => (key, "the file ends within the value of this key"),
            Stage::Tensor | Stage::Done => ("", "the file ends within its list of tensors"),
        }
    }
}

fn check_version(version: u32) -> Result<(), Error> {
    match version {
        3 => Ok(()),
        1 | 2 => {
            let reason = format!("GGUF version {version} is an early form of the format");
            let way_out = "Choose a file made since the end of 2023 (GGUF version 3)";
            Err(Error::unsupported("", reason).way_out(way_out))
        }
        _ if (1..=0xff).contains(&version.swap_bytes()) => {
            let reason = "the file is for big-endian machines";
            let way_out = "Choose the ordinary (little-endian) file";
            Err(Error::unsupported("", reason).way_out(way_out))
        }
        _ => {
            let reason = format!("GGUF version {version} is not known");
            Err(Error::unsupported("", reason))
        }
    }
}

/// Keys of split files.
const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";

/// Compares the `split.*` keys with what was read before, and describes the model if this is its first file.
fn metadata_read(metadata: &Metadata, model: &mut Model) -> Result<(), Error> {
    let number = |key: &str| match metadata.get(key) {
        None => Ok(None),
        Some(value) => {
            let value = value.as_u64().map(Some);
            value.ok_or_else(|| Error::malformed(key, "it is not a count"))
        }
    };
    let no = number(NO)?.unwrap_or(0);
    let count = number(COUNT)?.unwrap_or(0).max(1);
    if count > limits::PARTS {
        return Err(Error::too_large(COUNT, "it", count, limits::PARTS));
    }
    if no >= count {
        let reason = format!("number {no} of {count} (counted from 0) can't be");
        return Err(Error::malformed(NO, reason));
    }
    if no != model.file as u64 {
        let (is, wanted) = (no + 1, model.file + 1);
        let reason = format!("this is part {is} of {count}, and part {wanted} is due");
        return Err(Error::malformed(NO, reason).way_out(PARTS_IN_ORDER));
    }
    if model.file == 0 {
        model.spec = Some(gguf_spec::spec(metadata)?);
        model.files = count as usize;
    } else if count != model.files as u64 {
        let reason = format!("it is {count}, and the first part says {}", model.files);
        return Err(Error::malformed(COUNT, reason).way_out(PARTS_IN_ORDER));
    }
    Ok(())
}

/// Names of all parts of a split model, when this is the name of one of them (`…-00001-of-00003.gguf`).
pub fn part_names(file_name: &str) -> Option<Vec<String>> {
    let (stem, no, count) = part_of_name(file_name)?;
    (no <= count && count as u64 <= limits::PARTS).then(|| {
        (1..=count)
            .map(|part| format!("{stem}-{part:05}-of-{count:05}.gguf"))
            .collect()
    })
}

/// What stands before the numbers, the number of the part from 1, and the count.
fn part_of_name(file_name: &str) -> Option<(&str, usize, usize)> {
    let rest = file_name.strip_suffix(".gguf")?;
    let (rest, count) = rest.rsplit_once("-of-")?;
    let (stem, no) = rest.rsplit_once('-')?;
    let number = |digits: &str| {
        let plain = digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let value = plain.then(|| digits.parse::<usize>().ok()).flatten();
        value.filter(|value| *value > 0)
    };
    Some((stem, number(no)?, number(count)?))
}

/// Compares the count of tensors with what the first of several parts says.
fn check_tensor_count(metadata: &Metadata, model: &Model) -> Result<(), Error> {
    match metadata.get_u64(TENSORS) {
        Some(said) if model.files > 1 && said != model.counted => {
            let counted = model.counted;
            let reason = format!("it is {said}, and the parts have {counted} tensors");
            Err(Error::malformed(TENSORS, reason))
        }
        _ => Ok(()),
    }
}

/// Reads a model in GGUF as it streams, from one file or from several in order. After an error it stays with it.
#[derive(Debug)]
pub struct GgufReader {
    file_name: String,
    parser: Parser,
    /// An item of the header that was cut, and the bytes it takes.
    cut: Vec<u8>,
    cut_needs: usize,
    model: Model,
    header: Option<Header>,
    flow: Option<Flow>,
    failed: Option<Error>,
}

impl GgufReader {
    /// Starts with a file (the first part, if the model is split). `file_bytes` is its length, if that is known: then
    /// lies about places are found before the bytes are read.
    pub fn new(file_name: &str, file_bytes: Option<u64>) -> Self {
        Self {
            file_name: file_name.to_owned(),
            parser: Parser::new(file_bytes),
            cut: Vec::new(),
            cut_needs: 0,
            model: Model::new(Naming::Gguf),
            header: None,
            flow: None,
            failed: None,
        }
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

    /// Ends the file being read and goes on with the next part of a split model.
    ///
    /// # Errors
    /// When the file before ended early, or no further part is due.
    pub fn next_file(&mut self, file_name: &str, file_bytes: Option<u64>) -> Result<(), Error> {
        self.guarded(|reader| {
            reader.file_done()?;
            if reader.model.is_last_file() {
                return Err(Error::malformed("", "the model has no further part"));
            }
            reader.model.file += 1;
            file_name.clone_into(&mut reader.file_name);
            reader.parser = Parser::new(file_bytes);
            reader.flow = None;
            Ok(())
        })
    }

    /// All bytes were pushed.
    ///
    /// # Errors
    /// When the file ended early (the error names the tensor), or parts are missing.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.guarded(|reader| {
            reader.file_done()?;
            let (read, count) = (reader.model.file + 1, reader.model.files);
            if read < count {
                let reason = format!("it is part {read} of {count}, and the others were not read");
                return Err(Error::truncated("", reason).way_out(PARTS_IN_ORDER));
            }
            Ok(())
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
            if self.cut.is_empty() {
                let taken = self.parse(bytes)?;
                bytes = &bytes[taken..];
                if self.flow.is_none() {
                    // The start of an item that goes on in the next piece.
                    self.cut.extend_from_slice(bytes);
                    return Ok(());
                }
            } else {
                let lacks = self.cut_needs.saturating_sub(self.cut.len());
                let (more, rest) = bytes.split_at(lacks.min(bytes.len()));
                self.cut.extend_from_slice(more);
                bytes = rest;
                if self.cut.len() < self.cut_needs {
                    return Ok(());
                }
                let mut cut = std::mem::take(&mut self.cut);
                let taken = self.parse(&cut)?;
                cut.drain(..taken);
                self.cut = cut;
            }
        }
        match (&mut self.flow, &self.header) {
            (Some(flow), Some(header)) => flow.push(header, bytes, sink),
            _ => Ok(()),
        }
    }

    /// Takes whole items from the start of a piece, up to the end of the header; how many bytes that were.
    fn parse(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            if matches!(self.parser.stage, Stage::Done) {
                self.header_done()?;
                return Ok(taken);
            }
            let mut cut = Cut {
                bytes: &bytes[taken..],
                at: 0,
            };
            let result = self.parser.step(&mut cut, &mut self.model);
            let needs = match result {
                Ok(()) => {
                    taken += cut.at;
                    self.parser.position += cut.at as u64;
                    0
                }
                Err(Stop::Bad(error)) => return Err(error),
                Err(Stop::Needs(needs)) => needs,
            };
            let end = self.parser.position.saturating_add(needs);
            if end > limits::HEADER_BYTES {
                let limit = limits::HEADER_BYTES;
                return Err(Error::too_large("", "the length of the header", end, limit));
            }
            if let Some(file_bytes) = self.parser.file_bytes.filter(|all| *all < end) {
                let (subject, reason) = self.parser.place();
                let reason = format!("{reason}: it goes on to byte {end} of {file_bytes}");
                return Err(Error::truncated(subject, reason));
            }
            if needs > 0 {
                self.cut_needs = needs as usize;
                return Ok(taken);
            }
        }
    }

    fn header_done(&mut self) -> Result<(), Error> {
        let data_offset = self.parser.data_offset();
        let mut tensors = std::mem::take(&mut self.parser.tensors);
        tensors.sort_by_key(|tensor| tensor.offset);
        for tensor in &mut tensors {
            tensor.offset += data_offset;
        }
        for pair in tensors.windows(2) {
            if pair[0].offset + pair[0].bytes > pair[1].offset {
                let reason = format!("it shares bytes with {}", shown(&pair[0].name));
                return Err(Error::malformed(&pair[1].name, reason));
            }
        }
        let end = tensors.last().map_or(data_offset, Tensor::end);
        // The padding after the last tensor belongs to the file; some writers leave it out.
        let padded = end.next_multiple_of(self.parser.alignment);
        let file_bytes = self.parser.file_bytes.unwrap_or(padded);
        if let Some(beyond) = tensors.iter().find(|tensor| tensor.end() > file_bytes) {
            let reason = format!(
                "it ends at byte {}, and the file at {file_bytes}",
                beyond.end()
            );
            return Err(Error::truncated(&beyond.name, reason));
        }
        self.check_part_name()?;
        let model = &self.model;
        let mut header = match (self.header.take(), &model.spec) {
            (Some(header), _) => header,
            (None, Some(spec)) => {
                Header::new(spec.clone(), std::mem::take(&mut self.parser.metadata))
            }
            (None, None) => return Err(Error::malformed("", "the model is not described")),
        };
        let first = header.tensors.len();
        header.tensors.extend(tensors);
        header.total_bytes = file_bytes;
        header.data_offset = data_offset;
        header.split = model.split();
        header.complete = model.is_last_file();
        if header.complete {
            check_tensor_count(&header.metadata, model)?;
        }
        model.settle(&mut header.spec)?;
        if file_bytes > padded.max(self.parser.position) {
            let reason = format!("it has {file_bytes} bytes, and its tensors end at {padded}");
            return Err(Error::malformed("", reason).way_out(AGAIN));
        }
        let range = first..header.tensors.len();
        self.header = Some(header);
        self.flow = Some(Flow::new(range, self.parser.position, file_bytes));
        Ok(())
    }

    /// A part whose name says something else than its inside is probably a mistake of the person.
    fn check_part_name(&self) -> Result<(), Error> {
        let (is, all) = (self.model.file + 1, self.model.files);
        match part_of_name(&self.file_name) {
            Some((_, no, count)) if all > 1 && (no, count) != (is, all) => {
                let reason = format!("inside, the file is part {is} of {all}");
                Err(Error::malformed(NO, reason).way_out(PARTS_IN_ORDER))
            }
            _ => Ok(()),
        }
    }

    fn file_done(&self) -> Result<(), Error> {
        match (&self.flow, &self.header) {
            (Some(flow), Some(header)) => flow.check_done(header),
            _ => {
                let (subject, reason) = self.parser.place();
                Err(Error::truncated(subject, reason))
            }
        }
    }
}
