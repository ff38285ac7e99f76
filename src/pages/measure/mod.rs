//! How quick the model in this tab is on this device, and what limits it.

mod words;

use crate::pages::connect::{LOADED, Tab, TabFiles, use_connect};
use crate::pages::desk::{Desk, failure_view, use_desk};
use crate::pages::generate::words::{count, plural};
use crate::platform::page;
use leptos::prelude::*;
use seedbed_core::engine::{EngineAdapter, EngineFigure, EngineLoaded, EngineTold};
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply, Request, RequestId};
use serde_json::json;

/// The heading of the figures, which gets the focus when they are there.
const FIGURES: &str = "measure-figures-title";
/// The button that measures.
const MEASURE: &str = "measure-button";

/// What is being measured.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    what: String,
    done: u32,
    total: u32,
}

/// A measurement, as far as it is.
#[derive(Clone, Copy)]
struct Measuring {
    desk: Desk,
    tab: Tab,
    part: RwSignal<Option<Part>>,
    figures: RwSignal<Vec<EngineFigure>>,
    /// Numbers of answers that were left out, and why.
    skipped: RwSignal<Vec<(u32, String)>>,
    failure: RwSignal<Option<Failure>>,
    /// The figures are all that were to be had.
    is_whole: RwSignal<bool>,
    task: StoredValue<Option<RequestId>>,
}

impl Measuring {
    fn new(desk: Desk, tab: Tab) -> Self {
        Self {
            desk,
            tab,
            part: RwSignal::new(None),
            figures: RwSignal::new(Vec::new()),
            skipped: RwSignal::new(Vec::new()),
            failure: RwSignal::new(None),
            is_whole: RwSignal::new(false),
            task: StoredValue::new(None),
        }
    }

    fn start(self) {
        if self.part.with_untracked(Option::is_some) {
            return;
        }
        self.failure.set(None);
        self.figures.set(Vec::new());
        self.skipped.set(Vec::new());
        self.is_whole.set(false);
        self.part.set(Some(Part {
            what: "Beginning".to_owned(),
            done: 0,
            total: 0,
        }));
        let running = self
            .desk
            .ask_streaming(Request::EngineMeasure, move |progress| {
                if let Progress::Measure(told) = progress {
                    self.hear(told);
                }
            });
        self.task.set_value(Some(running.id()));
        self.desk.spawn(async move {
            let answer = running.await;
            // The page may have been left.
            if self.task.try_set_value(None).is_some() {
                return;
            }
            self.part.set(None);
            match answer {
                Ok(Reply::Engine(_)) => {
                    self.is_whole.set(true);
                    self.desk.focus_soon(FIGURES);
                }
                Ok(_) => {}
                Err(failure) => {
                    if failure.kind != FailureKind::Cancelled {
                        self.failure.set(Some(failure));
                        self.tab.refresh(self.desk);
                    }
                    self.desk.focus_soon(MEASURE);
                }
            }
        });
    }

    fn hear(self, told: EngineTold) {
        match told {
            EngineTold::Begins {
                name,
                at_once,
                done,
                total,
            } => {
                self.part.try_set(Some(Part {
                    what: words::part(&name, at_once),
                    done,
                    total,
                }));
            }
            EngineTold::Figure(figure) => {
                self.figures.try_update(|figures| figures.push(figure));
            }
            EngineTold::Skipped { at_once, reason } => {
                self.skipped
                    .try_update(|skipped| skipped.push((at_once, reason)));
            }
        }
    }

    fn stop(self) {
        if let Some(Some(id)) = self.task.try_get_value() {
            self.desk.cancel(id);
        }
    }

    /// Everything, for another program.
    fn json(self, adapter: &EngineAdapter, loaded: &EngineLoaded) -> String {
        let skipped: Vec<_> = self.skipped.with_untracked(|skipped| {
            skipped
                .iter()
                .map(|(at_once, reason)| json!({ "at_once": at_once, "reason": reason }))
                .collect()
        });
        let all = json!({
            "adapter": adapter,
            "model": loaded,
            "is_whole": self.is_whole.get_untracked(),
            "figures": self.figures.get_untracked(),
            "skipped": skipped,
        });
        serde_json::to_string_pretty(&all).unwrap_or_default()
    }
}

