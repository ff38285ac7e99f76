//! From the bytes after a header to rows of tensors.

use crate::metadata::Metadata;
use crate::{DType, Error, Role, Spec, limits};

/// A tensor as its file's header describes it; checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name in the file.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// How its weights are stored.
    pub dtype: DType,
    /// Rows (outputs); vectors have one.
    pub rows: usize,
    /// Columns (inputs): what lies side by side in the file.
    pub cols: usize,
    /// Which file it is in, from 0.
    pub file: usize,
    /// Where it starts in that file.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl Tensor {
    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        // The header was refused if this does not work.
        self.dtype.row_bytes(self.cols).unwrap_or_default()
    }

    /// The byte after its last.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.bytes
    }
}

/// What the headers read so far say.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The model.
    pub spec: Spec,
    /// Its tensors: files in order, and those of a file in the order of its bytes. Those of later files are added when
    /// their headers have been read; places in this list stay.
    pub tensors: Vec<Tensor>,
    /// Keys and values of the first GGUF file (the tokenizer is among them); empty for safetensors.
    pub metadata: Metadata,
    /// Length that the file being read should have.
    pub total_bytes: u64,
    /// Where the data of the file being read starts.
    pub data_offset: u64,
    /// Number of the file being read, from 0, and count of files, when the model is in several.
    pub split: Option<(u16, u16)>,
    /// Whether the headers of all files are in, so that nothing changes any more.
    pub complete: bool,
}

impl Header {
    pub(crate) fn new(spec: Spec, metadata: Metadata) -> Self {
        Self {
            spec,
            tensors: Vec::new(),
            metadata,
            total_bytes: 0,
            data_offset: 0,
            split: None,
            complete: false,
        }
    }
}

/// Whole rows of one tensor. Tensors come in the order of [`Header::tensors`], and their rows in order.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The header, as far as it is known.
    pub header: &'a Header,
    /// Place of the tensor in [`Header::tensors`].
    pub tensor: usize,
    /// The first of these rows.
    pub first_row: usize,
    /// How many rows.
    pub rows: usize,
    /// Their bytes. How rows are grouped does not depend on how the file was cut.
    pub bytes: &'a [u8],
}

impl<'a> Rows<'a> {
    /// The tensor that the rows belong to.
    pub fn tensor(&self) -> Option<&'a Tensor> {
        self.header.tensors.get(self.tensor)
    }
}

/// What receives the rows.
pub(crate) type Sink<'s> = dyn FnMut(Rows<'_>) -> Result<(), Error> + 's;

/// A stretch of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// Where the data section of one file has been read to.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The tensor that comes next or is being read.
    tensor: usize,
    /// One after the last tensor of this file.
    tensors_end: usize,
    /// Rows of it that were handed out.
    row: usize,
    /// A group of rows that was cut.
    group: Vec<u8>,
    /// Bytes of the file that were taken, those in `group` included.
    position: u64,
    /// Length of the file.
    end: u64,
}

impl Flow {
    pub(crate) fn new(tensors: std::ops::Range<usize>, position: u64, end: u64) -> Self {
        Self {
            tensor: tensors.start,
            tensors_end: tensors.end,
            row: 0,
            group: Vec::new(),
            position,
            end,
        }
    }

    /// Takes all of `bytes`.
    pub(crate) fn push(
        &mut self,
        header: &Header,
        mut bytes: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            let next = header.tensors.get(self.tensor);
            let Some(tensor) = next.filter(|_| self.tensor < self.tensors_end) else {
                let left = self.end.saturating_sub(self.position);
                if bytes.len() as u64 > left {
                    let reason = format!("it goes on after its last byte, number {}", self.end);
                    return Err(Error::malformed("", reason).way_out(crate::error::AGAIN));
                }
                self.position += bytes.len() as u64;
                return Ok(());
            };
            if self.position < tensor.offset {
                // Padding.
                let skip = (tensor.offset - self.position).min(bytes.len() as u64);
                self.position += skip;
                bytes = &bytes[skip as usize..];
                continue;
            }
            let row_bytes = tensor.row_bytes().max(1);
            let rows = (limits::GROUP_BYTES / row_bytes).max(1);
            let rows = rows.min(tensor.rows.saturating_sub(self.row)).max(1);
            let want = rows * row_bytes;
            let lacks = want - self.group.len();
            if bytes.len() < lacks {
                if self.group.capacity() < want {
                    self.group.reserve_exact(lacks);
                }
                self.group.extend_from_slice(bytes);
                self.position += bytes.len() as u64;
                return Ok(());
            }
            let (taken, rest) = bytes.split_at(lacks);
            bytes = rest;
            self.position += lacks as u64;
            // A group that was not cut is handed on without a copy.
            let whole = if self.group.is_empty() {
                taken
            } else {
                self.group.extend_from_slice(taken);
                &self.group
            };
            sink(Rows {
                header,
                tensor: self.tensor,
                first_row: self.row,
                rows,
                bytes: whole,
            })?;
            self.group.clear();
            self.row += rows;
            if self.row >= tensor.rows {
                self.tensor += 1;
                self.row = 0;
            }
        }
        Ok(())
    }

    /// Whether all tensors of the file were handed out.
    pub(crate) fn check_done(&self, header: &Header) -> Result<(), Error> {
        if self.tensor >= self.tensors_end {
            return Ok(());
        }
        let name = header.tensors.get(self.tensor);
        let name = name.map_or("", |tensor| tensor.name.as_str());
        let (position, end) = (self.position, self.end);
        let reason = format!("the file ends within or before it, at byte {position} of {end}");
        Err(Error::truncated(name, reason))
    }
}
