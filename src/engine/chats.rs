//! Chats: requests in the OpenAI protocol in, streams of server-sent events out, and one loop that lets all of them
//! advance together.

use super::{From, Host, Out, load, measure};
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use seedbed_core::engine::{EngineOrder, EngineRow, EngineStep};
use seedbed_engine::chat::{Chat, Said, Standing, Wish};
use seedbed_engine::engine::{Reason, Sampling, Stage};
use seedbed_tokens::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::rc::Rc;

/// For the loop.
pub(crate) enum Work {
    /// A chat to answer.
    Begin(Box<Ask>, Out),
    /// The model is to be measured.
    Measure(measure::Order, Out),
}

/// The parts of a chat request that mean something here.
#[derive(Debug, Deserialize)]
pub(crate) struct Ask {
    model: String,
    messages: Vec<Line>,
    #[serde(default)]
    temperature: Option<f32>,
    #[serde(default)]
    top_p: Option<f32>,
    #[serde(default)]
    top_k: Option<u32>,
    #[serde(default)]
    min_p: Option<f32>,
    #[serde(default)]
    repetition_penalty: Option<f32>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    response_format: Option<Value>,
    /// The run's row that it is for.
    #[serde(skip)]
    row: String,
}

/// A message of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    role: String,
    content: String,
}

/// One stop text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Stop {
    One(String),
    Many(Vec<String>),
}

fn refuse(out: &Out, status: u16, message: &str) {
    let body = json!({ "error": { "message": message, "type": "invalid_request_error" } });
    out.whole(status, body.to_string().as_bytes());
}

/// Hands a chat to the loop; loads the model first, if it is kept.
pub(crate) async fn answer(host: &Rc<Host>, out: Out, body: &str, from: From) {
    let mut ask: Ask = match serde_json::from_str(body) {
        Ok(ask) => ask,
        Err(error) => return refuse(&out, 400, &format!("The request can't be read: {error}")),
    };
    ask.row = from.row;
    let is_text = ask
        .response_format
        .as_ref()
        .is_none_or(|format| format.get("type").is_some_and(|kind| kind == "text"));
    if !is_text {
        return refuse(
            &out,
            400,
            "A model in the tab writes plain text only; leave response_format out.",
        );
    }
    // A tab that was reloaded goes on by itself, and so does a worker that was started again.
    let is_there = |host: &Host| {
        host.loaded
            .borrow()
            .as_ref()
            .is_some_and(|loaded| loaded.model.name == ask.model)
    };
    if !is_there(host) {
        let kept = super::files::list()
            .await
            .into_iter()
            .find(|kept| kept.is_whole && kept.model.name == ask.model);
        let Some(kept) = kept else {
            return refuse(&out, 404, "This model is not loaded into the tab.");
        };
        let sizes = from
            .order
            .filter(|order| order.model.name == kept.model.name)
            .map_or_else(Default::default, |order| order.sizes);
        let order = EngineOrder {
            model: kept.model,
            sizes,
        };
        if let Err(failure) = load::again(host, &out, order).await {
            return refuse(&out, 503, &failure.what);
        }
    }
    let inbox = host.inbox.borrow().clone();
    let Some(inbox) = inbox else {
        return refuse(&out, 404, "No model is loaded into the tab.");
    };
    if inbox
        .unbounded_send(Work::Begin(Box::new(ask), out.clone()))
        .is_err()
    {
        refuse(&out, 503, "The model was unloaded.");
    }
}

fn event(out: &Out, value: &Value) {
    out.piece(format!("data: {value}\n\n").as_bytes());
}

fn chunk(model: &str, fingerprint: &str, delta: Value, reason: Option<&str>) -> Value {
    json!({
        "object": "chat.completion.chunk", "model": model, "system_fingerprint": fingerprint,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
    })
}

/// Starts the loop for a model.
pub(crate) fn start(host: &Rc<Host>, chat: Chat) {
    let (inbox, work) = unbounded();
    *host.inbox.borrow_mut() = Some(inbox);
    wasm_bindgen_futures::spawn_local(run(host.clone(), chat, work));
}

struct Open {
    out: Out,
    model: String,
    row: String,
}

/// Runs until the model is unloaded and nothing is open.
async fn run(host: Rc<Host>, mut chat: Chat, mut work: UnboundedReceiver<Work>) {
    let mut open: HashMap<u64, Open> = HashMap::new();
    let mut last = 0_u64;
    // What came while the model was measured.
    let mut early = None;
    let fingerprint = fingerprint(&host);
    loop {
        // With nothing to do, wait; else take what is there.
        loop {
            let next = if let Some(next) = early.take() {
                next
            } else if open.is_empty() {
                note(&host, &chat, &open);
                let next = match work.next().await {
                    Some(next) => next,
                    None => return,
                };
                // The time without work does not count.
                host.marks.borrow_mut().clear();
                // Those that were asked together begin together, so that what they share is read once.
                load::breathe().await;
                next
            } else {
                match work.try_recv() {
                    Ok(next) => next,
                    Err(_) => break,
                }
            };
            let (ask, out) = match next {
                Work::Begin(ask, out) => (ask, out),
                Work::Measure(order, out) => {
                    let is_busy = !open.is_empty();
                    early = measure::run(&host, &chat, is_busy, order, &out, &mut work).await;
                    continue;
                }
            };
            last += 1;
            if let Some(one) = begin(&mut chat, last, *ask, out) {
                open.insert(last, one);
            }
        }
        let gone: Vec<u64> = open
            .iter()
            .filter(|(_, one)| one.out.is_stopped.get())
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            chat.cancel(id);
            open.remove(&id);
        }
        note(&host, &chat, &open);
        host.step_since.set(Some(js_sys::Date::now()));
        let advanced = chat.advance().await;
        host.step_since.set(None);
        let said = match advanced {
            Ok(said) => said,
            Err(error) => {
                if load::recover(&host, &mut chat).await.is_ok() {
                    continue;
                }
                for one in open.values() {
                    one.out.died(&error.to_string());
                }
                host.unload();
                return;
            }
        };
        for one in said {
            tell(&mut open, one, &fingerprint);
        }
        // Lets messages in.
        load::breathe().await;
    }
}

