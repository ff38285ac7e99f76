//! `/measure`: how quick the loaded model is on this device, one line for each figure as it is there.
//!
//! It is done by the loop that answers chats, between two of them, so that nothing else computes. A chat that comes
//! meanwhile ends it.

use super::chats::Work;
use super::{Host, Out, heap_bytes};
use futures::channel::mpsc::{TryRecvError, UnboundedReceiver};
use seedbed_core::engine::{EngineFigure, EngineLine, EngineTold};
use seedbed_core::messages::{Failure, FailureKind};
use seedbed_engine::chat::Chat;
use seedbed_engine::figures::{Figure, Plan, Told, measure};
use serde::Deserialize;
use std::rc::Rc;

/// What `/measure` is asked; an empty body leaves all to the engine.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Order {
    /// Seconds for each measurement.
    #[serde(default)]
    seconds: Option<f64>,
}

fn cannot(what: &str, next: &str) -> Failure {
    Failure::new(FailureKind::Invalid, what)
        .means("Nothing else was changed by it.")
        .next(next)
}

fn refuse(out: &Out, failure: Failure) {
    out.line(&EngineLine::Failed(failure));
    out.end();
}

/// Hands the order to the loop.
pub(crate) async fn answer(host: &Rc<Host>, out: &Out, body: &str) {
    out.head(200);
    let order = if body.is_empty() {
        Ok(Order::default())
    } else {
        serde_json::from_str(body)
    };
    let order = match order {
        Ok(order) => order,
        Err(error) => {
            let failure = cannot("The model could not be measured.", "Ask again.");
            return refuse(out, failure.detail(error.to_string()));
        }
    };
    // Loading comes first.
    drop(host.loading.lock().await);
    let inbox = host.inbox.borrow().clone();
    let is_sent = inbox.is_some_and(|inbox| {
        inbox
            .unbounded_send(Work::Measure(order, out.clone()))
            .is_ok()
    });
    if !is_sent {
        refuse(
            out,
            cannot("No model is loaded in this tab.", "Load one and try again."),
        );
    }
}

/// Why measuring ends early.
#[derive(Clone, Copy, PartialEq)]
enum Break {
    /// Nobody wants to know any more.
    Stopped,
    /// A chat is asked for.
    Asked,
    /// The model is being unloaded.
    Unloaded,
}

impl Break {
    fn failure(self) -> Failure {
        match self {
            Self::Stopped => Failure::new(FailureKind::Cancelled, "Measuring was stopped."),
            Self::Asked => cannot(
                "Measuring was stopped, because an answer was asked of the model.",
                "Measure again when the model has nothing to do.",
            ),
            Self::Unloaded => cannot(
                "Measuring was stopped, because the model was unloaded.",
                "Load a model and measure again.",
            ),
        }
    }
}

/// Measures, if nothing is being answered, and tells `out`; gives the work that came meanwhile.
pub(crate) async fn run(
    host: &Rc<Host>,
    chat: &Chat,
    is_busy: bool,
    order: Order,
    out: &Out,
    work: &mut UnboundedReceiver<Work>,
) -> Option<Work> {
    let weights = host.weights.borrow().upgrade();
    let context = host.context.borrow().clone();
    let (false, Some(weights), Some(context)) = (is_busy, weights, context) else {
        refuse(
            out,
            cannot(
                "The model is writing answers, so it can't be measured now.",
                "Wait until it is done, or pause the run.",
            ),
        );
        return None;
    };
    loaded_figures(host, out);
    let mut plan = Plan::new(chat.options().clone());
    if let Some(seconds) = order.seconds {
        plan.seconds = seconds.clamp(0.1, 60.0);
    }
    let total = plan.parts() as u32;
    let (mut early, mut ended) = (None, None);
    let measured = measure(&context, &weights, &plan, &mut |told| {
        if let Some(told) = told {
            out.line(&EngineLine::Measure(line(told, total)));
        }
        ended = if out.is_stopped.get() {
            Some(Break::Stopped)
        } else {
            match work.try_recv() {
                Ok(next) => {
                    early = Some(next);
                    Some(Break::Asked)
                }
                Err(TryRecvError::Closed) => Some(Break::Unloaded),
                Err(TryRecvError::Empty) => None,
            }
        };
        ended.is_none()
    })
    .await;
    match (measured, ended) {
        (Err(error), _) => refuse(
            out,
            cannot(
                "The device failed while it was measured.",
                "Load the model again.",
            )
            .detail(error.to_string()),
        ),
        (Ok(_), Some(why)) => refuse(out, why.failure()),
        (Ok(_), None) => {
            out.line(&EngineLine::State(Box::new(host.state().await)));
            out.end();
        }
    }
    early
}

/// What is known from loading.
fn loaded_figures(host: &Host, out: &Out) {
    let tell = |name: &str, value: f64, unit: &str| {
        out.line(&EngineLine::Measure(EngineTold::Figure(EngineFigure {
            name: name.to_owned(),
            at_once: 0,
            value,
            unit: unit.to_owned(),
        })));
    };
    if let Some(loaded) = host.loaded.borrow().as_ref()
        && loaded.seconds > 0.0
    {
        let bytes = loaded.model.bytes.unwrap_or(loaded.weight_bytes);
        tell("load", bytes as f64 / 1e6 / loaded.seconds, "MB/s");
    }
    tell("heap", heap_bytes() as f64 / 1e6, "MB");
}

fn line(told: Told, total: u32) -> EngineTold {
    match told {
        Told::Begins(name, at_once, done) => EngineTold::Begins {
            name: name.to_owned(),
            at_once: at_once as u32,
            done: done as u32,
            total,
        },
        Told::Figure(Figure {
            name,
            at_once,
            value,
            unit,
        }) => EngineTold::Figure(EngineFigure {
            name: name.to_owned(),
            at_once: at_once as u32,
            value,
            unit: unit.to_owned(),
        }),
        Told::Skipped(at_once, reason) => EngineTold::Skipped {
            at_once: at_once as u32,
            reason,
        },
    }
}
