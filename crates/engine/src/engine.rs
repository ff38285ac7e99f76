//! Sequences that are decoded side by side.
//!
//! A *slot* holds one sequence's keys and values. A step runs one *column* for each slot in use: its newest token goes
//! through the model, the next one is sampled on the GPU and becomes the column's input, so that several steps are encoded
//! ahead without the host seeing a token. A finished slot is given to the next request in the queue between two submits.
//! Its prompt is read in pieces between the steps of the others, so that their text keeps coming. Prompts that begin alike
//! share the keys and values of their beginning.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use seedbed_weights::Spec;

use crate::gpu::context::{Answer, Context, Pipeline};
use crate::gpu::kit::{Choice, Kit};
use crate::gpu::weights::{Matrix, Weights};
use crate::gpu::wgsl::{self, Arith, Attention, Finish, Kernel, Product, RESULT_HEAD};
use crate::{Error, now};

/// How an engine is laid out.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sequences at once.
    pub slots: usize,
    /// Positions each can have; at most the model's own.
    pub context: usize,
    /// Keys and values as halves: half the memory, rounded to 11 bits.
    pub half_kv: bool,
    /// Columns of a prefill.
    pub chunk: usize,
    /// Most steps between two looks at the results.
    pub steps: usize,
    /// Seconds that the text of others may wait while a piece of a prompt is read; the least piece is [`Self::chunk`].
    pub patience: f64,
    /// Kernels without barriers; by default where the adapter computes on a CPU.
    pub lanes: Option<bool>,
    /// Variants of the matrix kernels; by default those that need no optional feature.
    pub kit: Option<Kit>,
    /// Keys from which on attention is spread over several workgroups.
    pub long: usize,
    /// No room for keys and values: only kernels are made ([`warm`]).
    #[doc(hidden)]
    pub is_outline: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slots: 1,
            context: 2048,
            half_kv: true,
            chunk: 64,
            steps: 16,
            patience: PATIENCE,
            lanes: None,
            kit: None,
            long: 512,
            is_outline: false,
        }
    }
}

/// How the next token is chosen. The order is that of `transformers`: penalty, temperature, top-k, top-p, min-p, draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 takes the most likely token.
    pub temperature: f32,
    /// Tokens to choose among; 0 for all.
    pub top_k: u32,
    /// Least share of the probability to choose among; 1 for all.
    pub top_p: f32,
    /// Least probability, relative to the most likely token's; 0 for all.
    pub min_p: f32,
    /// Divides the scores (multiplies negative ones) of tokens that occurred; 1 for none.
    pub penalty: f32,
    /// Of the draw; the same seed, stream and prompt give the same tokens on the same device.
    pub seed: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            penalty: 1.0,
            seed: 0,
        }
    }
}

/// A sequence to be continued.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whose tokens these are, in events.
    pub id: u64,
    /// Tokens of the prompt; at least one.
    pub prompt: Vec<u32>,
    /// Tokens to make at most.
    pub max_tokens: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Told apart from others with the same seed, for example the row's number.
    pub stream: u32,
}

/// Why a sequence ended; named as the API providers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A stop token was made.
    Stop,
    /// The most tokens asked for, or that fit, were made.
    Length,
}

/// What happened to a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its next tokens, without the stop token.
    Tokens(u64, Vec<u32>),
    /// It ended.
    Finished(u64, Reason),
    /// The device computed something that is not a number.
    Broken(u64),
}

/// How far a sequence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In the queue, behind so many others.
    Waiting(usize),
    /// Its prompt is being read.
    Reading {
        /// Tokens that are read, or on their way to the device.
        read: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// Its tokens are being made.
    Writing,
}

/// What reading and writing took lately. The first of each is not counted: it compiles.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Tokens of prompts.
    pub read: u64,
    /// Seconds of reading them.
    pub read_seconds: f64,
    /// Steps, each of all sequences that write.
    pub steps: u64,
    /// Seconds of making them.
    pub step_seconds: f64,
}

impl Spent {
    fn add_reading(&mut self, tokens: usize, seconds: f64) {
        if self.read > LATELY {
            self.read /= 2;
            self.read_seconds /= 2.0;
        }
        self.read += tokens as u64;
        self.read_seconds += seconds;
    }

    fn add_steps(&mut self, steps: usize, seconds: f64) {
        if self.steps > LATELY {
            self.steps /= 2;
            self.step_seconds /= 2.0;
        }
        self.steps += steps as u64;
        self.step_seconds += seconds;
    }

