//! Chats in front of sequences: template and tokenizer before, text and stop strings after.

use std::collections::BTreeMap;
use std::rc::Rc;

use seedbed_tokens::{Message, StopStrings, Stream, Template, Tokenizer, Vocabulary};
use seedbed_weights::{Array, Metadata, Value};

use crate::Error;
use crate::engine::{Engine, Event, Options, Reason, Request, Sampling, Spent, Stage};
use crate::gpu::context::Context;
use crate::gpu::weights::Weights;

/// The tokenizer's part of a GGUF file's metadata.
pub fn vocabulary(metadata: &Metadata) -> Vocabulary {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let text = |name: &str| metadata.get_str(&key(name)).map(str::to_owned);
    let id = |name: &str| {
        metadata
            .get_u64(&key(name))
            .and_then(|id| u32::try_from(id).ok())
    };
    let strings = |name: &str| {
        metadata
            .get_strings(&key(name))
            .map(|all| all.iter().map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let flag = |name: &str| metadata.get(&key(name)).and_then(Value::as_bool);
    Vocabulary {
        model: text("model").unwrap_or_default(),
        pre: text("pre"),
        tokens: strings("tokens"),
        merges: strings("merges"),
        kinds: match metadata.get_array(&key("token_type")) {
            Some(Array::Numbers(all)) => all
                .iter()
                .map(|kind| kind.as_i64().unwrap_or(1) as u8)
                .collect(),
            _ => Vec::new(),
        },
        scores: metadata.get_f32s(&key("scores")).unwrap_or_default(),
        bos: id("bos_token_id"),
        eos: id("eos_token_id"),
        eot: id("eot_token_id"),
        unknown: id("unknown_token_id"),
        add_bos: flag("add_bos_token"),
        add_space_prefix: flag("add_space_prefix"),
        chat_template: metadata
            .get_str("tokenizer.chat_template")
            .map(str::to_owned),
    }
}

/// What a reply should be like.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Tokens at most.
    pub max_tokens: usize,
    /// Texts at which the reply ends; they are not part of it.
    pub stop: Vec<String>,
    /// Told apart from others with the same seed.
    pub stream: u32,
}

/// What happened to a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// More of its text.
    Text(u64, String),
    /// It ended.
    Ended {
        /// Whose.
        id: u64,
        /// Why.
        reason: Reason,
        /// Tokens read.
        prompt_tokens: usize,
        /// Tokens written.
        tokens: usize,
    },
    /// It can't be continued.
    Failed(u64, String),
}

/// How far a reply is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Whose.
    pub id: u64,
    /// What is done for it.
    pub stage: Stage,
    /// Tokens written.
    pub written: usize,
    /// Tokens to be written at most.
    pub most: usize,
    /// Seconds until then at most, as quick as it was lately; unknown while it waits or nothing was measured.
    pub seconds_left: Option<f64>,
}

struct Turn {
    prompt: Vec<u32>,
    made: Vec<u32>,
    wish: Wish,
    stream: Stream,
    stops: StopStrings,
}

/// A model that answers chats.
pub struct Chat {
    engine: Engine,
    tokenizer: Rc<Tokenizer>,
    template: Template,
    /// Texts at which every reply ends.
    ends: Vec<String>,
    turns: BTreeMap<u64, Turn>,
    made: u64,
}

impl Chat {
    /// A model with its tokenizer and template. `date` (`YYYY-MM-DD`) is what templates that ask for it insert.
    ///
    /// # Errors
    /// The tokenizer or the template is of a kind this engine does not know.
    pub fn new(
        context: Rc<Context>,
        weights: Rc<Weights>,
        options: Options,
        vocabulary: &Vocabulary,
        date: &str,
    ) -> Result<Self, Error> {
        let words = |error: seedbed_tokens::Error| Error::File(error.to_string());
        let mut tokenizer = Tokenizer::new(vocabulary).map_err(words)?;
        if tokenizer.vocabulary_len() > weights.spec.vocab {
            return Err(Error::File(format!(
                "The file has {} tokens but scores only {}.",
                tokenizer.vocabulary_len(),
                weights.spec.vocab
            )));
        }
        let source = vocabulary.chat_template.as_deref().ok_or_else(|| {
            Error::Unsupported(
                "The file has no chat template, so it is not made for conversation. Choose an “Instruct” or “it” version.".to_owned(),
            )
        })?;
        let template = Template::new(source, vocabulary, date).map_err(words)?;
        let end = template.turn_end(&tokenizer);
        tokenizer.stop_at(&end.tokens);
        let engine = Engine::new(context, weights, options, tokenizer.stops())?;
        Ok(Self {
            engine,
            tokenizer: Rc::new(tokenizer),
            template,
            ends: end.texts,
            turns: BTreeMap::new(),
            made: 0,
        })
    }

    /// How the engine is laid out.
    pub fn options(&self) -> &Options {
        self.engine.options()
    }

    /// Bytes of keys and values on the device.
    pub fn kv_bytes(&self) -> u64 {
        self.engine.kv_bytes()
    }

    /// Tokens made so far, of all replies.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// What reading and writing took lately.
    pub fn spent(&self) -> Spent {
        self.engine.spent()
    }

