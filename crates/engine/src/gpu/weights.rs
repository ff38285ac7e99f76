//! A model's weights on their way to the GPU: rows come from a file in its order and are repacked and written at once.

use seedbed_weights::{Header, Part, Role, Rows, Spec, Tensor};

use super::context::Context;
use super::format::{Format, GROUP, Packer, ROWS, vector};
use crate::Error;

/// A run of a matrix's row blocks in buffers of their own: no buffer is larger than one kernel may see.
pub(crate) struct Piece {
    /// First block, counted in the matrix.
    pub(crate) block0: usize,
    pub(crate) blocks: usize,
    pub(crate) values: wgpu::Buffer,
    pub(crate) extra: wgpu::Buffer,
}

/// A matrix on the GPU.
pub(crate) struct Matrix {
    pub(crate) format: Format,
    pub(crate) width: usize,
    pub(crate) pieces: Vec<Piece>,
}

impl Matrix {
    /// Room for `rows` rows. `beside` is the layout of a matrix that the same kernel reads: both are cut alike. An outline
    /// has the cuts, and no room.
    fn new(
        context: &Context,
        format: Format,
        beside: Format,
        (rows, width): (usize, usize),
        is_outline: bool,
    ) -> Result<Self, Error> {
        if !width.is_multiple_of(GROUP) {
            return Err(Error::Unsupported(format!(
                "a matrix is {width} wide, which is not a multiple of {GROUP}"
            )));
        }
        let groups = width / GROUP;
        let blocks = rows.div_ceil(ROWS);
        let per_block = (groups * ROWS * format.vectors() * 16) as u64;
        let larger = per_block.max((groups * ROWS * beside.vectors() * 16) as u64);
        let fit = (context.binding_bytes() / larger) as usize;
        if fit == 0 {
            return Err(Error::Unsupported(format!(
                "four rows of {width} do not fit into one buffer of this device"
            )));
        }
        let count = blocks.div_ceil(fit);
        let each = blocks.div_ceil(count);
        let mut pieces = Vec::with_capacity(count);
        let mut block0 = 0;
        while block0 < blocks {
            let now = each.min(blocks - block0);
            let extra =
                now * (groups * format.extra_words() + groups / 8 * format.super_words()) * 4;
            let room = |bytes| context.storage(if is_outline { 0 } else { bytes });
            pieces.push(Piece {
                block0,
                blocks: now,
                values: room(per_block * now as u64),
                extra: room(extra as u64),
            });
            block0 += now;
        }
        Ok(Self {
            format,
            width,
            pieces,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| piece.values.size() + piece.extra.size())
            .sum()
    }

    /// Writes packed blocks, the first of which is block `first` of the matrix.
    fn write(&self, context: &Context, first: usize, packed: &super::format::Packed) {
        let groups = self.width / GROUP;
        let value_words = groups * ROWS * self.format.vectors() * 4;
        let extra_words = groups * self.format.extra_words();
        let super_words = groups / 8 * self.format.super_words();
        let blocks = packed.values.len() / value_words;
        for piece in &self.pieces {
            let from = first.max(piece.block0);
            let to = (first + blocks).min(piece.block0 + piece.blocks);
            if from >= to {
                continue;
            }
            let slice = from - first..to - first;
            let at = from - piece.block0;
            let part = |words: usize| slice.start * words..slice.end * words;
            context.write(
                &piece.values,
                (at * value_words * 4) as u64,
                &packed.values[part(value_words)],
            );
            context.write(
                &piece.extra,
                (at * extra_words * 4) as u64,
                &packed.extra[part(extra_words)],
            );
            let supers = (piece.blocks * extra_words + at * super_words) * 4;
            context.write(
                &piece.extra,
                supers as u64,
                &packed.supers[part(super_words)],
            );
        }
    }
}

/// A matrix of a layer whose rows go to `row0` and on of a kernel's output.
pub(crate) struct Placed {
    pub(crate) row0: usize,
    pub(crate) matrix: Matrix,
}

/// One layer's weights.
pub(crate) struct Layer {
    /// Queries, keys and values: one matrix if their formats agree, else several.
    pub(crate) qkv: Vec<Placed>,
    pub(crate) qkv_bias: Option<wgpu::Buffer>,
    pub(crate) out: Matrix,
    pub(crate) gate: Matrix,
    pub(crate) up: Matrix,
    pub(crate) down: Matrix,
    pub(crate) attn_norm: wgpu::Buffer,
    pub(crate) ffn_norm: wgpu::Buffer,
    /// Norms of queries and keys, one after the other.
    pub(crate) qk_norm: Option<wgpu::Buffer>,
    pub(crate) post_attn: Option<wgpu::Buffer>,
    pub(crate) post_ffn: Option<wgpu::Buffer>,
}

/// A model's weights on the GPU.
pub struct Weights {
    /// What the model is.
    pub spec: Spec,
    pub(crate) embedding: Matrix,
    pub(crate) head: Option<Matrix>,
    pub(crate) output_norm: wgpu::Buffer,
    pub(crate) layers: Vec<Layer>,
    /// Divisors of the rotary frequencies, if the file has them.
    pub(crate) rope_factors: Option<Vec<f32>>,
}

impl Weights {
    /// A model's shapes without its weights, from a whole header: enough to make its kernels while the weights are still on
    /// their way.
    ///
    /// # Errors
    /// The header is not whole, or the engine has no kernels for it.
    pub fn outline(context: &Context, header: &Header) -> Result<Self, Error> {
        let mut builder = Builder::new(&header.spec)?;
        builder.is_outline = true;
        for tensor in &header.tensors {
            builder.make_room(context, header, tensor)?;
            if builder.target(tensor.role).is_none() {
                let bytes = usize::try_from(tensor.bytes).unwrap_or_default();
                builder.vector(tensor, &vec![0; bytes])?;
            }
        }
        builder.finish(context)
    }