fn begin(chat: &mut Chat, id: u64, ask: Ask, out: Out) -> Option<Open> {
    let messages: Vec<Message> = ask
        .messages
        .into_iter()
        .map(|one| Message {
            role: one.role,
            content: one.content,
        })
        .collect();
    let seed = ask
        .seed
        .unwrap_or_else(|| (js_sys::Math::random() * f64::from(u32::MAX)) as u64);
    let wish = Wish {
        sampling: Sampling {
            temperature: ask.temperature.unwrap_or(1.0).max(0.0),
            top_k: ask.top_k.unwrap_or(0),
            top_p: ask.top_p.unwrap_or(1.0),
            min_p: ask.min_p.unwrap_or(0.0),
            penalty: ask.repetition_penalty.unwrap_or(1.0),
            seed: seed as u32,
        },
        max_tokens: ask.max_tokens.or(ask.max_completion_tokens).unwrap_or(512) as usize,
        stop: match ask.stop {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text],
            Some(Stop::Many(texts)) => texts,
        },
        stream: (seed >> 32) as u32,
    };
    match chat.begin(id, &messages, wish) {
        Ok(()) => {
            out.head(200);
            Some(Open {
                out,
                model: ask.model,
                row: ask.row,
            })
        }
        Err(error) => {
            refuse(&out, 400, &error.to_string());
            None
        }
    }
}

fn tell(open: &mut HashMap<u64, Open>, said: Said, fingerprint: &str) {
    match said {
        Said::Text(id, text) => {
            if let Some(one) = open.get(&id) {
                event(
                    &one.out,
                    &chunk(&one.model, fingerprint, json!({ "content": text }), None),
                );
            }
        }
        Said::Ended {
            id,
            reason,
            prompt_tokens,
            tokens,
        } => {
            if let Some(one) = open.remove(&id) {
                let reason = match reason {
                    Reason::Stop => "stop",
                    Reason::Length => "length",
                };
                event(
                    &one.out,
                    &chunk(&one.model, fingerprint, json!({}), Some(reason)),
                );
                let usage = json!({
                    "prompt_tokens": prompt_tokens, "completion_tokens": tokens, "total_tokens": prompt_tokens + tokens,
                });
                event(
                    &one.out,
                    &json!({ "object": "chat.completion.chunk", "model": one.model, "choices": [], "usage": usage }),
                );
                one.out.piece(b"data: [DONE]\n\n");
                one.out.end();
            }
        }
        Said::Failed(id, message) => {
            if let Some(one) = open.remove(&id) {
                event(&one.out, &json!({ "error": { "message": message } }));
                one.out.end();
            }
        }
    }
}

fn step(standing: &Standing) -> EngineStep {
    match standing.stage {
        Stage::Waiting(before) => EngineStep::Waiting {
            before: before as u32,
        },
        Stage::Reading { read, total } => EngineStep::Reading {
            read: read as u32,
            total: total as u32,
        },
        Stage::Writing => EngineStep::Writing {
            written: standing.written as u32,
            most: standing.most as u32,
        },
    }
}

/// Notes how far the answers are, and the speed over the last seconds.
fn note(host: &Host, chat: &Chat, open: &HashMap<u64, Open>) {
    let mut speed = host.speed.borrow_mut();
    let standings = chat.standings();
    let count =
        |is: fn(&Stage) -> bool| standings.iter().filter(|one| is(&one.stage)).count() as u32;
    speed.running = count(|stage| *stage == Stage::Writing);
    speed.reading = count(|stage| matches!(stage, Stage::Reading { .. }));
    speed.waiting = count(|stage| matches!(stage, Stage::Waiting(_)));
    let spent = chat.spent();
    speed.read_s = spent.seconds_for(1, 0).unwrap_or(0.0);
    speed.step_s = spent.seconds_for(0, 1).unwrap_or(0.0);
    *host.rows.borrow_mut() = standings
        .iter()
        .filter_map(|standing| {
            let one = open.get(&standing.id).filter(|one| !one.row.is_empty())?;
            Some(EngineRow {
                row: one.row.clone(),
                step: step(standing),
                seconds_left: standing.seconds_left.map(|seconds| seconds.ceil() as u64),
            })
        })
        .collect();
    let made = chat.made();
    let now = js_sys::Date::now() / 1000.0;
    let mut marks = host.marks.borrow_mut();
    if open.is_empty() {
        marks.clear();
    }
    marks.push_back((now, made));
    while marks.len() > 2 && marks.front().is_some_and(|(at, _)| now - at > 8.0) {
        marks.pop_front();
    }
    if let Some(first) = marks.front()
        && now > first.0
    {
        speed.tokens_per_second = (made - first.1) as f64 / (now - first.0);
    }
    speed.tokens = made;
}

/// What made the text, for the record's provenance.
fn fingerprint(host: &Host) -> String {
    host.loaded
        .borrow()
        .as_ref()
        .map_or_else(String::new, |loaded| {
            format!(
                "seedbed-engine {}; {}; sha256:{}",
                env!("CARGO_PKG_VERSION"),
                loaded.quantization,
                loaded.model.sha256.as_deref().unwrap_or("unknown")
            )
        })
}
