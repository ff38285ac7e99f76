//! What the files of a model have to agree with, whichever format they are in.

use crate::flow::Stretch;
use crate::names::Naming;
use crate::spec::gemma_embed_scale;
use crate::{Arch, DType, Error, Role, RopeScaling, Spec, Tensor, error, limits};
use std::collections::HashSet;

/// Sizes of a tensor, the row length first, and ones to the end.
pub(crate) type Shape = [u64; limits::DIMENSIONS as usize];

/// A model in the making: described by its first file (or its config.json), filled by all.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) naming: Naming,
    pub(crate) spec: Option<Spec>,
    /// Whether the head is the embedding, if something other than the tensors says so.
    pub(crate) tied: Option<bool>,
    /// The file being read, from 0.
    pub(crate) file: usize,
    /// Count of files.
    pub(crate) files: usize,
    /// Tensors counted so far, in all files.
    pub(crate) counted: u64,
    /// Places of tensors that are known and not needed, in the file being read.
    pub(crate) skipped: Vec<Stretch>,
    there: HashSet<Role>,
    /// How the embedding's weights are written.
    embedding: Option<DType>,
}

impl Model {
    pub(crate) fn new(naming: Naming) -> Self {
        Self {
            naming,
            spec: None,
            tied: None,
            file: 0,
            files: 1,
            counted: 0,
            skipped: Vec::new(),
            there: HashSet::new(),
            embedding: None,
        }
    }

    /// Checks an entry of a tensor list. None for a tensor that nobody needs.
    pub(crate) fn tensor(
        &mut self,
        name: &str,
        dtype: DType,
        shape: Shape,
        offset: u64,
    ) -> Result<Option<Tensor>, Error> {
        let Some(spec) = &self.spec else {
            return Err(Error::malformed(name, "the model is not described"));
        };
        self.counted += 1;
        if self.counted > limits::TENSORS {
            let (count, limit) = (self.counted, limits::TENSORS);
            return Err(Error::too_large("", "the number of tensors", count, limit));
        }
        let role = self.naming.role(name, spec)?;
        // A head that is declared to be the embedding may be in the file nevertheless; transformers does not use it then.
        let role = role.filter(|role| *role != Role::Head || self.tied != Some(true));
        let Some(role) = role else {
            return self.skip(name, dtype, shape, offset).map(|()| None);
        };
        let (rows, cols) = role.shape(spec);
        let right = [cols as u64, rows as u64, 1, 1];
        if shape != right {
            let (found, should) = (self.written(shape), self.written(right));
            let reason = format!("its shape is {found}, and should be {should}");
            return Err(Error::malformed(name, reason));
        }
        let full = match self.naming {
            Naming::Gguf => dtype == DType::F32,
            Naming::Safetensors => dtype.block_len() == 1,
        };
        if role.is_vector() && !full {
            let reason = format!("a vector in {} is not supported", dtype.name());
            return Err(Error::unsupported(name, reason).way_out(error::OTHER_TYPES));
        }
        let Some(row_bytes) = dtype.row_bytes(cols) else {
            let (len, kind) = (dtype.block_len(), dtype.name());
            let reason = format!("rows of {cols} weights are not made of {kind} blocks of {len}");
            return Err(Error::malformed(name, reason));
        };
        if !self.there.insert(role) {
            return Err(Error::malformed(name, "the tensor is there twice"));
        }
        if role == Role::Embedding {
            self.embedding = Some(dtype);
        }
        // The spec's own check bounds both factors, so this can't overflow.
        let bytes = row_bytes as u64 * rows as u64;
        check_place(name, offset, bytes)?;
        Ok(Some(Tensor {
            name: name.to_owned(),
            role,
            dtype,
            rows,
            cols,
            file: self.file,
            offset,
            bytes,
        }))
    }

    /// A shape in the order of the file: GGUF has the row length first, safetensors last.
    fn written(&self, shape: Shape) -> String {
        let len = shape.iter().rposition(|size| *size != 1).unwrap_or(0) + 1;
        let mut sizes: Vec<String> = shape[..len].iter().map(u64::to_string).collect();
        if self.naming == Naming::Safetensors {
            sizes.reverse();
        }
        sizes.join(" × ")
    }

    fn skip(&mut self, name: &str, dtype: DType, shape: Shape, offset: u64) -> Result<(), Error> {
        let weights = shape
            .iter()
            .try_fold(1u64, |all, size| all.checked_mul(*size));
        // Only plain types get here, so blocks do not matter.
        let bytes = weights.and_then(|weights| weights.checked_mul(dtype.block_bytes() as u64));
        let Some(bytes) = bytes else {
            return Err(Error::malformed(name, "its size can't be"));
        };
        check_place(name, offset, bytes)?;
        self.skipped.push(Stretch { offset, bytes });
        Ok(())
    }

    /// Whether the headers of all files are in, once that of the present one is.
    pub(crate) fn is_last_file(&self) -> bool {
        self.file + 1 >= self.files
    }

    /// Number of the file and count of files, when there are several.
    pub(crate) fn split(&self) -> Option<(u16, u16)> {
        (self.files > 1).then_some((self.file as u16, self.files as u16))
    }

    /// Puts into the description what only the tensors tell.
    pub(crate) fn settle(&self, spec: &mut Spec) -> Result<(), Error> {
        let no_head = !self.there.contains(&Role::Head);
        spec.tied = self.tied.unwrap_or(no_head);
        if let (Arch::Gemma3, Some(dtype)) = (spec.arch, self.embedding) {
            spec.embed_scale = gemma_embed_scale(spec.hidden, dtype);
        }
        if self.there.contains(&Role::RopeFactors) {
            if !matches!(
                spec.rope_factors,
                RopeScaling::None | RopeScaling::FromTensor
            ) {
                let name = self.naming.name(Role::RopeFactors, spec.arch);
                let reason = "a tensor and a key both change the rotation";
                return Err(Error::unsupported(&name, reason).way_out(error::OTHER_MODEL));
            }
            spec.rope_factors = RopeScaling::FromTensor;
        }
        if self.is_last_file() {
            self.naming.check_all_there(spec, &self.there)?;
        }
        Ok(())
    }
}

/// Bounds a tensor's place, so that places can be added up without checks afterwards.
fn check_place(name: &str, offset: u64, bytes: u64) -> Result<(), Error> {
    let end = offset.checked_add(bytes);
    if end.is_none_or(|end| end > limits::FILE_BYTES) {
        let reason = format!("its place {offset} is beyond what a file can have");
        return Err(Error::malformed(name, reason));
    }
    Ok(())
}