    /// Bytes of matrices on the GPU.
    pub fn bytes(&self) -> u64 {
        let layers = self.layers.iter().flat_map(|layer| {
            let qkv = layer.qkv.iter().map(|placed| &placed.matrix);
            qkv.chain([&layer.out, &layer.gate, &layer.up, &layer.down])
        });
        layers
            .chain([&self.embedding])
            .chain(&self.head)
            .map(Matrix::bytes)
            .sum()
    }

    /// Bytes of matrices that are read for one token.
    pub fn bytes_per_token(&self) -> u64 {
        let unused = if self.head.is_some() {
            self.embedding.bytes()
        } else {
            0
        };
        self.bytes() - unused
    }
}

/// Where a tensor's rows go.
struct Target {
    matrix: Slot,
    /// Row of the matrix at which the tensor begins.
    row0: usize,
    /// Heads' width, if the rows of each head are to be put in neighbours' order.
    turn: Option<usize>,
}

#[derive(Clone, Copy)]
enum Slot {
    Embedding,
    Head,
    Qkv(usize, usize),
    Out(usize),
    Gate(usize),
    Up(usize),
    Down(usize),
}

/// The tensor that is being received.
struct Current {
    tensor: usize,
    /// Whole rows that do not fill a block yet.
    pending: Vec<u8>,
    /// Rows received.
    rows: usize,
    /// For tensors whose rows are put in another order: all of it.
    whole: Option<Packer>,
}

#[derive(Default)]
struct Vectors {
    bias: Option<Vec<f32>>,
    qk_norm: Option<Vec<f32>>,
    attn_norm: Option<Vec<f32>>,
    ffn_norm: Option<Vec<f32>>,
    post_attn: Option<Vec<f32>>,
    post_ffn: Option<Vec<f32>>,
}

#[derive(Default)]
struct Matrices {
    qkv: Vec<Placed>,
    out: Option<Matrix>,
    gate: Option<Matrix>,
    up: Option<Matrix>,
    down: Option<Matrix>,
}

/// Receives a model's rows.
pub struct Builder {
    spec: Spec,
    embedding: Option<Matrix>,
    head: Option<Matrix>,
    layers: Vec<Matrices>,
    vectors: Vec<Vectors>,
    output_norm: Option<Vec<f32>>,
    rope_factors: Option<Vec<f32>>,
    current: Option<Current>,
    /// No room is made: see [`Weights::outline`].
    is_outline: bool,
}

impl Builder {
    /// For a model that `spec` describes. Room on the device is made as tensors come.
    ///
    /// # Errors
    /// The engine has no kernels for its widths.
    pub fn new(spec: &Spec) -> Result<Self, Error> {
        if !spec.hidden.is_multiple_of(32)
            || !spec.head_dim.is_multiple_of(4)
            || spec.head_dim > 256
        {
            return Err(Error::Unsupported(format!(
                "a width of {} with heads of {} is not one this engine computes (multiples of 32, heads of at most 256)",
                spec.hidden, spec.head_dim
            )));
        }
        let count = spec.layers.len();
        Ok(Self {
            vectors: (0..count).map(|_| Vectors::default()).collect(),
            layers: (0..count).map(|_| Matrices::default()).collect(),
            spec: spec.clone(),
            embedding: None,
            head: None,
            output_norm: None,
            rope_factors: None,
            current: None,
            is_outline: false,
        })
    }