    /// Seconds that it takes to read `tokens` and then to make `steps`, if that was measured.
    pub fn seconds_for(&self, tokens: usize, steps: usize) -> Option<f64> {
        let part = |count: usize, of: u64, seconds: f64| {
            if count == 0 {
                Some(0.0)
            } else {
                (of > 0).then(|| count as f64 * seconds / of as f64)
            }
        };
        Some(
            part(tokens, self.read, self.read_seconds)?
                + part(steps, self.steps, self.step_seconds)?,
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pass {
    /// One step of all sequences, sampling included.
    Decode,
    /// A prompt's tokens, without scores.
    Prefill,
    /// A prompt's tokens with the scores of each.
    Score,
}

enum Size {
    Product(Product),
    /// So many workgroups in x for each column in y.
    Columns(u32),
    /// The same for each part of the keys in z.
    Split(u32),
    /// A workgroup in x for each column.
    Each,
    /// A workgroup in x for four columns.
    Fours,
}

struct Step {
    /// What it does, for measuring.
    name: &'static str,
    layer: usize,
    pipeline: Rc<Pipeline>,
    group: wgpu::BindGroup,
    size: Size,
}

struct Buffers {
    h: wgpu::Buffer,
    xn: wgpu::Buffer,
    /// A product's columns as bytes.
    packed: wgpu::Buffer,
    ss: wgpu::Buffer,
    qkv: wgpu::Buffer,
    attended: wgpu::Buffer,
    mid: wgpu::Buffer,
    branch: wgpu::Buffer,
    logits: wgpu::Buffer,
    slots: wgpu::Buffer,
    settings: wgpu::Buffer,
    stops: wgpu::Buffer,
    seen: wgpu::Buffer,
    results: wgpu::Buffer,
    dummy: wgpu::Buffer,
    /// Parts of attention over long contexts.
    parts: wgpu::Buffer,
    /// Of decoding, and of prompts.
    cols: [wgpu::Buffer; 2],
    globals: [wgpu::Buffer; 2],
}

struct Active {
    id: u64,
    column: [u32; 4],
    /// The last position it may have.
    end: u32,
    /// The prompt without its last token, which is the first step's.
    prompt: Vec<u32>,
    /// How many of these the slot or the shared one has, or will have when what was sent is done.
    read: usize,
    /// How many of these the shared slot has.
    shared: usize,
    /// Who came first is read first.
    turn: u64,
}

impl Active {
    fn is_read(&self, prefix: &Prefix) -> bool {
        self.read == self.prompt.len() && self.shared <= prefix.read
    }
}

/// Keys and values that several prompts begin with.
#[derive(Default)]
struct Prefix {
    tokens: Vec<u32>,
    /// How many of them are read.
    read: usize,
    users: usize,
}

/// A model that continues sequences.
pub struct Engine {
    /// The device.
    pub context: Rc<Context>,
    /// The model.
    pub weights: Rc<Weights>,
    options: Options,
    lanes: bool,
    pub(crate) kit: Kit,
    buffers: Buffers,
    keys: Vec<wgpu::Buffer>,
    values: Vec<wgpu::Buffer>,
    /// Rotary tables, and each layer's.
    ropes: Vec<wgpu::Buffer>,
    rope_of: Vec<usize>,
    plans: HashMap<(Pass, usize, bool), Rc<Vec<Step>>>,
    queue: VecDeque<Request>,
    active: Vec<Option<Active>>,
    prefix: Prefix,
    stops: Vec<u32>,
    /// Sequences that had a slot until now.
    turns: u64,
    /// Seconds a step took lately.
    pace: Option<f64>,
    /// Seconds that reading a token took lately.
    read_pace: Option<f64>,
    /// Tokens of prompts that were sent last.
    read_last: usize,
    spent: Spent,
    /// Seconds that an answer takes by itself.
    delay: Option<f64>,
    /// When the last results arrived.
    arrived: f64,
    /// Columns of the steps under way.
    columns: usize,
    /// A sequence ended: the columns are to be laid out anew.
    is_changed: bool,
    flights: VecDeque<Flight>,
    /// Buffers for results that nothing is on its way to.
    landings: Vec<wgpu::Buffer>,
}

/// Steps that are under way, or pieces of prompts.
struct Flight {
    landing: wgpu::Buffer,
    answer: Answer,
    steps: usize,
    /// Tokens of prompts.
    read: usize,
    launched: f64,
}

impl Engine {
    /// Lays out the buffers for `options`.
    pub fn new(
        context: Rc<Context>,
        weights: Rc<Weights>,
        options: Options,
        stops: &[u32],
    ) -> Result<Self, Error> {
        let spec = &weights.spec;
        let lanes = options.lanes.unwrap_or(context.adapter.is_software);
        // A kit that was measured on another device may want what this one has not.
        let kit = options
            .kit
            .as_ref()
            .and_then(|kit| Kit::parse(&kit.text(), &context.adapter.features))
            .unwrap_or_else(|| if lanes { Kit::lanes() } else { Kit::groups() });
        let options = Options {
            context: options.context.min(spec.context).max(16),
            slots: options.slots.max(1),
            chunk: options.chunk.clamp(1, 512),
            steps: options.steps.clamp(1, 64),
            ..options
        };
        let columns = options.chunk.max(options.slots);
        let floats = |count: usize| context.storage((count * 4) as u64);
        let stride = spec.vocab.next_multiple_of(4);
        let q_rows = spec.heads * spec.head_dim;
        let kv_rows = spec.kv_heads * spec.head_dim;
        // One more slot, for what prompts share.
        let kv_slots = options.slots + 1;
        let kv_bytes =
            (kv_slots * options.context * kv_rows * if options.half_kv { 2 } else { 4 }) as u64;
        if kv_bytes > context.adapter.binding_bytes {
            return Err(Error::Unsupported(format!(
                "{} sequences of {} tokens need {} MB for a layer's keys, more than this device binds ({} MB); choose fewer or shorter ones",
                options.slots,
                options.context,
                kv_bytes / 1_000_000,
                context.adapter.binding_bytes / 1_000_000
            )));
        }
        let score_columns = options.slots.max(SCORED);
        let seen = options.slots * spec.vocab.div_ceil(32);
        let results = options.slots * (options.steps + RESULT_HEAD);
        let buffers = Buffers {
            h: floats(columns * spec.hidden),
            xn: floats(columns * spec.hidden),
            packed: context
                .storage((columns * spec.hidden.max(q_rows).max(spec.ffn) / 32 * 80) as u64),
            ss: floats(columns * spec.hidden / 4),
            qkv: floats(columns * (q_rows + 2 * kv_rows)),
            attended: floats(columns * q_rows),
            mid: floats(columns * spec.ffn),
            branch: floats(columns * spec.hidden),
            logits: floats(score_columns * stride),
            slots: context.storage((kv_slots * 16) as u64),
            settings: context.storage((options.slots * 48) as u64),
            stops: context.upload(if stops.is_empty() { &[u32::MAX] } else { stops }),
            seen: floats(seen),
            results: floats(results),
            dummy: context.storage(16),
            parts: if options.context <= options.long {
                context.storage(16)
            } else {
                floats(options.slots * spec.heads * SPLITS * (spec.head_dim + 4))
            },
            cols: [
                context.storage((columns * 16) as u64),
                context.storage((columns * 16) as u64),
            ],
            globals: [context.uniform(), context.uniform()],
        };
        let room = || {
            let bytes = if options.is_outline { 0 } else { kv_bytes };
            spec.layers.iter().map(|_| context.storage(bytes)).collect()
        };
        let (keys, values) = (room(), room());
        let (ropes, rope_of) = rope_tables(&context, &weights, options.context);
        let active = (0..options.slots).map(|_| None).collect();
        Ok(Self {
            lanes,
            kit,
            buffers,
            keys,
            values,
            ropes,
            rope_of,
            plans: HashMap::new(),
            queue: VecDeque::new(),
            active,
            prefix: Prefix::default(),
            stops: stops.to_vec(),
            turns: 0,
            pace: None,
            read_pace: None,
            read_last: 0,
            spent: Spent::default(),
            delay: None,
            arrived: 0.0,
            columns: 0,
            is_changed: false,
            flights: VecDeque::new(),
            landings: Vec::new(),
            context,
            weights,
            options,
        })
    }

    /// How it is laid out.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Kernels that a step of `columns` sequences runs.
    pub fn dispatches(&mut self, columns: usize) -> usize {
        self.plan(Pass::Decode, columns, false).len()
    }

    /// Bytes of keys and values.
    pub fn kv_bytes(&self) -> u64 {
        self.keys
            .iter()
            .chain(&self.values)
            .map(wgpu::Buffer::size)
            .sum()
    }

    fn spec(&self) -> &Spec {
        &self.weights.spec
    }

    fn plan(&mut self, pass: Pass, columns: usize, is_long: bool) -> Rc<Vec<Step>> {
        let kind = Kit::place(columns);
        if let Some(plan) = self.plans.get(&(pass, kind, is_long)) {
            return plan.clone();
        }
        let plan = Rc::new(Planner::new(self, pass, self.kit.at(kind), is_long).steps());
        self.plans.insert((pass, kind, is_long), plan.clone());
        plan
    }

    fn encode<'a>(
        encoder: &mut wgpu::CommandEncoder,
        plan: impl IntoIterator<Item = &'a Step>,
        columns: usize,
    ) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for step in plan {
            pass.set_pipeline(&step.pipeline.pipeline);
            pass.set_bind_group(0, &step.group, &[]);
            let [x, y, z] = match &step.size {
                Size::Product(product) => product.workgroups(columns),
                Size::Columns(x) => [*x, columns as u32, 1],
                Size::Split(x) => [*x, columns as u32, SPLITS as u32],
                Size::Each => [columns as u32, 1, 1],
                Size::Fours => [columns.div_ceil(4) as u32, 1, 1],
            };
            pass.dispatch_workgroups(x, y, z);
        }
    }

    fn set_columns(&self, side: usize, columns: &[[u32; 4]]) {
        self.context.write(&self.buffers.cols[side], 0, columns);
        self.context.write(
            &self.buffers.globals[side],
            0,
            &[columns.len() as u32, 0, 0, 0],
        );
    }

    fn set_base(&self, slot: usize, base: usize, shared: usize) {
        let row = [base as u32, shared as u32, 0, 0];
        self.context
            .write(&self.buffers.slots, (slot * 16) as u64, &row);
    }

    /// Fills a slot's keys and values with tokens at positions from `start` on.
    fn prefill(&mut self, slot: usize, start: usize, tokens: &[u32]) {
        let chunk = self.options.chunk;
        for (index, part) in tokens.chunks(chunk).enumerate() {
            let columns: Vec<_> = part
                .iter()
                .enumerate()
                .map(|(i, token)| [slot as u32, (start + index * chunk + i) as u32, *token, 1])
                .collect();
            self.set_columns(1, &columns);
            let plan = self.plan(Pass::Prefill, columns.len(), false);
            let mut encoder = self
                .context
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            Self::encode(&mut encoder, plan.iter(), columns.len());
            self.context.queue.submit([encoder.finish()]);
        }
    }

    /// The scores of every position of `ids`: `[T, V]`, row by row. Uses slot 0, which must be free.
    pub async fn score(&mut self, ids: &[u32]) -> Result<Vec<f32>, Error> {
        self.check(ids)?;
        let vocab = self.spec().vocab;
        let stride = vocab.next_multiple_of(4);
        self.set_base(0, 0, 0);
        let mut out = Vec::with_capacity(ids.len() * vocab);
        let chunk = SCORED.min(self.options.chunk);
        for (index, part) in ids.chunks(chunk).enumerate() {
            let columns: Vec<_> = part
                .iter()
                .enumerate()
                .map(|(i, token)| [0, (index * chunk + i) as u32, *token, 1])
                .collect();
            self.set_columns(1, &columns);
            let plan = self.plan(Pass::Score, columns.len(), false);
            let mut encoder = self
                .context
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            Self::encode(&mut encoder, plan.iter(), columns.len());
            self.context.queue.submit([encoder.finish()]);
            let bytes = (columns.len() * stride * 4) as u64;
            let all: Vec<f32> = self.context.copy_of(&self.buffers.logits, bytes).await?;
            if let Some(reason) = self.context.lost() {
                return Err(Error::Device(reason));
            }
            for row in all.chunks_exact(stride) {
                out.extend_from_slice(&row[..vocab]);
            }
        }
        Ok(out)
    }

    fn check(&self, prompt: &[u32]) -> Result<(), Error> {
        let vocab = self.spec().vocab;
        if prompt.is_empty() {
            return Err(Error::Unsupported(
                "An empty prompt can't be continued.".to_owned(),
            ));
        }
        if prompt.len() >= self.options.context {
            return Err(Error::Unsupported(format!(
                "The prompt has {} tokens; {} fit, with room for an answer. Shorten it or choose a longer context.",
                prompt.len(),
                self.options.context - 1
            )));
        }
        if let Some(token) = prompt.iter().find(|token| **token as usize >= vocab) {
            return Err(Error::Unsupported(format!(
                "Token {token} is not one of the model's {vocab}."
            )));
        }
        Ok(())
    }

    /// Puts a request in the queue.
    pub fn submit(&mut self, request: Request) -> Result<(), Error> {
        self.check(&request.prompt)?;
        if request.max_tokens == 0 {
            return Err(Error::Unsupported("No tokens were asked for.".to_owned()));
        }
        self.queue.push_back(request);
        Ok(())
    }

    /// Forgets a request; true if it was waiting or running.
    pub fn cancel(&mut self, id: u64) -> bool {
        let before = self.queue.len();
        self.queue.retain(|request| request.id != id);
        let mut found = before != self.queue.len();
        for slot in 0..self.active.len() {
            if self.active[slot].as_ref().is_some_and(|one| one.id == id) {
                self.release(slot);
                found = true;
            }
        }
        found
    }

    /// Tokens whose keys and values are shared by prompts that begin with them.
    pub fn shared_tokens(&self) -> usize {
        self.prefix.tokens.len()
    }

    /// Sequences that wait or run.
    pub fn open(&self) -> usize {
        self.queue.len() + self.active.iter().flatten().count()
    }

    fn release(&mut self, slot: usize) {
        if let Some(active) = self.active[slot].take() {
            self.is_changed = true;
            if active.shared > 0 {
                self.prefix.users -= 1;
            }
        }
    }

    /// What the prompt can take from the shared slot; that slot is to be filled first if the next in the queue begins alike.
    fn share(&mut self, prompt: &[u32]) -> usize {
        let usable = |shared: usize| shared.min(prompt.len() - 1);
        let now = usable(common(&self.prefix.tokens, prompt));
        if now >= SHARED {
            return now;
        }
        if self.prefix.users > 0 {
            return 0;
        }
        let wanted = self
            .queue
            .front()
            .map_or(0, |next| usable(common(&next.prompt, prompt)));
        if wanted < SHARED {
            return 0;
        }
        let slot = self.options.slots;
        self.prefix.tokens = prompt[..wanted].to_vec();
        self.prefix.read = 0;
        self.set_base(slot, slot, 0);
        wanted
    }

    fn admit(&mut self) {
        while let Some(slot) = self.active.iter().position(Option::is_none) {
            let Some(request) = self.queue.pop_front() else {
                return;
            };
            let prompt = &request.prompt;
            let shared = self.share(prompt);
            self.set_base(
                slot,
                if shared > 0 { self.options.slots } else { slot },
                shared,
            );
            let last = prompt.len() - 1;
            let sampling = request.sampling;
            let end = (last + request.max_tokens - 1).min(self.options.context - 1);
            let settings: [u32; 12] = [
                sampling.temperature.to_bits(),
                sampling.top_p.to_bits(),
                sampling.min_p.to_bits(),
                sampling.penalty.to_bits(),
                sampling.top_k,
                sampling.seed,
                request.stream,
                end as u32,
                self.stops.len() as u32,
                0,
                0,
                0,
            ];
            self.context
                .write(&self.buffers.settings, (slot * 48) as u64, &settings);
            if sampling.penalty != 1.0 {
                let words = self.spec().vocab.div_ceil(32);
                let mut seen = vec![0_u32; words];
                for token in prompt {
                    seen[*token as usize / 32] |= 1 << (token % 32);
                }
                self.context
                    .write(&self.buffers.seen, (slot * words * 4) as u64, &seen);
            }
            if shared > 0 {
                self.prefix.users += 1;
            }
            self.turns += 1;
            let column = [slot as u32, last as u32, prompt[last], 1];
            let mut prompt = request.prompt;
            prompt.truncate(last);
            self.active[slot] = Some(Active {
                id: request.id,
                column,
                end: end as u32,
                prompt,
                read: shared,
                shared,
                turn: self.turns,
            });
        }
    }

    /// The slot whose prompt is read next: that of who came first.
    fn reader(&self) -> Option<usize> {
        self.active
            .iter()
            .enumerate()
            .filter_map(|(slot, one)| Some((slot, one.as_ref()?)))
            .filter(|(_, one)| !one.is_read(&self.prefix))
            .min_by_key(|(_, one)| one.turn)
            .map(|(slot, _)| slot)
    }

    /// The next piece of a prompt: its slot, its first position, its tokens. Counts as read from now on.
    fn next_piece(&mut self) -> Option<(usize, usize, Vec<u32>)> {
        let chunk = self.options.chunk;
        let slot = self.reader()?;
        let one = self.active[slot].as_mut()?;
        let (slot, tokens, read) = if one.shared > self.prefix.read {
            let prefix = &mut self.prefix;
            (self.options.slots, &prefix.tokens, &mut prefix.read)
        } else {
            (slot, &one.prompt, &mut one.read)
        };
        let start = *read;
        *read = tokens.len().min(start + chunk);
        Some((slot, start, tokens[start..*read].to_vec()))
    }

    /// Sends pieces of prompts, as many as take about as long as the others' text may wait.
    fn read_some(&mut self) {
        // Answers that travel together make a pace seem quicker than it is, so more is tried step by step.
        let room = self.read_pace.map_or(0, |pace| {
            ((self.options.patience / pace) as usize).min(self.read_last.saturating_mul(4))
        });
        let mut read = 0;
        while read < room.max(1) {
            let Some((slot, start, tokens)) = self.next_piece() else {
                break;
            };
            self.prefill(slot, start, &tokens);
            read += tokens.len();
        }
        if read == 0 {
            return;
        }
        self.read_last = read;
        // Of no interest but that it is there.
        let landing = self.landing();
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&self.buffers.results, 0, &landing, 0, 16);
        let index = self.context.queue.submit([encoder.finish()]);
        let answer = self.context.begin_read(&landing, index);
        self.flights.push_back(Flight {
            landing,
            answer,
            steps: 0,
            read,
            launched: now(),
        });
    }

