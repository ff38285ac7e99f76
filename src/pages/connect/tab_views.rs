//! What the dialog and the pages show alike of the model in this tab: how far loading is, and that it is not loaded.

use super::gguf::{size, stage_text, trouble};
use super::tab::wanted;
use super::{Tab, use_connect};
use crate::pages::desk::{failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::engine::{EngineOrder, EngineSizes};

/// How far loading is, with the way to stop it; nothing while nothing is loaded.
#[component]
pub(super) fn LoadingView() -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    let name = Memo::new(move |_| {
        tab.loading()
            .with(|loading| loading.as_ref().map(|loading| loading.name.clone()))
    });
    let with = move |look: fn(&super::gguf::Loading) -> String| {
        tab.loading()
            .with(|loading| loading.as_ref().map(look).unwrap_or_default())
    };
    // Said once a stage, not with every megabyte.
    let stage = Memo::new(move |_| with(|loading| stage_text(loading.stage).to_owned()));
    // Without a total the bar only shows that something happens.
    let total = Memo::new(move |_| {
        tab.loading().with(|loading| {
            loading
                .as_ref()
                .filter(|loading| loading.is_counted() && loading.total > 0)
                .map(|loading| loading.total)
        })
    });
    let done = move || {
        total.get()?;
        tab.loading()
            .with(|loading| loading.as_ref().map(|loading| loading.done.to_string()))
    };
    move || {
        name.get().map(|name| {
            view! {
                <div class="tab-loading">
                    <p role="status">
                        <strong>{move || stage.get()}</strong>
                        <span class="sr-only">{format!(": {name}")}</span>
                    </p>
                    <progress
                        aria-label=format!("Loading {name}")
                        max=move || total.get().map(|total| total.to_string())
                        value=done
                    ></progress>
                    <p class="muted small tab-loading-facts">
                        <span>{name}</span>
                        <span>{move || with(super::gguf::Loading::amount)}</span>
                    </p>
                    <div class="actions">
                        <button type="button" class="btn small" on:click=move |_| tab.stop(desk)>
                            "Stop"
                        </button>
                        <p class="muted small">"What has arrived is kept, and loading goes on from there."</p>
                    </div>
                </div>
            }
            .into_any()
        })
    }
}

/// Why this browser can't run a model; the technical text folds open.
pub(super) fn trouble_words(text: &str) -> AnyView {
    let (plain, detail) = trouble(text);
    let detail = detail.map(|detail| {
        view! {
            <details class="more">
                <summary>"Technical details"</summary>
                <pre class="snippet" tabindex="0" role="group" aria-label="Technical details">
                    {detail.to_owned()}
                </pre>
            </details>
        }
        .into_any()
    });
    view! {
        <p>{plain.to_owned()}</p>
        {detail}
    }
    .into_any()
}

/// What failed last with the model in this tab, with the way to try again.
#[component]
pub(super) fn TabFailure(
    /// Where the focus goes when it works.
    then: &'static str,
) -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    move || {
        tab.failure().get().map(|failure| {
            failure_view(
                &failure,
                Some(Callback::new(move |()| tab.load_again(desk, then))),
            )
        })
    }
}

/// Which of its faces the notice shows.
#[derive(Clone, PartialEq)]
enum Face {
    /// All is well, or nothing is known yet.
    None,
    Loading,
    CanNotRun(String),
    /// The file's size, if it is kept whole.
    Missing(Option<u64>),
}

/// On a page that uses the model: when it is to run in this tab and does not, says so and offers to load it again.
#[component]
pub fn TabNotice(
    /// Where the focus goes when it is loaded.
    then: &'static str,
) -> impl IntoView {
    let desk = use_desk();
    let connect = use_connect();
    let tab = connect.tab();
    let name = Memo::new(move |_| wanted(desk).map(|wanted| wanted.name));
    // A run that stops may have done so because the model is gone.
    let phase = Memo::new(move |_| desk.run().with(|run| run.as_ref().map(|run| run.phase)));
    Effect::new(move |_| {
        phase.track();
        if name.with(Option::is_some) {
            tab.refresh(desk);
        }
    });
    let face = Memo::new(move |_| {
        if name.with(Option::is_none) {
            return Face::None;
        }
        if tab.loading().with(Option::is_some) {
            return Face::Loading;
        }
        let trouble = tab
            .state()
            .with(|state| state.as_ref().and_then(|state| state.trouble.clone()));
        match trouble {
            Some(trouble) => Face::CanNotRun(trouble),
            None if tab.problem().with(Option::is_some) || !tab.is_missing(desk) => Face::None,
            None => Face::Missing(tab.kept_file(desk).map(|file| file.have)),
        }
    });
    let other = move || {
        view! {
            <button type="button" class="btn" on:click=move |_| connect.open_models()>
                "Choose another model"
            </button>
        }
        .into_any()
    };
    let load = move |_| {
        if let Some(file) = tab.kept_file(desk) {
            let order = EngineOrder {
                model: file.model,
                sizes: EngineSizes::default(),
            };
            tab.load(desk, order, then);
        }
    };
    let problem = move || {
        let problem = tab.problem().get().filter(|_| Tab::is_chosen(desk))?;
        Some(failure_view(
            &problem,
            Some(Callback::new(move |()| tab.refresh(desk))),
        ))
    };
    view! {
        {problem}
        {move || {
            let name = name.get().unwrap_or_default();
            match face.get() {
                Face::None => None,
                Face::Loading => {
                    Some(view! { <section class="card" aria-label="Loading the model"><LoadingView /></section> }.into_any())
                }
                Face::CanNotRun(trouble) => {
                    Some(
                        view! {
                            <div class="notice warn" role="note">
                                <p>
                                    <strong>{format!("{name} can't run in this tab.")}</strong>
                                </p>
                                {trouble_words(&trouble)}
                                <div class="actions">{other()}</div>
                            </div>
                        }
                            .into_any(),
                    )
                }
                Face::Missing(kept) => {
                    let text = match kept {
                        Some(_) => {
                            "A model leaves the tab when it is reloaded or closed. Its file is kept in this browser, so nothing is downloaded."
                        }
                        None => {
                            "A model leaves the tab when it is reloaded or closed, and its file is not kept in this browser."
                        }
                    };
                    let again = match kept {
                        Some(bytes) => {
                            view! {
                                <button type="button" class="btn primary" on:click=load>
                                    {format!("Load it again ({})", size(bytes))}
                                </button>
                                {other()}
                            }
                                .into_any()
                        }
                        None => {
                            view! {
                                <button
                                    type="button"
                                    class="btn primary"
                                    on:click=move |_| connect.open_models()
                                >
                                    "Load a model"
                                </button>
                            }
                                .into_any()
                        }
                    };
                    Some(
                        view! {
                            <div class="notice warn" id="tab-notice" tabindex="-1" role="note">
                                <p>
                                    <strong>{format!("{name} is not loaded.")}</strong>
                                </p>
                                <p>{text}</p>
                                <div class="actions">{again}</div>
                            </div>
                        }
                            .into_any(),
                    )
                }
            }
        }}
        {move || {
            (Tab::is_chosen(desk) && !connect.models.get())
                .then(|| view! { <TabFailure then=then /> }.into_any())
        }}
    }
    .into_any()
}
