//! How quick a loaded model is on its device: what `cargo xtask bench engine` prints and the app's page shows.
//!
//! Each measurement lays out an engine of its own over the same weights and drops it before the next, so that at most one
//! set of keys and values stands beside those of the engine that answers chats.

use std::rc::Rc;

use serde::Serialize;

use crate::engine::{Engine, Event, Options, Request, Sampling};
use crate::gpu::context::Context;
use crate::gpu::weights::Weights;
use crate::{Error, now};

/// Tokens of the prompt before the first token is waited for.
pub const PROMPT: usize = 64;
/// Most tokens each sequence writes in one measurement.
const MOST: usize = 96;
/// Last tokens of a prompt, in which it differs from others.
const OWN: usize = 4;
/// Most chunks of a prompt when reading is measured.
const CHUNKS: usize = 8;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Numbers of sequences side by side, each measured by itself.
    pub at_once: Vec<usize>,
    /// Seconds after which a measurement is content with what it has.
    pub seconds: f64,
    /// How engines are laid out; slots and context are set for each measurement.
    pub options: Options,
}

impl Plan {
    /// One, 4 and 16 sequences, a few seconds each.
    pub fn new(options: Options) -> Self {
        Self {
            at_once: vec![1, 4, 16],
            seconds: 5.0,
            options,
        }
    }

    /// Measurements in all.
    pub fn parts(&self) -> usize {
        // Copying and reading a prompt.
        self.at_once.len() + 2
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What: `copy`, `bytes_per_token`, `first_token`, `prefill`, `decode`, `dispatches`, `readbacks`, `bandwidth_share`;
    /// of the one who loaded the model also `load` and `heap`.
    pub name: &'static str,
    /// Sequences side by side; 0 where that means nothing.
    pub at_once: usize,
    /// How much.
    pub value: f64,
    /// Of what: `MB`, `MB/s`, `GB/s`, `s`, `tokens/s`, `1/token`, or `1` for a share.
    pub unit: &'static str,
}

/// What is told while measuring.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A measurement begins: its name as in [`Figure::name`], sequences, and measurements done before.
    Begins(&'static str, usize, usize),
    /// A figure is there.
    Figure(Figure),
    /// So many sequences can't be measured, for this reason.
    Skipped(usize, String),
}

/// Told what happens; says whether measuring goes on.
pub type Listener<'a> = dyn FnMut(Option<Told>) -> bool + 'a;

struct Run<'a, 'b> {
    context: &'a Rc<Context>,
    weights: &'a Rc<Weights>,
    plan: &'a Plan,
    listener: &'a mut Listener<'b>,
}

/// Somebody no longer wants to know.
struct Stopped;

enum End {
    Stopped,
    Failed(Error),
}

impl From<Stopped> for End {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Measures `weights`. The listener is also asked between two readbacks, with nothing new; `false` ends it. Gives whether
/// all of `plan` was measured.
///
/// # Errors
/// The device failed, or not even one sequence fits.
pub async fn measure(
    context: &Rc<Context>,
    weights: &Rc<Weights>,
    plan: &Plan,
    listener: &mut Listener<'_>,
) -> Result<bool, Error> {
    let mut run = Run {
        context,
        weights,
        plan,
        listener,
    };
    match run.all().await {
        Ok(()) => Ok(true),
        Err(End::Stopped) => Ok(false),
        Err(End::Failed(error)) => Err(error),
    }
}

impl Run<'_, '_> {
    fn tell(&mut self, told: Told) -> Result<(), Stopped> {
        if (self.listener)(Some(told)) {
            Ok(())
        } else {
            Err(Stopped)
        }
    }

    fn ask(&mut self) -> Result<(), Stopped> {
        if (self.listener)(None) {
            Ok(())
        } else {
            Err(Stopped)
        }
    }

    fn figure(
        &mut self,
        name: &'static str,
        at_once: usize,
        value: f64,
        unit: &'static str,
    ) -> Result<(), Stopped> {
        self.tell(Told::Figure(Figure {
            name,
            at_once,
            value,
            unit,
        }))
    }