    /// How far each sequence is, those in the queue last.
    pub fn stages(&self) -> Vec<(u64, Stage)> {
        let running = self.active.iter().flatten().map(|one| {
            let stage = if one.is_read(&self.prefix) {
                Stage::Writing
            } else if one.shared > self.prefix.read {
                Stage::Reading {
                    read: self.prefix.read,
                    total: one.prompt.len() + 1,
                }
            } else {
                Stage::Reading {
                    read: one.read,
                    total: one.prompt.len() + 1,
                }
            };
            (one.id, stage)
        });
        let waiting = self.queue.iter().enumerate();
        running
            .chain(waiting.map(|(before, one)| (one.id, Stage::Waiting(before))))
            .collect()
    }

    /// What reading and writing took lately.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// Tokens that the device has to read before all sequences that have a slot can write.
    pub fn unread(&self) -> usize {
        let own: usize = self
            .active
            .iter()
            .flatten()
            .map(|one| one.prompt.len() - one.read)
            .sum();
        let shared = if self.prefix.users > 0 {
            self.prefix.tokens.len() - self.prefix.read
        } else {
            0
        };
        own + shared
    }

    /// Lets every sequence advance by some tokens, read or made, and tells what happened; that may be nothing while prompts
    /// are read.
    ///
    /// A device that is quick has the next steps before the results of the last ones are looked at, so that it never waits for
    /// the host. Whether a sequence ended is decided on the device; what was sent for it after its end writes nothing.
    pub async fn advance(&mut self) -> Result<Vec<Event>, Error> {
        if let Some(reason) = self.context.lost() {
            return Err(Error::Device(reason));
        }
        if self.delay.is_none() {
            self.delay = Some(self.answer_delay().await?);
        }
        let mut events = Vec::new();
        let has_room = self.active.iter().any(Option::is_none);
        let is_reading = self.reader().is_some();
        if self.is_changed || is_reading || (has_room && !self.queue.is_empty()) {
            while !self.flights.is_empty() {
                self.arrive(&mut events).await?;
            }
        }
        if self.flights.is_empty() {
            self.admit();
            self.is_changed = false;
            self.read_some();
            let columns: Vec<[u32; 4]> = self.writers().map(|one| one.column).collect();
            if !columns.is_empty() {
                self.set_columns(0, &columns);
            }
            self.columns = columns.len();
        }
        if self.columns > 0 {
            let (steps, depth) = self.next_steps();
            // The next piece of a prompt goes between.
            let depth = if self.reader().is_some() { 1 } else { depth };
            loop {
                let flying = self.flights.iter().filter(|one| one.steps > 0).count();
                let left = self.steps_left();
                if flying >= depth || (left == 0 && flying > 0) {
                    break;
                }
                self.launch(steps.min(left.max(1)));
            }
        }
        if events.is_empty() {
            self.arrive(&mut events).await?;
        }
        Ok(events)
    }