/// The page.
#[component]
pub fn MeasurePage() -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let measuring = Measuring::new(desk, tab);
    on_cleanup(move || measuring.stop());
    tab.refresh(desk);
    // How the engine is doing changes all the time; none of these do.
    let is_known = Memo::new(move |_| tab.state().with(Option::is_some));
    let trouble = Memo::new(move |_| {
        tab.state()
            .with(|state| state.as_ref().and_then(|state| state.trouble.clone()))
    });
    let adapter = Memo::new(move |_| {
        tab.state()
            .with(|state| state.as_ref().and_then(|state| state.adapter.clone()))
    });
    let loaded = Memo::new(move |_| tab.loaded());
    let problem = move || {
        let problem = tab.problem().get()?;
        Some(failure_view(
            &problem,
            Some(Callback::new(move |()| tab.refresh(desk))),
        ))
    };
    view! {
        <div class="page measure">
            <header class="page-head">
                <h1 tabindex="-1">"Measure this device"</h1>
                <p class="lead">
                    "How quick the model in this tab is here, and what holds it back. Nothing is sent anywhere."
                </p>
            </header>
            {problem}
            {move || match (is_known.get(), trouble.get()) {
                (false, _) => {
                    tab.problem()
                        .with(Option::is_none)
                        .then(|| {
                            view! {
                                <p class="muted" role="status">
                                    "Looking at what this computer can do…"
                                </p>
                            }
                                .into_any()
                        })
                }
                (true, Some(trouble)) => {
                    Some(
                        view! {
                            <div class="notice warn" role="note">
                                <p>
                                    <strong>"No model can run in this tab."</strong>
                                </p>
                                <p>{trouble}</p>
                            </div>
                        }
                            .into_any(),
                    )
                }
                (true, None) => {
                    Some(
                        match (adapter.get(), loaded.get()) {
                            (Some(adapter), Some(loaded)) => {
                                view! { <Bench measuring=measuring adapter=adapter loaded=loaded /> }
                                    .into_any()
                            }
                            _ => nothing_view(),
                        },
                    )
                }
            }}
        </div>
    }
    .into_any()
}

/// No model is loaded.
fn nothing_view() -> AnyView {
    view! {
        <section class="card measure-load" aria-labelledby="measure-load-title">
            <h2 id="measure-load-title">"Load a model first"</h2>
            <p>
                "What is measured is a model that runs in this tab, and none is loaded. It leaves the tab when that is reloaded or closed."
            </p>
            <TabFiles />
        </section>
    }
    .into_any()
}

/// What is measured, the button, and the figures.
#[component]
fn Bench(measuring: Measuring, adapter: EngineAdapter, loaded: EngineLoaded) -> impl IntoView {
    let is_software = adapter.is_software;
    let name = match adapter.name.trim() {
        "" => "not named by the browser".to_owned(),
        name => name.to_owned(),
    };
    let is_busy = Memo::new(move |_| measuring.part.with(Option::is_some));
    let has_figures = Memo::new(move |_| !measuring.figures.with(Vec::is_empty));
    let about = (adapter.clone(), loaded.clone());
    let failure = move || {
        measuring
            .failure
            .get()
            .map(|failure| failure_view(&failure, Some(Callback::new(move |()| measuring.start()))))
    };
    view! {
        <section class="card measure-what" aria-labelledby=LOADED>
            <h2 id=LOADED tabindex="-1">
                {loaded.model.name.clone()}
            </h2>
            <dl class="facts">
                <div>
                    <dt>"Device"</dt>
                    <dd>
                        {name}
                        {is_software.then(|| view! { <small>"computes on the processor"</small> })}
                    </dd>
                </div>
                <div>
                    <dt>"Kind"</dt>
                    <dd>{format!("{}, {}", loaded.family, loaded.quantization)}</dd>
                </div>
                <div>
                    <dt>"Loaded for"</dt>
                    <dd>
                        {plural(loaded.sizes.slots.into(), "answer at once", "answers at once")}
                        <small>{format!("{} tokens each", count(loaded.sizes.context.into()))}</small>
                    </dd>
                </div>
            </dl>
            {move || is_busy.get().then(|| progress_view(measuring))}
            {failure}
            <div class="actions">
                {move || {
                    if is_busy.get() {
                        view! {
                            <button type="button" class="btn" id=MEASURE on:click=move |_| measuring.stop()>
                                "Stop"
                            </button>
                        }
                            .into_any()
                    } else {
                        let label = if has_figures.get() { "Measure again" } else { "Measure" };
                        view! {
                            <button
                                type="button"
                                class="btn primary"
                                id=MEASURE
                                on:click=move |_| {
                                    measuring.start();
                                    measuring.desk.focus_soon(MEASURE);
                                }
                            >
                                {label}
                            </button>
                        }
                            .into_any()
                    }
                }}
            </div>
            <p class="muted small">
                {if is_software {
                    "Takes a minute or two. Other work on this computer makes the figures worse."
                } else {
                    "Takes half a minute. Other work on this computer makes the figures worse."
                }}
            </p>
        </section>
        {move || {
            has_figures
                .get()
                .then(|| {
                    let about = about.clone();
                    view! { <Figures measuring=measuring about=about /> }.into_any()
                })
        }}
    }
    .into_any()
}