    /// Makes room for the matrix that a tensor belongs to, at its first row.
    fn make_room(
        &mut self,
        context: &Context,
        header: &Header,
        tensor: &Tensor,
    ) -> Result<(), Error> {
        let own = Format::of(tensor.dtype);
        // A tensor of a later file is not known yet.
        let format = |role: Role| {
            header
                .tensors
                .iter()
                .find(|other| other.role == role)
                .map(|other| Format::of(other.dtype))
        };
        let (q_rows, kv_rows) = (
            self.spec.heads * self.spec.head_dim,
            self.spec.kv_heads * self.spec.head_dim,
        );
        let is_outline = self.is_outline;
        let made = |beside: Format| {
            Matrix::new(context, own, beside, (tensor.rows, tensor.cols), is_outline).map(Some)
        };
        let Role::Layer(index, part) = tensor.role else {
            match tensor.role {
                Role::Embedding => self.embedding = made(own)?,
                Role::Head => self.head = made(own)?,
                _ => {}
            }
            return Ok(());
        };
        let role = |part| Role::Layer(index, part);
        let layer = &mut self.layers[index];
        match part {
            Part::Q | Part::K | Part::V => {
                if !layer.qkv.is_empty() {
                    return Ok(());
                }
                let parts = [(Part::Q, q_rows), (Part::K, kv_rows), (Part::V, kv_rows)];
                let kinds = parts.map(|(part, _)| format(role(part)));
                if kinds.iter().all(|kind| *kind == Some(own)) {
                    layer.qkv = vec![Placed {
                        row0: 0,
                        matrix: Matrix::new(
                            context,
                            own,
                            own,
                            (q_rows + 2 * kv_rows, tensor.cols),
                            is_outline,
                        )?,
                    }];
                    return Ok(());
                }
                let mut row0 = 0;
                for ((_, rows), kind) in parts.into_iter().zip(kinds) {
                    let kind = kind.ok_or_else(|| {
                        Error::Unsupported(format!(
                            "queries, keys and values of layer {index} are in different files"
                        ))
                    })?;
                    let matrix = Matrix::new(context, kind, kind, (rows, tensor.cols), is_outline)?;
                    layer.qkv.push(Placed { row0, matrix });
                    row0 += rows;
                }
            }
            Part::AttnOut => layer.out = made(own)?,
            Part::Gate => layer.gate = made(format(role(Part::Up)).unwrap_or(own))?,
            Part::Up => layer.up = made(format(role(Part::Gate)).unwrap_or(own))?,
            Part::Down => layer.down = made(own)?,
            _ => {}
        }
        Ok(())
    }