    /// Sequences whose prompt is read.
    fn writers(&self) -> impl Iterator<Item = &Active> {
        let prefix = &self.prefix;
        self.active
            .iter()
            .flatten()
            .filter(|one| one.is_read(prefix))
    }

    /// Steps of the next submit, and submits to have under way.
    fn next_steps(&self) -> (usize, usize) {
        // A slow device shows its tokens as they come, and is never given so much at once that a browser thinks it hangs.
        let most = self.options.steps;
        let steps = match self.pace {
            None => 1,
            Some(pace) => ((PATIENCE / pace) as usize).clamp(1, most),
        };
        if steps < most {
            return (steps, 1);
        }
        // Two halves: one is computed while the other's results travel. Where an answer takes long, two wholes.
        let is_late = self.delay.is_some_and(|delay| delay > LATE);
        (if is_late { most } else { most.div_ceil(2) }, 2)
    }

    /// Steps until the last sequence has all its tokens, beyond those under way.
    fn steps_left(&self) -> usize {
        let longest = self
            .writers()
            .map(|one| (one.end + 1).saturating_sub(one.column[1]) as usize)
            .max();
        longest.unwrap_or(0).saturating_sub(self.ahead())
    }

    /// Steps under way.
    fn ahead(&self) -> usize {
        self.flights.iter().map(|flight| flight.steps).sum()
    }