fn progress_view(measuring: Measuring) -> AnyView {
    let part = move || measuring.part.get();
    let what = Memo::new(move |_| part().map(|part| part.what).unwrap_or_default());
    view! {
        <div class="tab-loading">
            <p role="status">
                <strong>{what}</strong>
            </p>
            <progress
                aria-label="Measuring"
                max=move || part().filter(|part| part.total > 0).map(|part| part.total.to_string())
                value=move || part().filter(|part| part.total > 0).map(|part| part.done.to_string())
            ></progress>
        </div>
    }
    .into_any()
}

/// The table, what it says, and the way to take it along.
#[component]
fn Figures(measuring: Measuring, about: (EngineAdapter, EngineLoaded)) -> impl IntoView {
    let is_software = about.0.is_software;
    let about = StoredValue::new(about);
    let text = move || about.with_value(|(adapter, loaded)| measuring.json(adapter, loaded));
    let rows = move || {
        let mut rows: Vec<AnyView> = measuring
            .figures
            .with(|figures| words::rows(figures))
            .into_iter()
            .map(|row| row_view(&row.what, row.about, row.value))
            .collect();
        rows.extend(
            measuring
                .skipped
                .get()
                .into_iter()
                .map(|(at_once, reason)| {
                    row_view(
                        &words::part("decode", at_once),
                        reason,
                        "not measured".to_owned(),
                    )
                }),
        );
        rows
    };
    let limit = move || {
        measuring
            .is_whole
            .get()
            .then(|| {
                measuring
                    .figures
                    .with(|figures| words::limit(figures, is_software))
            })
            .flatten()
            .map(|text| view! { <p class="measure-limit">{text}</p> }.into_any())
    };
    let copy = move |_| {
        let text = text();
        measuring.desk.spawn(async move {
            let said = if page::copy(&text).await {
                "Copied."
            } else {
                "The browser did not let it be copied. Mark the text below instead."
            };
            measuring.desk.say(said);
        });
    };
    view! {
        <section class="card measure-figures" aria-labelledby=FIGURES>
            <h2 id=FIGURES tabindex="-1">
                "Figures"
            </h2>
            {limit}
            <table class="measure-table">
                <thead class="sr-only">
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"How much"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {move || {
                measuring
                    .is_whole
                    .get()
                    .then(|| {
                        view! {
                            <div class="actions">
                                <button type="button" class="btn" on:click=copy>
                                    "Copy as JSON"
                                </button>
                            </div>
                            <details class="more">
                                <summary>"The same as JSON"</summary>
                                <pre class="snippet" id="measure-json" tabindex="0" role="group" aria-label="Figures as JSON">
                                    {text()}
                                </pre>
                            </details>
                        }
                            .into_any()
                    })
            }}
        </section>
    }
    .into_any()
}

fn row_view(what: &str, about: String, value: String) -> AnyView {
    view! {
        <tr>
            <th scope="row">
                {what.to_owned()}
                {(!about.is_empty()).then(|| view! { <small>{about}</small> })}
            </th>
            <td>{value}</td>
        </tr>
    }
    .into_any()
}