    async fn all(&mut self) -> Result<(), End> {
        self.tell(Told::Begins("copy", 0, 0))?;
        let copy = self.context.copy_bandwidth().await?;
        self.figure("copy", 0, copy / 1e9, "GB/s")?;
        let bytes = self.weights.bytes_per_token() as f64;
        self.figure("bytes_per_token", 0, bytes / 1e6, "MB")?;
        self.tell(Told::Begins("prefill", 1, 1))?;
        self.prefill().await?;
        let plan = self.plan;
        for (done, at_once) in plan.at_once.iter().enumerate() {
            self.tell(Told::Begins("decode", *at_once, done + 2))?;
            match self.decode(*at_once, copy / bytes).await {
                Err(End::Failed(Error::Unsupported(reason))) if *at_once > 1 => {
                    self.tell(Told::Skipped(*at_once, reason))?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// A prompt of tokens that are no control tokens in the vocabularies we know. Prompts of several sequences differ only
    /// in their ends, so that the beginning is read once.
    fn prompt(&self, which: usize, length: usize) -> Vec<u32> {
        let vocab = self.weights.spec.vocab;
        let first = vocab / 4;
        let room = (vocab - first).max(1);
        (0..length)
            .map(|i| {
                let own = if i + OWN < length { 0 } else { which * 13 };
                (first + (i * 7 + own) % room).min(vocab - 1) as u32
            })
            .collect()
    }

    fn submit(
        &self,
        engine: &mut Engine,
        which: usize,
        length: usize,
        max_tokens: usize,
    ) -> Result<(), Error> {
        engine.submit(Request {
            id: which as u64,
            prompt: self.prompt(which, length),
            max_tokens,
            sampling: Sampling::default(),
            stream: which as u32,
        })
    }

    /// Reads prompts, with one step of writing after each.
    async fn prefill(&mut self) -> Result<(), End> {
        let chunk = self.plan.options.chunk;
        // The last token of a prompt is the first step's.
        let whole = |chunks: usize| chunks * chunk + 1;
        let fitting = self.weights.spec.context.saturating_sub(2) / chunk;
        let most = CHUNKS.min(fitting).max(1);
        let mut engine = self.engine(Options {
            slots: 1,
            context: whole(most) + 1,
            steps: 1,
            ..self.plan.options.clone()
        })?;
        // The first one compiles, the second tells how many chunks there is time for.
        let mut chunks = 1;
        for which in 0..3 {
            self.submit(&mut engine, which, whole(chunks), 1)?;
            let started = now();
            self.first(&mut engine).await?;
            let took = (now() - started).max(1e-4);
            if which == 1 {
                chunks = ((self.plan.seconds / took) as usize).clamp(1, most);
            }
            if which == 2 {
                self.figure("prefill", 1, whole(chunks) as f64 / took, "tokens/s")?;
            }
            self.settle(&mut engine).await?;
        }
        Ok(())
    }

    /// Writes with `at_once` sequences. `ceiling` is the tokens per second of one sequence if nothing but reading the
    /// weights took time.
    async fn decode(&mut self, at_once: usize, ceiling: f64) -> Result<(), End> {
        let options = &self.plan.options;
        // Room for what is written before the clock starts, some of it while other prompts are read.
        let before = 4 + at_once + PROMPT.div_ceil(options.chunk.max(1));
        let length = PROMPT + before * options.steps.max(1) + MOST;
        let mut engine = self.engine(Options {
            slots: at_once,
            context: length + 1,
            ..options.clone()
        })?;
        let dispatches = engine.dispatches(at_once);
        if at_once == 1 {
            // The first compiles, and finds out how quick steps are.
            self.submit(&mut engine, 1000, PROMPT, 2 * options.steps.max(1))?;
            self.settle(&mut engine).await?;
        }
        let started = now();
        for which in 0..at_once {
            self.submit(&mut engine, which, PROMPT, length - PROMPT)?;
        }
        self.first(&mut engine).await?;
        if at_once == 1 {
            self.figure("first_token", 1, now() - started, "s")?;
        } else {
            // Prompts are read while others write.
            while engine.unread() > 0 {
                self.advance(&mut engine).await?;
            }
            // For as many columns other kernels are compiled.
            self.advance(&mut engine).await?;
            self.advance(&mut engine).await?;
        }
        let started = now();
        let (mut made, mut reads) = (0, 0);
        while made < MOST * at_once && engine.open() == at_once {
            made += self.advance(&mut engine).await?;
            reads += 1;
            if reads > 1 && now() - started > self.plan.seconds {
                break;
            }
        }
        let rate = made as f64 / (now() - started).max(1e-4);
        self.figure("decode", at_once, rate, "tokens/s")?;
        let per_token = dispatches as f64 / at_once as f64;
        self.figure("dispatches", at_once, per_token, "1/token")?;
        let per_token = f64::from(reads) / made.max(1) as f64;
        self.figure("readbacks", at_once, per_token, "1/token")?;
        // Sequences side by side share one reading of the weights.
        let share = rate / at_once as f64 / ceiling;
        self.figure("bandwidth_share", at_once, share, "1")?;
        Ok(())
    }

    fn engine(&self, options: Options) -> Result<Engine, Error> {
        Engine::new(self.context.clone(), self.weights.clone(), options, &[])
    }

    /// Waits until nothing is under way: steps may have been sent ahead that nobody needs any more, and they would count
    /// as a part of what is measured next.
    async fn settle(&mut self, engine: &mut Engine) -> Result<(), End> {
        while engine.open() > 0 {
            self.advance(engine).await?;
        }
        self.advance(engine).await?;
        Ok(())
    }

    /// Waits for the first token: prompts are read in pieces.
    async fn first(&mut self, engine: &mut Engine) -> Result<(), End> {
        while self.advance(engine).await? == 0 {}
        Ok(())
    }

    /// The next tokens, of all sequences together.
    async fn advance(&mut self, engine: &mut Engine) -> Result<usize, End> {
        self.ask()?;
        let mut made = 0;
        for event in engine.advance().await? {
            match event {
                Event::Tokens(_, tokens) => made += tokens.len(),
                Event::Finished(..) => {}
                Event::Broken(_) => {
                    return Err(End::Failed(Error::Device(
                        "it computed something that is not a number".to_owned(),
                    )));
                }
            }
        }
        Ok(made)
    }
}