    /// Seconds from a submit that does nothing to its answer.
    async fn answer_delay(&mut self) -> Result<f64, Error> {
        let mut least = f64::INFINITY;
        for _ in 0..2 {
            let started = now();
            let landing = self.landing();
            let mut encoder = self
                .context
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&self.buffers.results, 0, &landing, 0, 16);
            self.context.queue.submit([encoder.finish()]);
            let _: Vec<u32> = self.context.land(&landing).await?;
            self.landings.push(landing);
            least = least.min(now() - started);
        }
        Ok(least)
    }

    fn landing(&mut self) -> wgpu::Buffer {
        let size = self.buffers.results.size();
        self.landings
            .pop()
            .unwrap_or_else(|| self.context.landing(size))
    }

    /// Sends `steps` steps of all columns on their way.
    fn launch(&mut self, steps: usize) {
        let ahead = self.ahead();
        let longest = self
            .writers()
            .map(|one| one.column[1] as usize + ahead)
            .max()
            .unwrap_or(0);
        let is_long = longest >= self.options.long && self.options.context > self.options.long;
        let plan = self.plan(Pass::Decode, self.columns, is_long);
        let landing = self.landing();
        let results = &self.buffers.results;
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.clear_buffer(results, 0, None);
        for _ in 0..steps {
            Self::encode(&mut encoder, plan.iter(), self.columns);
        }
        encoder.copy_buffer_to_buffer(results, 0, &landing, 0, landing.size());
        let index = self.context.queue.submit([encoder.finish()]);
        let answer = self.context.begin_read(&landing, index);
        self.flights.push_back(Flight {
            landing,
            answer,
            steps,
            read: 0,
            launched: now(),
        });
    }

    /// Takes in the results of the oldest submit.
    async fn arrive(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        let Some(flight) = self.flights.front_mut() else {
            return Ok(());
        };
        // It stays in the queue meanwhile: whoever stops waiting here loses nothing.
        let words: Vec<u32> = self
            .context
            .end_read(&flight.landing, &mut flight.answer)
            .await?;
        if let Some(reason) = self.context.lost() {
            return Err(Error::Device(reason));
        }
        let Some(flight) = self.flights.pop_front() else {
            return Ok(());
        };
        // The device began with it when it was sent, or when it was done with the one before.
        let arrived = now();
        let took = arrived - flight.launched.max(self.arrived);
        self.arrived = arrived;
        self.landings.push(flight.landing);
        // The first step also compiles the kernels, in some browsers; so does the first piece.
        if flight.read > 0 {
            let pace = took / flight.read as f64;
            if self.read_pace.is_none() {
                self.read_pace = Some(pace.min(PATIENCE / self.options.chunk as f64).max(1e-6));
            } else {
                self.read_pace = Some(pace.max(1e-6));
                self.spent.add_reading(flight.read, took);
            }
            return Ok(());
        }
        let pace = took / flight.steps as f64;
        if self.pace.is_none() {
            self.pace = Some(pace.min(PATIENCE / 4.0));
        } else {
            self.pace = Some(pace.max(1e-6));
            self.spent.add_steps(flight.steps, took);
        }
        events.extend(self.take_in(&words));
        Ok(())
    }

    /// The columns that come out of two layers with `choice` at `place`: what candidates are compared by.
    pub(crate) async fn branch(
        &mut self,
        place: usize,
        choice: Choice,
        columns: usize,
    ) -> Result<Vec<f32>, Error> {
        self.try_on(place, choice, columns);
        let plan = self.plan(Pass::Decode, columns, false);
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let some = plan
            .iter()
            .filter(|step| step.layer < TRIED && !["head", "sampling"].contains(&step.name));
        Self::encode(&mut encoder, some, columns);
        self.context.queue.submit([encoder.finish()]);
        let bytes = (columns * self.spec().hidden * 4) as u64;
        self.context.copy_of(&self.buffers.h, bytes).await
    }

    /// Runs the products of two layers `rounds` times with `choice` at `place`.
    pub(crate) async fn products(
        &mut self,
        place: usize,
        choice: Choice,
        columns: usize,
        rounds: usize,
    ) -> Result<(), Error> {
        self.try_on(place, choice, columns);
        let plan = self.plan(Pass::Decode, columns, false);
        let mut encoder = self
            .context
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for _ in 0..rounds {
            let some = plan.iter().filter(|step| {
                step.layer < TRIED
                    && [
                        "packing",
                        "queries, keys, values",
                        "gate and up",
                        "out and down",
                    ]
                    .contains(&step.name)
            });
            Self::encode(&mut encoder, some, columns);
        }
        let landing = self.landing();
        encoder.copy_buffer_to_buffer(&self.buffers.h, 0, &landing, 0, 16);
        self.context.queue.submit([encoder.finish()]);
        let _: Vec<u32> = self.context.land(&landing).await?;
        self.landings.push(landing);
        match self.context.lost() {
            Some(reason) => Err(Error::Device(reason)),
            None => Ok(()),
        }
    }

    fn try_on(&mut self, place: usize, choice: Choice, columns: usize) {
        if self.kit.at(place) != choice {
            self.kit.set(place, choice);
            self.plans.clear();
        }
        for slot in 0..self.options.slots {
            self.set_base(slot, slot, 0);
        }
        // What the tokens are does not matter. At position 0 none looks at another's keys, so columns may share a slot.
        let vocab = self.spec().vocab;
        let all: Vec<_> = (0..columns)
            .map(|column| {
                [
                    (column % self.options.slots) as u32,
                    0,
                    (column * 7919 % vocab) as u32,
                    1,
                ]
            })
            .collect();
        self.set_columns(0, &all);
    }

    /// Seconds that each kind of kernel takes in a step of `columns` sequences, with the number of its kernels. Every kind
    /// is run `rounds` times by itself; slots must be free. For finding out what limits a device.
    pub async fn profile(
        &mut self,
        columns: usize,
        rounds: usize,
    ) -> Result<Vec<(&'static str, usize, f64)>, Error> {
        let plan = self.plan(Pass::Decode, columns, false);
        let mut names: Vec<&'static str> = plan.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        let position = (self.options.context / 2) as u32;
        let all: Vec<_> = (0..columns)
            .map(|slot| [slot as u32, position, 0, 1])
            .collect();
        let mut out = Vec::new();
        for name in names {
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                self.set_columns(0, &all);
                let started = now();
                let mut encoder = self
                    .context
                    .device
                    .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                for _ in 0..rounds {
                    let some = plan.iter().filter(|step| step.name == name);
                    Self::encode(&mut encoder, some, columns);
                }
                let landing = self.landing();
                encoder.copy_buffer_to_buffer(&self.buffers.results, 0, &landing, 0, 16);
                self.context.queue.submit([encoder.finish()]);
                let _: Vec<u32> = self.context.land(&landing).await?;
                self.landings.push(landing);
                best = best.min((now() - started) / rounds as f64);
            }
            let count = plan.iter().filter(|step| step.name == name).count();
            out.push((name, count, best));
        }
        Ok(out)
    }

    fn take_in(&mut self, words: &[u32]) -> Vec<Event> {
        let mut events = Vec::new();
        let row = self.options.steps + RESULT_HEAD;
        for slot in 0..self.active.len() {
            let Some(active) = self.active[slot].as_mut() else {
                continue;
            };
            let result = &words[slot * row..(slot + 1) * row];
            let produced = (result[0] as usize).min(self.options.steps);
            let id = active.id;
            if produced == 0 {
                continue;
            }
            if result[3] != 0 {
                events.push(Event::Broken(id));
                self.release(slot);
                continue;
            }
            let mut tokens = result[RESULT_HEAD..RESULT_HEAD + produced].to_vec();
            let last = tokens[produced - 1];
            active.column = [slot as u32, result[2], last, 1];
            let reason = match result[1] {
                0 => None,
                1 => {
                    tokens.pop();
                    Some(Reason::Stop)
                }
                _ => Some(Reason::Length),
            };
            if !tokens.is_empty() {
                events.push(Event::Tokens(id, tokens));
            }
            if let Some(reason) = reason {
                events.push(Event::Finished(id, reason));
                self.release(slot);
            }
        }
        events
    }
}