    /// How far each reply is, those that wait last.
    pub fn standings(&self) -> Vec<Standing> {
        let (spent, unread) = (self.engine.spent(), self.engine.unread());
        let stages = self.engine.stages().into_iter();
        stages
            .filter_map(|(id, stage)| {
                let turn = self.turns.get(&id)?;
                let (written, most) = (turn.made.len(), turn.wish.max_tokens.max(1));
                // Whatever is read for others goes between its own steps.
                let seconds_left = match stage {
                    Stage::Waiting(_) => None,
                    Stage::Reading { .. } | Stage::Writing => {
                        spent.seconds_for(unread, most.saturating_sub(written))
                    }
                };
                Some(Standing {
                    id,
                    stage,
                    written,
                    most,
                    seconds_left,
                })
            })
            .collect()
    }

    /// Replies that wait or run.
    pub fn open(&self) -> usize {
        self.turns.len()
    }

    /// Tokens of a chat as the model reads it.
    ///
    /// # Errors
    /// The template refuses the messages.
    pub fn tokens(&self, messages: &[Message]) -> Result<Vec<u32>, Error> {
        let parts = self
            .template
            .chat(messages, true)
            .map_err(|error| Error::Unsupported(error.to_string()))?;
        Ok(self.tokenizer.encode_parts(&parts))
    }

    /// Begins a reply.
    ///
    /// # Errors
    /// The chat is too long or can't be put into the template.
    pub fn begin(&mut self, id: u64, messages: &[Message], wish: Wish) -> Result<(), Error> {
        let prompt = self.tokens(messages)?;
        self.engine.submit(Request {
            id,
            prompt: prompt.clone(),
            max_tokens: wish.max_tokens.max(1),
            sampling: wish.sampling,
            stream: wish.stream,
        })?;
        let turn = Turn {
            prompt,
            made: Vec::new(),
            stream: Stream::new(Rc::clone(&self.tokenizer)),
            stops: StopStrings::new(&[wish.stop.as_slice(), &self.ends].concat()),
            wish,
        };
        self.turns.insert(id, turn);
        Ok(())
    }

    /// Forgets a reply.
    pub fn cancel(&mut self, id: u64) {
        self.engine.cancel(id);
        self.turns.remove(&id);
    }

    /// Lets every reply advance.
    ///
    /// # Errors
    /// The device is gone; [`Self::recover`] continues on another.
    pub async fn advance(&mut self) -> Result<Vec<Said>, Error> {
        let events = self.engine.advance().await?;
        let mut said = Vec::new();
        for event in events {
            match event {
                Event::Tokens(id, tokens) => self.tell(id, &tokens, &mut said),
                Event::Finished(id, reason) => self.end(id, reason, &mut said),
                Event::Broken(id) => {
                    self.turns.remove(&id);
                    said.push(Said::Failed(
                        id,
                        "The device computed something that is not a number. Load the model again or choose another.".to_owned(),
                    ));
                }
            }
        }
        Ok(said)
    }

    fn tell(&mut self, id: u64, tokens: &[u32], said: &mut Vec<Said>) {
        let Some(turn) = self.turns.get_mut(&id) else {
            return;
        };
        let mut text = String::new();
        let mut is_hit = false;
        for token in tokens {
            turn.made.push(*token);
            self.made += 1;
            let piece = turn.stream.push(*token);
            let (safe, hit) = turn.stops.push(&piece);
            text.push_str(&safe);
            if hit {
                is_hit = true;
                break;
            }
        }
        if !text.is_empty() {
            said.push(Said::Text(id, text));
        }
        if is_hit {
            self.engine.cancel(id);
            if let Some(turn) = self.turns.remove(&id) {
                said.push(ended(id, &turn, Reason::Stop));
            }
        }
    }

    fn end(&mut self, id: u64, reason: Reason, said: &mut Vec<Said>) {
        let Some(mut turn) = self.turns.remove(&id) else {
            return;
        };
        let rest = turn.stream.finish();
        let (mut text, hit) = turn.stops.push(&rest);
        if !hit {
            text.push_str(&turn.stops.finish());
        }
        if !text.is_empty() {
            said.push(Said::Text(id, text));
        }
        said.push(ended(id, &turn, reason));
    }

    /// Goes on with all open replies on new weights, after a device was lost.
    ///
    /// # Errors
    /// The new device can't hold the sequences.
    pub fn recover(&mut self, context: Rc<Context>, weights: Rc<Weights>) -> Result<(), Error> {
        let options = self.engine.options().clone();
        self.engine = Engine::new(context, weights, options, self.tokenizer.stops())?;
        for (id, turn) in &self.turns {
            let mut prompt = turn.prompt.clone();
            prompt.extend(&turn.made);
            self.engine.submit(Request {
                id: *id,
                prompt,
                max_tokens: turn.wish.max_tokens.saturating_sub(turn.made.len()).max(1),
                sampling: turn.wish.sampling,
                stream: turn.wish.stream,
            })?;
        }
        Ok(())
    }
}

fn ended(id: u64, turn: &Turn, reason: Reason) -> Said {
    Said::Ended {
        id,
        reason,
        prompt_tokens: turn.prompt.len(),
        tokens: turn.made.len(),
    }
}