    fn target(&self, role: Role) -> Option<Target> {
        let (q_rows, kv_rows) = (
            self.spec.heads * self.spec.head_dim,
            self.spec.kv_heads * self.spec.head_dim,
        );
        let turn = (!self.spec.neighbour_rope).then_some(self.spec.head_dim);
        let plain = |matrix| {
            Some(Target {
                matrix,
                row0: 0,
                turn: None,
            })
        };
        match role {
            Role::Embedding => plain(Slot::Embedding),
            Role::Head => plain(Slot::Head),
            Role::Layer(layer, part) => {
                let is_one = self.layers[layer].qkv.len() == 1;
                let qkv = |index: usize, row0: usize, turn| {
                    Some(Target {
                        matrix: Slot::Qkv(layer, if is_one { 0 } else { index }),
                        row0: if is_one { row0 } else { 0 },
                        turn,
                    })
                };
                match part {
                    Part::Q => qkv(0, 0, turn),
                    Part::K => qkv(1, q_rows, turn),
                    Part::V => qkv(2, q_rows + kv_rows, None),
                    Part::AttnOut => plain(Slot::Out(layer)),
                    Part::Gate => plain(Slot::Gate(layer)),
                    Part::Up => plain(Slot::Up(layer)),
                    Part::Down => plain(Slot::Down(layer)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn matrix(&self, slot: Slot) -> Option<&Matrix> {
        match slot {
            Slot::Embedding => self.embedding.as_ref(),
            Slot::Head => self.head.as_ref(),
            Slot::Qkv(layer, index) => self.layers[layer]
                .qkv
                .get(index)
                .map(|placed| &placed.matrix),
            Slot::Out(layer) => self.layers[layer].out.as_ref(),
            Slot::Gate(layer) => self.layers[layer].gate.as_ref(),
            Slot::Up(layer) => self.layers[layer].up.as_ref(),
            Slot::Down(layer) => self.layers[layer].down.as_ref(),
        }
    }

    /// Takes rows of a tensor; they come in the file's order, a tensor at a time.
    pub fn rows(&mut self, context: &Context, rows: &Rows<'_>) -> Result<(), Error> {
        let header: &Header = rows.header;
        let Some(tensor) = header.tensors.get(rows.tensor) else {
            return Err(Error::Unsupported("rows of an unknown tensor".to_owned()));
        };
        if rows.first_row == 0 {
            self.make_room(context, header, tensor)?;
        }
        let Some(target) = self.target(tensor.role) else {
            return self.vector(tensor, rows.bytes);
        };
        if rows.first_row == 0 {
            self.current = Some(Current {
                tensor: rows.tensor,
                pending: Vec::new(),
                rows: 0,
                whole: target
                    .turn
                    .map(|_| Packer::new(tensor.dtype, tensor.cols, tensor.rows.div_ceil(ROWS))),
            });
        }
        let Some(mut current) = self.current.take().filter(|one| one.tensor == rows.tensor) else {
            return Err(Error::Unsupported(format!(
                "the rows of {} did not begin with the first",
                tensor.name
            )));
        };
        let Some(matrix) = self.matrix(target.matrix) else {
            return Err(Error::Unsupported(format!(
                "{} has no place in this model",
                tensor.name
            )));
        };
        let Some(row_bytes) = tensor.dtype.row_bytes(tensor.cols) else {
            return Err(Error::Unsupported(format!(
                "{} has rows of an odd size",
                tensor.name
            )));
        };
        if let (Some(whole), Some(width)) = (current.whole.as_mut(), target.turn) {
            for raw in rows.bytes.chunks_exact(row_bytes) {
                whole.put(neighbour(current.rows, width), raw);
                current.rows += 1;
            }
            if current.rows == tensor.rows {
                if let Some(whole) = current.whole.take() {
                    matrix.write(context, target.row0 / ROWS, &whole.finish());
                }
                return Ok(());
            }
        } else {
            current.pending.extend_from_slice(rows.bytes);
            let have = current.pending.len() / row_bytes;
            let is_last = current.rows + have == tensor.rows;
            let now = if is_last { have } else { have / ROWS * ROWS };
            if now > 0 {
                let mut packer = Packer::new(tensor.dtype, tensor.cols, now.div_ceil(ROWS));
                for (row, raw) in current.pending[..now * row_bytes]
                    .chunks_exact(row_bytes)
                    .enumerate()
                {
                    packer.put(row, raw);
                }
                matrix.write(
                    context,
                    (target.row0 + current.rows) / ROWS,
                    &packer.finish(),
                );
                current.pending.drain(..now * row_bytes);
                current.rows += now;
            }
            if is_last {
                return Ok(());
            }
        }
        self.current = Some(current);
        Ok(())
    }

    fn vector(&mut self, tensor: &Tensor, bytes: &[u8]) -> Result<(), Error> {
        let mut values = vector(tensor.dtype, bytes, tensor.cols * tensor.rows)?;
        let spec = &self.spec;
        let is_norm = !matches!(
            tensor.role,
            Role::RopeFactors | Role::Layer(_, Part::QBias | Part::KBias | Part::VBias)
        );
        if is_norm && spec.norm_plus_one {
            for value in &mut values {
                *value += 1.0;
            }
        }
        let (q_rows, kv_rows, width) = (
            spec.heads * spec.head_dim,
            spec.kv_heads * spec.head_dim,
            spec.head_dim,
        );
        let turned = |values: Vec<f32>| {
            if spec.neighbour_rope {
                return values;
            }
            let mut out = vec![0.0; values.len()];
            for (row, value) in values.into_iter().enumerate() {
                out[neighbour(row, width)] = value;
            }
            out
        };
        match tensor.role {
            Role::OutputNorm => self.output_norm = Some(values),
            Role::RopeFactors => self.rope_factors = Some(values),
            Role::Layer(layer, part) => {
                let vectors = &mut self.vectors[layer];
                let mut put = |at: usize, values: Vec<f32>| {
                    let all = vectors
                        .bias
                        .get_or_insert_with(|| vec![0.0; q_rows + 2 * kv_rows]);
                    all[at..at + values.len()].copy_from_slice(&values);
                };
                match part {
                    Part::QBias => put(0, turned(values)),
                    Part::KBias => put(q_rows, turned(values)),
                    Part::VBias => put(q_rows + kv_rows, values),
                    Part::QNorm | Part::KNorm => {
                        let all = vectors.qk_norm.get_or_insert_with(|| vec![0.0; 2 * width]);
                        let at = if part == Part::QNorm { 0 } else { width };
                        all[at..at + width].copy_from_slice(&turned(values));
                    }
                    Part::AttnNorm => vectors.attn_norm = Some(values),
                    Part::FfnNorm => vectors.ffn_norm = Some(values),
                    Part::PostAttnNorm => vectors.post_attn = Some(values),
                    Part::PostFfnNorm => vectors.post_ffn = Some(values),
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The weights, once all rows came.
    pub fn finish(self, context: &Context) -> Result<Weights, Error> {
        let need = |values: Option<Vec<f32>>, what: &str| {
            values
                .map(|values| context.upload(&values))
                .ok_or_else(|| Error::Unsupported(format!("the model has no {what}")))
        };
        let matrix = |matrix: Option<Matrix>, what: &str| {
            matrix.ok_or_else(|| Error::Unsupported(format!("the model has no {what}")))
        };
        let mut layers = Vec::with_capacity(self.layers.len());
        for (matrices, vectors) in self.layers.into_iter().zip(self.vectors) {
            if matrices.qkv.is_empty() {
                return Err(Error::Unsupported("the model has no queries".to_owned()));
            }
            let (gate, up) = (
                matrix(matrices.gate, "gate")?,
                matrix(matrices.up, "up projection")?,
            );
            if gate.pieces.len() != up.pieces.len() {
                return Err(Error::Unsupported(
                    "the gate and the up projection are cut differently".to_owned(),
                ));
            }
            layers.push(Layer {
                qkv: matrices.qkv,
                qkv_bias: vectors.bias.map(|values| context.upload(&values)),
                out: matrix(matrices.out, "output of attention")?,
                gate,
                up,
                down: matrix(matrices.down, "down projection")?,
                attn_norm: need(vectors.attn_norm, "norm before attention")?,
                ffn_norm: need(vectors.ffn_norm, "norm before the feed-forward")?,
                qk_norm: vectors.qk_norm.map(|values| context.upload(&values)),
                post_attn: vectors.post_attn.map(|values| context.upload(&values)),
                post_ffn: vectors.post_ffn.map(|values| context.upload(&values)),
            });
        }
        Ok(Weights {
            embedding: matrix(self.embedding, "embedding")?,
            head: self.head,
            output_norm: need(self.output_norm, "output norm")?,
            layers,
            rope_factors: self.rope_factors,
            spec: self.spec,
        })
    }
}

/// Where row `row` of a matrix goes whose heads rotate rows `i` and `i + d/2`: those become neighbours `2i` and `2i + 1`.
/// Scores do not change when queries and keys are reordered alike.
fn neighbour(row: usize, width: usize) -> usize {
    let (head, r) = (row / width, row % width);
    let half = width / 2;
    head * width + if r < half { 2 * r } else { 2 * (r - half) + 1 }
}
