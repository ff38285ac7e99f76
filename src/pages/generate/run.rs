//! A run as it goes: how far, how fast, what is left, and its buttons.

use super::words::{
    Announcer, at_once, count, is_in_tab, pace, phase, plural, rate, restarted, tab_seconds_left,
    time_left, usd,
};
use crate::pages::connect::{Tab, use_connect};
use crate::pages::desk::{Desk, failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::engine::EngineState;
use seedbed_core::messages::{Failure, FailureKind, Reply, Request, RunPhase, RunStatus};
use std::time::Duration;

/// How often the model in this tab is asked how it does.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a button of the run asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Pause,
    Resume,
    Retry,
}

/// The panel of the run that is active, was interrupted, or ended last.
#[component]
pub fn RunPanel() -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let status = Memo::new(move |_| desk.run().get().unwrap_or_default());
    let engine = tab_state(desk, tab, status);
    let longest = move || desk.settings().with(|settings| settings.answer.max_tokens);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let asking = RwSignal::new(false);
    let ask = Callback::new(move |what: Ask| {
        if asking.get_untracked() {
            return;
        }
        if what != Ask::Pause && untrack(|| tab.is_missing(desk)) {
            desk.focus_soon("tab-notice");
            return;
        }
        asking.set(true);
        failure.set(None);
        let run = status.with_untracked(|status| status.id.clone());
        desk.spawn(async move {
            let project = desk.project_id();
            let request = match what {
                Ask::Pause => Request::PauseRun { project, run },
                Ask::Resume => Request::ResumeRun { project, run },
                Ask::Retry => Request::RetryFailed { project, run },
            };
            match desk.ask(request).await {
                Ok(Reply::Run(status)) => desk.set_run(status),
                Ok(_) => {}
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            asking.try_set(false);
        });
    });
    let said = RwSignal::new(String::new());
    let announcer = StoredValue::new(Announcer::default());
    Effect::new(move |_| {
        status.with(|status| {
            if let Some(Some(text)) = announcer.try_update_value(|announcer| announcer.hear(status))
            {
                said.set(text);
            }
        });
    });
    let shape = Memo::new(move |_| {
        status.with(|status| {
            let is_failed = status.failed > 0;
            (
                status.phase,
                is_failed,
                status.stopped_by.clone(),
                status.restarts,
            )
        })
    });
    view! {
        <section class="card run" aria-labelledby="run-title">
            <div class="card-head">
                <h2 id="run-title" tabindex="-1">
                    {move || status.with(phase)}
                </h2>
                <p class="muted small">
                    {move || {
                        status.with(|status| {
                            if status.host.is_empty() {
                                status.model.clone()
                            } else if is_in_tab(status) {
                                format!("{} · this tab", status.model)
                            } else {
                                format!("{} · {}", status.model, status.host)
                            }
                        })
                    }}
                </p>
            </div>
            <p class="sr-only" role="status">
                {move || said.get()}
            </p>
            <Progress status=status />
            {move || status.with(|status| engine.with(|engine| facts_view(status, engine.as_ref(), longest())))}
            {move || {
                shape
                    .with(|(phase, _, stopped_by, _)| {
                        explain_view(*phase, stopped_by.as_ref(), &status.get_untracked())
                    })
            }}
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                {move || {
                    let (phase, has_failed, ..) = shape.get();
                    buttons_view(phase, has_failed, status, asking, ask)
                }}
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Progress(status: Memo<RunStatus>) -> impl IntoView {
    let share = move |pick: fn(&RunStatus) -> u32| {
        move || {
            status.with(|status| {
                let planned = status.planned.max(1);
                format!(
                    "{:.3}%",
                    f64::from(pick(status)) * 100.0 / f64::from(planned)
                )
            })
        }
    };
    view! {
        <div
            class="bar"
            role="progressbar"
            aria-label="Answers stored"
            aria-valuemin="0"
            aria-valuemax=move || status.with(|status| status.planned.to_string())
            aria-valuenow=move || status.with(|status| status.done.to_string())
            aria-valuetext=move || {
                status
                    .with(|status| {
                        format!(
                            "{} of {} stored, {} failed, {} under way",
                            count(status.done.into()),
                            count(status.planned.into()),
                            count(status.failed.into()),
                            count(status.in_flight.into()),
                        )
                    })
            }
        >
            <span class="bar-done" style:width=share(|status| status.done)></span>
            <span class="bar-failed" style:width=share(|status| status.failed)></span>
            <span class="bar-flight" style:width=share(|status| status.in_flight)></span>
        </div>
    }
    .into_any()
}

/// How far and how quick the model in this tab is, while a run asks it.
fn tab_state(desk: Desk, tab: Tab, status: Memo<RunStatus>) -> Memo<Option<EngineState>> {
    let is_watched = Memo::new(move |_| {
        status.with(|status| {
            is_in_tab(status) && matches!(status.phase, RunPhase::Running | RunPhase::Pausing)
        })
    });
    Effect::new(move |_| {
        if !is_watched.get() {
            return;
        }
        tab.refresh(desk);
        if let Ok(timer) = set_interval_with_handle(move || tab.refresh(desk), LOOK_EVERY) {
            on_cleanup(move || timer.clear());
        }
    });
    Memo::new(move |_| {
        if !is_watched.get() {
            return None;
        }
        tab.state().with(|state| {
            state
                .as_ref()
                .filter(|state| state.loaded.is_some())
                .cloned()
        })
    })
}

fn facts_view(status: &RunStatus, engine: Option<&EngineState>, longest: u32) -> AnyView {
    let is_moving = matches!(status.phase, RunPhase::Running | RunPhase::Pausing);
    let fact = |label: &'static str, value: String| {
        view! {
            <div>
                <dt>{label}</dt>
                <dd>{value}</dd>
            </div>
        }
        .into_any()
    };
    let mut facts = vec![fact(
        "Stored",
        format!(
            "{} of {}",
            count(status.done.into()),
            count(status.planned.into())
        ),
    )];
    if status.failed > 0 {
        facts.push(fact("Failed", count(status.failed.into())));
    }
    if is_moving {
        facts.push(fact(
            "Under way",
            engine.map_or_else(
                || count(status.in_flight.into()),
                |engine| at_once(engine.speed),
            ),
        ));
        if let Some(engine) = engine {
            let speed = engine.speed.tokens_per_second;
            facts.push(fact("Speed, all together", pace(speed)));
        }
        facts.push(fact("Rate", rate(status.rows_per_minute)));
        facts.push(fact(
            "Time left",
            match (status.eta_s, engine) {
                (Some(seconds), _) => time_left(seconds),
                (None, Some(engine)) => tab_seconds_left(status, engine, longest).map_or_else(
                    || "–".to_owned(),
                    |seconds| format!("at most {}", time_left(seconds)),
                ),
                (None, None) => "–".to_owned(),
            },
        ));
    }
    facts.push(fact(
        "Tokens",
        format!(
            "{} read, {} written",
            count(status.tokens_in),
            count(status.tokens_out)
        ),
    ));
    facts.push(fact(
        "Cost so far",
        if is_in_tab(status) {
            "none: it runs in this tab".to_owned()
        } else {
            status.cost.map_or_else(|| "not known".to_owned(), usd)
        },
    ));
    view! { <dl class="facts">{facts}</dl> }.into_any()
}

/// What the state of the run means, where it needs words.
fn explain_view(
    phase: RunPhase,
    stopped_by: Option<&Failure>,
    status: &RunStatus,
) -> Option<AnyView> {
    let connect = use_connect();
    if let Some(failure) = stopped_by {
        let mend = match failure.kind {
            FailureKind::Auth
            | FailureKind::Forbidden
            | FailureKind::Credits
            | FailureKind::NotFound => Some(
                view! {
                    <div class="actions">
                        <button type="button" class="btn" on:click=move |_| connect.open_models()>
                            "Model and key"
                        </button>
                    </div>
                }
                .into_any(),
            ),
            _ => None,
        };
        return Some(
            view! {
                {failure_view(failure, None)}
                {mend}
            }
            .into_any(),
        );
    }
    let rest = u64::from(status.planned.saturating_sub(status.done + status.failed));
    let text = match phase {
        RunPhase::Interrupted => format!(
            "The tab was closed or the browser stopped while it ran. {} stored and safe. \
             Going on asks only for the remaining {}; nothing that is here is asked, or paid, twice.",
            match status.done {
                1 => "1 answer is".to_owned(),
                done => format!("{} answers are", count(done.into())),
            },
            count(rest),
        ),
        RunPhase::Running if status.waiting_until_ms.is_some() => {
            "The server asked to slow down. Seedbed waits as long as it said, and goes on by itself.".to_owned()
        }
        _ if status.restarts > 0 => restarted(status.restarts),
        _ => return None,
    };
    Some(view! { <div class="notice" role="note"><p>{text}</p></div> }.into_any())
}

fn buttons_view(
    phase: RunPhase,
    has_failed: bool,
    status: Memo<RunStatus>,
    asking: RwSignal<bool>,
    ask: Callback<Ask>,
) -> AnyView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let rest = move || {
        status.with(|status| u64::from(status.planned.saturating_sub(status.done + status.failed)))
    };
    let disabled = move || asking.get().to_string();
    let asks_disabled = move || (asking.get() || tab.is_missing(desk)).to_string();
    let retry = has_failed.then(|| {
        view! {
            <button type="button" class="btn" aria-disabled=asks_disabled on:click=move |_| ask.run(Ask::Retry)>
                {move || {
                    status.with(|status| {
                        format!("Ask again for {} failed", count(status.failed.into()))
                    })
                }}
            </button>
        }
        .into_any()
    });
    match phase {
        RunPhase::Running => view! {
            <button type="button" class="btn" aria-disabled=disabled on:click=move |_| ask.run(Ask::Pause)>
                "Pause"
            </button>
            <a class="btn quiet" href=desk.href("review")>
                "Review what is there"
            </a>
        }
        .into_any(),
        RunPhase::Pausing => view! {
            <button type="button" class="btn" aria-disabled="true">
                "Pausing…"
            </button>
        }
        .into_any(),
        RunPhase::Paused | RunPhase::Interrupted => view! {
            <button
                type="button"
                class="btn primary"
                aria-disabled=asks_disabled
                on:click=move |_| ask.run(Ask::Resume)
            >
                {move || format!("Go on with {}", plural(rest(), "answer", "answers"))}
            </button>
            {retry}
            <a class="btn quiet" href=desk.href("review")>
                "Review what is there"
            </a>
        }
        .into_any(),
        RunPhase::Finished => view! {
            <a class="btn" class:primary=!has_failed href=desk.href("review")>
                "Review the answers"
            </a>
            {retry}
        }
        .into_any(),
    }
}
