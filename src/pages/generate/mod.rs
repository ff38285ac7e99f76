//! Generate: what a run would ask for and cost, its settings, and the run itself while answers arrive.

mod items;
mod run;
pub(crate) mod settings;
pub mod words;

use crate::pages::connect::{ModelCard, Tab, TabNotice, use_connect};
use crate::pages::desk::{Desk, Live, failure_view, use_desk};
use items::RunItems;
pub(crate) use items::flags_text;
use leptos::prelude::*;
use run::RunPanel;
use seedbed_core::messages::{Forecast, Reply, Request, RunPhase};
use settings::SettingsForm;
use words::{about_tokens, cost, count, pace, plural, writing_time};

/// The page.
#[component]
pub fn GeneratePage() -> impl IntoView {
    let desk = use_desk();
    // A run under way tells how far it is several times a second, and each forecast names every row anew.
    let stands = Memo::new(move |_| {
        let run = desk
            .run()
            .with(|run| run.as_ref().map(|run| (run.phase, run.id.clone())));
        (!is_busy(desk)).then_some(run)
    });
    let forecast = desk.live(
        move || {
            // Whatever changes the plan asks for a new forecast.
            desk.settings().track();
            desk.endpoint().track();
            desk.prompts_revision().track();
            stands.get().map(|_| Request::Forecast {
                project: desk.project_id(),
            })
        },
        |reply| match reply {
            Reply::Forecast(forecast) => Some(forecast),
            _ => None,
        },
    );
    let has_run = Memo::new(move |_| desk.run().with(Option::is_some));
    view! {
        <div class="page generate">
            <header class="page-head">
                <h1 tabindex="-1">"Generate"</h1>
                <p class="lead">
                    "Every instruction you kept is put to a model, as your expert. Each answer is stored the moment it is whole."
                </p>
            </header>
            <div class="generate-grid">
                <div class="generate-main">
                    <TabNotice then="forecast-title" />
                    {move || has_run.get().then(|| view! { <RunPanel /> }.into_any())}
                    <StartPanel forecast=forecast />
                </div>
                <aside class="generate-side" aria-label="Model and settings">
                    <ModelCard />
                    <SettingsForm />
                </aside>
                {move || {
                    has_run
                        .get()
                        .then(|| {
                            view! {
                                <div class="generate-items">
                                    <RunItems />
                                </div>
                            }
                                .into_any()
                        })
                }}
            </div>
        </div>
    }
    .into_any()
}

/// Whether a run is under way, so that another can't be started.
fn is_busy(desk: Desk) -> bool {
    desk.run().with(|run| {
        run.as_ref()
            .is_some_and(|run| matches!(run.phase, RunPhase::Running | RunPhase::Pausing))
    })
}

/// A stopped run has rows left: going on with it is the first choice, not a new one.
fn has_unfinished(desk: Desk) -> bool {
    desk.run().with(|run| {
        run.as_ref().is_some_and(|run| {
            matches!(run.phase, RunPhase::Paused | RunPhase::Interrupted)
                && run.done + run.failed < run.planned
        })
    })
}

#[component]
fn StartPanel(forecast: Live<Forecast>) -> impl IntoView {
    let desk = use_desk();
    let is_open = Memo::new(move |_| !is_busy(desk));
    let is_second = Memo::new(move |_| has_unfinished(desk));
    view! {
        {move || {
            is_open
                .get()
                .then(|| {
                    view! {
                        <section class="card forecast" aria-labelledby="forecast-title">
                            <h2 id="forecast-title" tabindex="-1">
                                {if is_second.get() {
                                    "Or start anew: what that would ask"
                                } else {
                                    "What a run would ask"
                                }}
                            </h2>
                            {move || match forecast.get() {
                                None => {
                                    view! { <p class="muted" aria-busy="true">"Counting…"</p> }.into_any()
                                }
                                Some(Err(failure)) => {
                                    failure_view(&failure, Some(Callback::new(move |()| forecast.reload())))
                                }
                                Some(Ok(forecast)) => forecast_view(desk, &forecast),
                            }}
                        </section>
                    }
                        .into_any()
                })
        }}
    }
    .into_any()
}