/// Makes the kernels that an engine with `options` will run for the model of `header`, so that they are there when the
/// weights are. Browsers compile them meanwhile.
///
/// # Errors
/// As for [`Weights::outline`]; nothing is lost then, the kernels are made at their first use.
pub fn warm(context: &Rc<Context>, weights: Rc<Weights>, options: &Options) -> Result<(), Error> {
    let options = Options {
        is_outline: true,
        ..options.clone()
    };
    let mut engine = Engine::new(context.clone(), weights, options, &[])?;
    let (slots, chunk) = (engine.options.slots, engine.options.chunk);
    for columns in [1, slots] {
        engine.plan(Pass::Decode, columns, false);
    }
    engine.plan(Pass::Prefill, chunk, false);
    Ok(())
}

/// Layers that candidates for a kit are tried with.
const TRIED: usize = 2;
/// Columns whose scores are computed at once.
const SCORED: usize = 8;
/// Workgroups that share the keys of a long context.
const SPLITS: usize = 8;
/// Fewer tokens are not worth sharing.
const SHARED: usize = 8;
/// Tokens, or steps, that are remembered of what they took.
const LATELY: u64 = 512;
/// Seconds between two looks at the results.
const PATIENCE: f64 = 0.25;
/// Seconds from which an answer is late: some browsers look for what is done only ten times a second.
const LATE: f64 = 0.02;

fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Cosines and sines for every position, computed in f64: a GPU's own are inexact for large angles. One table for each
/// distinct set of frequencies.
fn rope_tables(
    context: &Context,
    weights: &Weights,
    positions: usize,
) -> (Vec<wgpu::Buffer>, Vec<usize>) {
    let spec = &weights.spec;
    let mut known: Vec<Vec<f32>> = Vec::new();
    let mut tables = Vec::new();
    let mut of = Vec::with_capacity(spec.layers.len());
    for layer in 0..spec.layers.len() {
        let frequencies = spec.inverse_frequencies(layer, weights.rope_factors.as_deref());
        if let Some(index) = known.iter().position(|one| *one == frequencies) {
            of.push(index);
            continue;
        }
        let mut table = Vec::with_capacity(positions * spec.head_dim);
        for position in 0..positions {
            for frequency in &frequencies {
                // The reference multiplies in f32.
                let angle = f64::from(position as f32 * frequency);
                table.push(angle.cos() as f32);
                table.push(angle.sin() as f32);
            }
        }
        of.push(tables.len());
        tables.push(context.upload(&table));
        known.push(frequencies);
    }
    (tables, of)
}

/// Puts the kernels of a pass in order.
struct Planner<'a> {
    engine: &'a Engine,
    pass: Pass,
    choice: Choice,
    is_long: bool,
    /// The layer that is being planned.
    layer: usize,
    /// What the buffer of packed columns holds.
    packed: Option<wgpu::Buffer>,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    fn new(engine: &'a Engine, pass: Pass, choice: Choice, is_long: bool) -> Self {
        Self {
            engine,
            pass,
            choice,
            is_long,
            layer: 0,
            packed: None,
            steps: Vec::new(),
        }
    }

    fn side(&self) -> usize {
        usize::from(self.pass != Pass::Decode)
    }

    fn push(&mut self, name: &'static str, kernel: &Kernel, buffers: &[&wgpu::Buffer], size: Size) {
        let context = &self.engine.context;
        let pipeline = context.pipeline(kernel);
        let mut all = vec![&self.engine.buffers.globals[self.side()]];
        all.extend_from_slice(buffers);
        let group = context.bind(&pipeline, &all);
        self.steps.push(Step {
            name,
            layer: self.layer,
            pipeline,
            group,
            size,
        });
    }

    /// A product for every piece of a matrix. `row0` is where its rows go in an output of `out_rows`.
    fn product(
        &mut self,
        matrix: &Matrix,
        second: Option<&Matrix>,
        (row0, out_rows): (usize, usize),
        finish: Finish,
        x: &wgpu::Buffer,
        rest: &[&wgpu::Buffer],
    ) {
        let engine = self.engine;
        let spec = &engine.weights.spec;
        let formats = [
            matrix.format,
            second.map_or(matrix.format, |second| second.format),
        ];
        let arith = self.choice.arith.of(&formats);
        let packed = &engine.buffers.packed;
        if arith == Arith::Packed && self.packed.as_ref() != Some(x) {
            let groups = (matrix.width / 32).div_ceil(64) as u32;
            self.push(
                "packing",
                &wgsl::quantize(matrix.width),
                &[x, packed],
                Size::Columns(groups),
            );
            self.packed = Some(x.clone());
        }
        let x = if arith == Arith::Packed { packed } else { x };
        for (index, piece) in matrix.pieces.iter().enumerate() {
            let product = Product {
                format: matrix.format,
                second: formats[1],
                spread: self.choice.spread,
                arith,
                columns: self.choice.columns,
                width: matrix.width,
                blocks: piece.blocks,
                block0: row0 / 4 + piece.block0,
                out_rows,
                hidden: spec.hidden,
                eps_bits: spec.eps.to_bits(),
                finish,
            };
            let mut buffers = vec![&piece.values, &piece.extra, x];
            if let Some(second) = second {
                buffers.extend([&second.pieces[index].values, &second.pieces[index].extra]);
            }
            buffers.extend_from_slice(rest);
            let name = match finish {
                Finish::Glu(_) => "gate and up",
                Finish::Residual | Finish::Plain => "out and down",
                Finish::Scale { .. } if out_rows == spec.vocab.next_multiple_of(4) => "head",
                Finish::Scale { .. } => "queries, keys, values",
            };
            self.push(name, &product.kernel(), &buffers, Size::Product(product));
        }
        // Others read what these write.
        if !matches!(finish, Finish::Scale { .. }) {
            self.packed = None;
        }
    }

    fn steps(mut self) -> Vec<Step> {
        let engine = self.engine;
        let (weights, buffers) = (&engine.weights, &engine.buffers);
        let spec = &weights.spec;
        let cols = &buffers.cols[self.side()];
        let Some(first) = weights.layers.first() else {
            return self.steps;
        };
        for piece in &weights.embedding.pieces {
            let kernel = wgsl::embed(
                weights.embedding.format,
                spec.hidden,
                piece.blocks,
                piece.block0,
                spec.embed_scale,
            );
            let groups = (spec.hidden / 32).div_ceil(64) as u32;
            self.push(
                "embedding",
                &kernel,
                &[
                    &piece.values,
                    &piece.extra,
                    cols,
                    &first.attn_norm,
                    &buffers.h,
                    &buffers.xn,
                    &buffers.ss,
                ],
                Size::Columns(groups),
            );
        }
        let (q_rows, kv_rows) = (spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim);
        for (index, layer) in weights.layers.iter().enumerate() {
            let is_last = index + 1 == weights.layers.len();
            self.layer = index;
            for placed in &layer.qkv {
                let mut rest = vec![&buffers.ss, &buffers.qkv];
                rest.extend(&layer.qkv_bias);
                let finish = Finish::Scale {
                    bias: layer.qkv_bias.is_some(),
                };
                self.product(
                    &placed.matrix,
                    None,
                    (placed.row0, q_rows + 2 * kv_rows),
                    finish,
                    &buffers.xn,
                    &rest,
                );
            }
            self.attention(index);
            self.packed = None;
            if is_last && self.pass == Pass::Prefill {
                // Only keys and values are wanted.
                break;
            }
            let residual = |next| [&buffers.h, next, &buffers.xn, &buffers.ss];
            if let Some(post) = &layer.post_attn {
                self.product(
                    &layer.out,
                    None,
                    (0, spec.hidden),
                    Finish::Plain,
                    &buffers.attended,
                    &[&buffers.branch],
                );
                self.post(post, &layer.ffn_norm);
            } else {
                self.product(
                    &layer.out,
                    None,
                    (0, spec.hidden),
                    Finish::Residual,
                    &buffers.attended,
                    &residual(&layer.ffn_norm),
                );
            }
            self.product(
                &layer.gate,
                Some(&layer.up),
                (0, spec.ffn),
                Finish::Glu(spec.activation),
                &buffers.xn,
                &[&buffers.ss, &buffers.mid],
            );
            let next = weights
                .layers
                .get(index + 1)
                .map_or(&weights.output_norm, |next| &next.attn_norm);
            if let Some(post) = &layer.post_ffn {
                self.product(
                    &layer.down,
                    None,
                    (0, spec.hidden),
                    Finish::Plain,
                    &buffers.mid,
                    &[&buffers.branch],
                );
                self.post(post, next);
            } else {
                self.product(
                    &layer.down,
                    None,
                    (0, spec.hidden),
                    Finish::Residual,
                    &buffers.mid,
                    &residual(next),
                );
            }
        }
        if self.pass != Pass::Prefill {
            let head = weights.head.as_ref().unwrap_or(&weights.embedding);
            self.layer = weights.layers.len();
            self.product(
                head,
                None,
                (0, spec.vocab.next_multiple_of(4)),
                Finish::Scale { bias: false },
                &buffers.xn,
                &[&buffers.ss, &buffers.logits],
            );
        }
        if self.pass == Pass::Decode {
            let (sample, size): (fn(usize, usize, usize) -> Kernel, _) = if engine.lanes {
                (wgsl::sample_lane, Size::Fours)
            } else {
                (wgsl::sample, Size::Each)
            };
            let kernel = sample(
                spec.vocab,
                spec.vocab.next_multiple_of(4),
                engine.options.steps,
            );
            self.push(
                "sampling",
                &kernel,
                &[
                    &buffers.settings,
                    &buffers.stops,
                    &buffers.logits,
                    cols,
                    &buffers.seen,
                    &buffers.results,
                ],
                size,
            );
        }
        self.steps
    }

    fn post(&mut self, own: &wgpu::Buffer, next: &wgpu::Buffer) {
        let buffers = &self.engine.buffers;
        let spec = &self.engine.weights.spec;
        self.push(
            "norm",
            &wgsl::post_norm(spec.hidden, spec.eps),
            &[
                &buffers.branch,
                own,
                next,
                &buffers.h,
                &buffers.xn,
                &buffers.ss,
            ],
            Size::Columns(1),
        );
    }

    fn attention(&mut self, index: usize) {
        let engine = self.engine;
        let (weights, buffers) = (&engine.weights, &engine.buffers);
        let spec = &weights.spec;
        let layer = &spec.layers[index];
        let attention = Attention {
            heads: spec.heads,
            kv_heads: spec.kv_heads,
            head_dim: spec.head_dim,
            context: engine.options.context,
            qk_norm: spec.qk_norm.then(|| spec.eps.to_bits()),
            rope: layer.rope,
            window: layer.window,
            scale_bits: spec.attn_scale.to_bits(),
            half: engine.options.half_kv,
        };
        let cols = &buffers.cols[self.side()];
        let rope = &engine.ropes[engine.rope_of[index]];
        let norms = weights.layers[index]
            .qk_norm
            .as_ref()
            .unwrap_or(&buffers.dummy);
        let (keys, values) = (&engine.keys[index], &engine.values[index]);
        let lanes = engine.lanes;
        // Without barriers a workgroup has four heads, with them one.
        let heads = if lanes {
            spec.heads.div_ceil(4)
        } else {
            spec.heads
        } as u32;
        let attend = |fused, splits| {
            if lanes {
                attention.attend_lane(fused, splits)
            } else {
                attention.attend_split(fused, splits)
            }
        };
        if self.is_long {
            self.push(
                "attention",
                &attend(true, SPLITS),
                &[
                    cols,
                    &buffers.slots,
                    rope,
                    norms,
                    &buffers.qkv,
                    keys,
                    values,
                    &buffers.parts,
                ],
                Size::Split(heads),
            );
            self.push(
                "attention",
                &attention.merge(SPLITS),
                &[cols, &buffers.parts, &buffers.attended],
                Size::Columns(((spec.heads * spec.head_dim / 4) as u32).div_ceil(64)),
            );
        } else if self.pass == Pass::Decode {
            self.push(
                "attention",
                &attend(true, 1),
                &[
                    cols,
                    &buffers.slots,
                    rope,
                    norms,
                    &buffers.qkv,
                    keys,
                    values,
                    &buffers.attended,
                ],
                Size::Columns(heads),
            );
        } else {
            let placed = ((spec.heads + spec.kv_heads) as u32).div_ceil(64);
            self.push(
                "attention",
                &attention.place(),
                &[cols, rope, norms, &buffers.qkv, keys, values],
                Size::Columns(placed),
            );
            self.push(
                "attention",
                &attend(false, 1),
                &[
                    cols,
                    &buffers.slots,
                    &buffers.qkv,
                    keys,
                    values,
                    &buffers.attended,
                ],
                Size::Columns(heads),
            );
        }
    }
}