fn forecast_view(desk: Desk, forecast: &Forecast) -> AnyView {
    let connect = use_connect();
    let has_model = desk.endpoint().with(Option::is_some);
    if forecast.prompts == 0 {
        return view! {
            <div class="teach">
                <p>
                    "Nothing to ask yet. Draft instructions for the cells of your grid and keep the ones that deserve an answer; they will be counted here."
                </p>
                <a class="btn primary" href=desk.href("prompts")>"Go to the instructions"</a>
            </div>
        }
        .into_any();
    }
    let rows = u64::from(forecast.rows);
    let to_ask = u64::from(forecast.to_ask);
    let open = rows.saturating_sub(u64::from(forecast.done));
    let headline = if to_ask == 0 {
        "Every kept instruction has its answers.".to_owned()
    } else {
        format!(
            "{} to {}",
            plural(to_ask, "answer", "answers"),
            plural(
                u64::from(forecast.prompts),
                "kept instruction",
                "kept instructions"
            ),
        )
    };
    let capped = (to_ask > 0 && to_ask < open).then(|| {
        format!(
            "The cap lets {} of {} open ones through.",
            count(to_ask),
            count(open)
        )
    });
    let facts = (to_ask > 0).then(|| {
        let likely = about_tokens(forecast.tokens_out);
        let worst = count(forecast.tokens_out_worst);
        view! {
            <dl class="facts">
                <div>
                    <dt>"Answers there already"</dt>
                    <dd>{format!("{} of {}", count(u64::from(forecast.done)), count(rows))}</dd>
                </div>
                <div>
                    <dt>"Tokens to read"</dt>
                    <dd>{about_tokens(forecast.tokens_in)}</dd>
                </div>
                <div>
                    <dt>"Tokens to write"</dt>
                    <dd>{likely} <small>" at most " {worst}</small></dd>
                </div>
                {cost_or_time(desk, forecast)}
            </dl>
        }
        .into_any()
    });
    let blocked = forecast.blocked.clone();
    let action = match (&blocked, has_model) {
        (_, false) => Some(
            view! {
                <div class="actions">
                    <button type="button" class="btn primary" on:click=move |_| connect.open_models()>
                        "Choose a model"
                    </button>
                    <p class="muted">"Then a run can start."</p>
                </div>
            }
            .into_any(),
        ),
        (Some(reason), true) if to_ask > 0 => {
            Some(blocked_view(desk, reason))
        }
        (_, true) if to_ask > 0 => Some(view! { <StartButton to_ask=to_ask /> }.into_any()),
        _ => Some(
            view! {
                <div class="actions">
                    <a class="btn" href=desk.href("review")>"Review the answers"</a>
                    <a class="btn quiet" href=desk.href("prompts")>"Add instructions"</a>
                </div>
            }
            .into_any(),
        ),
    };
    view! {
        <p class="headline">{headline}</p>
        {capped.map(|text| view! { <p class="muted">{text}</p> })}
        {facts}
        {action}
    }
    .into_any()
}

/// What a run takes: money, or the time of this computer.
fn cost_or_time(desk: Desk, forecast: &Forecast) -> AnyView {
    if !Tab::is_chosen(desk) {
        return view! {
            <div>
                <dt>"Cost"</dt>
                <dd>{cost(forecast)}</dd>
            </div>
        }
        .into_any();
    }
    let tab = use_connect().tab();
    let model = desk
        .endpoint()
        .with(|endpoint| endpoint.as_ref().map(|endpoint| endpoint.model.clone()))
        .unwrap_or_default();
    let forecast = forecast.clone();
    let time = move || match tab.pace_of(desk, &model) {
        Some(tokens_per_second) => {
            let (likely, worst) = writing_time(&forecast, tokens_per_second);
            view! {
                {format!("about {likely}")}
                " "
                <small>
                    {format!("at most {worst}, at {} as lately", pace(tokens_per_second))}
                </small>
            }
            .into_any()
        }
        None => "known after the first answers".into_any(),
    };
    view! {
        <div>
            <dt>"Time"</dt>
            <dd>{time}</dd>
        </div>
        <div>
            <dt>"Cost"</dt>
            <dd>"none: it runs in this tab"</dd>
        </div>
    }
    .into_any()
}

/// Why a run can't start, with the place where that can be mended.
fn blocked_view(desk: Desk, reason: &str) -> AnyView {
    let connect = use_connect();
    let lower = reason.to_lowercase();
    let mend = if lower.contains("sign in") || lower.contains("token") || lower.contains("key") {
        view! {
            <button type="button" class="btn" on:click=move |_| connect.open_models()>
                "Model and key"
            </button>
        }
        .into_any()
    } else if lower.contains("instruction") {
        view! { <a class="btn" href=desk.href("prompts")>"Go to the instructions"</a> }.into_any()
    } else if lower.contains("model") {
        view! {
            <button type="button" class="btn" on:click=move |_| connect.open_models()>
                "Choose a model"
            </button>
        }
        .into_any()
    } else {
        view! { <a class="btn" href=desk.href("seed")>"Go to the seed"</a> }.into_any()
    };
    view! {
        <div class="notice warn" role="note">
            <p>{reason.to_owned()}</p>
            <div class="actions">{mend}</div>
        </div>
    }
    .into_any()
}

#[component]
fn StartButton(to_ask: u64) -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let starting = RwSignal::new(false);
    let failure = RwSignal::new(None);
    let start = move |_| {
        if starting.get_untracked() {
            return;
        }
        if untrack(|| tab.is_missing(desk)) {
            desk.focus_soon("tab-notice");
            return;
        }
        starting.set(true);
        failure.set(None);
        desk.spawn(async move {
            // What was typed a moment ago may not be saved yet.
            let save = Request::SaveSettings {
                project: desk.project_id(),
                settings: desk.settings().get_untracked(),
                endpoint: desk.endpoint().get_untracked(),
            };
            let request = Request::StartRun {
                project: desk.project_id(),
            };
            let outcome = match desk.ask(save).await {
                Ok(_) => desk.ask(request).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(Reply::Run(status)) => {
                    desk.set_run(status);
                    desk.focus_soon("run-title");
                }
                Ok(_) => {}
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            starting.try_set(false);
        });
    };
    view! {
        {move || failure.get().map(|failure| failure_view(&failure, None))}
        <div class="actions">
            <button
                type="button"
                class="btn"
                class:primary=move || !has_unfinished(desk)
                class:big=move || !has_unfinished(desk)
                aria-disabled=move || (starting.get() || tab.is_missing(desk)).to_string()
                aria-describedby="start-need"
                on:click=start
            >
                {move || {
                    if starting.get() {
                        "Starting…".to_owned()
                    } else {
                        format!("Ask for {}", plural(to_ask, "answer", "answers"))
                    }
                }}
            </button>
            <span class="muted small" id="start-need">
                {move || tab.is_missing(desk).then_some("Load the model first.")}
            </span>
        </div>
    }
    .into_any()
}
