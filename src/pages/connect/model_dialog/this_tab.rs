//! A model in this tab: what this browser can, what is loaded, and files to load.

mod files;
mod other;

use super::super::catalog::tab_endpoint;
use super::super::gguf::size;
use super::super::tab_views::{LoadingView, TabFailure, trouble_words};
use super::super::{Tab, use_connect};
use super::Draft;
use crate::pages::desk::{Desk, failure_view, use_desk};
use crate::pages::generate::words::{count, plural};
use crate::route::Route;
use files::{AdvisedFiles, KeptFiles, ServedFiles};
use leptos::prelude::*;
use other::OtherFile;
use seedbed_core::engine::{EngineLoaded, EngineModel, EngineOrder, EngineSizes};
use seedbed_core::model::{Endpoint, EndpointKind};

/// The heading of what is loaded; it gets the focus when loading is done.
pub const LOADED: &str = "tab-loaded-title";

/// Loads a file with the sizes that were chosen.
#[derive(Clone, Copy)]
struct Loader {
    desk: Desk,
    tab: Tab,
    sizes: RwSignal<EngineSizes>,
    /// A run uses the model, or another one is being loaded.
    is_blocked: Memo<bool>,
}

impl Loader {
    fn new(desk: Desk, tab: Tab) -> Self {
        Self {
            desk,
            tab,
            sizes: RwSignal::new(EngineSizes::default()),
            is_blocked: Memo::new(move |_| {
                Tab::is_in_use(desk) || tab.loading().with(Option::is_some)
            }),
        }
    }

    fn load(self, model: EngineModel) {
        if self.is_blocked.get_untracked() {
            return;
        }
        let order = EngineOrder {
            model,
            sizes: self.sizes.get_untracked(),
        };
        self.tab.load(self.desk, order, LOADED);
        // The button that was pressed may be far down.
        self.desk.focus_soon("tab-model");
    }
}

#[component]
pub(super) fn ThisTab(draft: Draft, choose_kind: Callback<EndpointKind>) -> impl IntoView {
    let desk = use_desk();
    let tab = use_connect().tab();
    tab.refresh(desk);
    let loader = Loader::new(desk, tab);
    // What is loaded is what is chosen; none, once it is known that none is.
    let loaded_model = Memo::new(move |_| {
        tab.state().with(|state| {
            state.as_ref().map(|state| {
                state
                    .loaded
                    .as_ref()
                    .map(|loaded| (loaded.model.name.clone(), loaded.model.sha256.clone()))
                    .unwrap_or_default()
            })
        })
    });
    Effect::new(move |_| {
        let Some((name, file)) = loaded_model.get() else {
            return;
        };
        if draft
            .endpoint
            .with_untracked(|endpoint| endpoint.model != name || endpoint.file != file)
        {
            draft.endpoint.set(Endpoint {
                file,
                ..tab_endpoint(&name)
            });
        }
    });
    // How the engine is doing changes all the time; none of these do.
    let is_known = Memo::new(move |_| tab.state().with(Option::is_some));
    let trouble = Memo::new(move |_| {
        tab.state()
            .with(|state| state.as_ref().and_then(|state| state.trouble.clone()))
    });
    let is_software = Memo::new(move |_| {
        tab.state().with(|state| {
            state
                .as_ref()
                .and_then(|state| state.adapter.as_ref())
                .is_some_and(|adapter| adapter.is_software)
        })
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
        <p class="sr-only" role="status">
            {move || tab.said().get()}
        </p>
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
                        {trouble_view(&trouble, choose_kind)}
                        <KeptFiles loader=loader can_load=false />
                    }
                        .into_any(),
                )
            }
            (true, None) => {
                Some(
                    view! {
                        {move || is_software.get().then(software_view)}
                        <div class="tab-model" id="tab-model" tabindex="-1">
                            <LoadingView />
                            <TabFailure then=LOADED />
                            {move || loaded.get().map(|loaded| loaded_view(loader, &loaded))}
                            {move || {
                                Tab::is_in_use(desk)
                                    .then(|| {
                                        view! {
                                            <p class="notice" role="note">
                                                "A run is writing with this model. Pause it before you load or unload one."
                                            </p>
                                        }
                                            .into_any()
                                    })
                            }}
                        </div>
                        <KeptFiles loader=loader can_load=true />
                        <ServedFiles loader=loader />
                        <AdvisedFiles loader=loader />
                        <OtherFile loader=loader />
                        <details class="more">
                            <summary>"How much at once"</summary>
                            <Sizes sizes=loader.sizes />
                        </details>
                    }
                        .into_any(),
                )
            }
        }}
    }
    .into_any()
}

/// Files to load, on a page. What is loaded gets the focus at the element with the id [`LOADED`].
#[component]
pub fn TabFiles() -> impl IntoView {
    let loader = Loader::new(use_desk(), use_connect().tab());
    view! {
        <div class="tab-model" id="tab-model" tabindex="-1">
            <LoadingView />
            <TabFailure then=LOADED />
        </div>
        <KeptFiles loader=loader can_load=true />
        <ServedFiles loader=loader />
        <AdvisedFiles loader=loader />
    }
    .into_any()
}

fn trouble_view(trouble: &str, choose_kind: Callback<EndpointKind>) -> AnyView {
    view! {
        <div class="notice warn" role="note">
            <p>
                <strong>"No model can run in this tab."</strong>
            </p>
            {trouble_words(trouble)}
            <p>"The two other ways work in every browser."</p>
            <div class="actions">
                <button
                    type="button"
                    class="btn small"
                    on:click=move |_| choose_kind.run(EndpointKind::HuggingFace)
                >
                    "Through Hugging Face"
                </button>
                <button
                    type="button"
                    class="btn small"
                    on:click=move |_| choose_kind.run(EndpointKind::OpenAi)
                >
                    "A server you name"
                </button>
            </div>
        </div>
    }
    .into_any()
}

fn software_view() -> AnyView {
    view! {
        <p class="notice" role="note">
            "The browser offers no graphics card here, so the processor computes. That is slow, a few words a second, but the answers are the same. Take a small model."
        </p>
    }
    .into_any()
}

/// The self-test in words: the largest error, as a share of how far scores spread.
fn self_test_text(error: f64) -> String {
    if error <= 0.0 {
        "passed, exact".to_owned()
    } else if error < 1e-6 {
        "passed, error under 0.0001 %".to_owned()
    } else {
        format!("passed, error {:.4} %", error * 100.0)
    }
}

fn loaded_view(loader: Loader, loaded: &EngineLoaded) -> AnyView {
    let Loader { desk, tab, .. } = loader;
    let speed = Memo::new(move |_| {
        tab.state()
            .with(|state| state.as_ref().map(|state| state.speed).unwrap_or_default())
    });
    let name = StoredValue::new(loaded.model.name.clone());
    let pace = move || {
        let speed = speed.get();
        let now = (speed.tokens_per_second > 0.0).then_some(speed.tokens_per_second);
        match now.or_else(|| name.with_value(|name| tab.pace_of(desk, name))) {
            Some(pace) => format!("{pace:.0} tokens a second, lately"),
            None => "known once it has written".to_owned(),
        }
    };
    let license = loaded.model.license.clone();
    view! {
        <section class="tab-loaded" aria-labelledby=LOADED>
            <h3 id=LOADED tabindex="-1">
                <span class="sr-only">"Loaded: "</span>
                {loaded.model.name.clone()}
                " "
                <span class="tag" aria-hidden="true">
                    "loaded"
                </span>
            </h3>
            <dl class="facts">
                <div>
                    <dt>"Kind"</dt>
                    <dd>{format!("{}, {}", loaded.family, loaded.quantization)}</dd>
                </div>
                <div>
                    <dt>"Memory it takes"</dt>
                    <dd>
                        {size(loaded.weight_bytes + loaded.memory_bytes)}
                        <small>
                            {format!(
                                "{} weights, {} for answers",
                                size(loaded.weight_bytes),
                                size(loaded.memory_bytes),
                            )}
                        </small>
                    </dd>
                </div>
                <div>
                    <dt>"At once"</dt>
                    <dd>
                        {plural(loaded.sizes.slots.into(), "answer", "answers")}
                        <small>{format!("{} tokens each, with the question", count(loaded.sizes.context.into()))}</small>
                    </dd>
                </div>
                <div>
                    <dt>"Speed"</dt>
                    <dd>{pace}</dd>
                </div>
                <div>
                    <dt>"Self-test"</dt>
                    <dd>{self_test_text(loaded.self_test)}</dd>
                </div>
                {license
                    .map(|license| {
                        view! {
                            <div>
                                <dt>"Licence"</dt>
                                <dd>{license}</dd>
                            </div>
                        }
                            .into_any()
                    })}
            </dl>
            {(!loaded.is_kept)
                .then(|| {
                    view! {
                        <p class="notice warn" role="note">
                            "It runs, but is not kept: this browser's storage is full, switched off, or in use by another tab. After a reload it has to be fetched again. Delete files below, or free space on the disk, and load it again."
                        </p>
                    }
                        .into_any()
                })}
            <div class="actions">
                <button
                    type="button"
                    class="btn small"
                    aria-disabled=move || loader.is_blocked.get().to_string()
                    on:click=move |_| {
                        if !loader.is_blocked.get_untracked() {
                            tab.unload(desk);
                            desk.focus_soon("tab-model");
                        }
                    }
                >
                    "Unload"
                </button>
                <p class="muted small">"Frees the memory; a kept file stays."</p>
            </div>
            <p class="small">
                <a href=Route::Measure.to_string() on:click=move |_| use_connect().models.set(false)>
                    "Measure this device"
                </a>
            </p>
        </section>
    }
    .into_any()
}

/// A typed size: empty is 0, as the engine chooses.
fn read_size(text: &str, most: u32) -> Result<u32, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse::<u32>()
        .ok()
        .filter(|number| *number <= most)
        .ok_or_else(|| {
            format!(
                "This has to be a whole number up to {}.",
                count(most.into())
            )
        })
}

#[component]
fn Sizes(sizes: RwSignal<EngineSizes>) -> impl IntoView {
    view! {
        <div class="field-pair">
            <SizeField
                sizes=sizes
                id="tab-context"
                label="Tokens of a question and its answer together"
                most=131_072
                set=|sizes, value| sizes.context = value
            />
            <SizeField
                sizes=sizes
                id="tab-slots"
                label="Answers at once"
                most=64
                set=|sizes, value| sizes.slots = value
            />
        </div>
        <p class="hint">
            "Empty: as it fits this device. More of either takes more memory. It counts when a model is loaded next."
        </p>
    }
    .into_any()
}

#[component]
fn SizeField(
    sizes: RwSignal<EngineSizes>,
    id: &'static str,
    label: &'static str,
    most: u32,
    set: fn(&mut EngineSizes, u32),
) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let error = Memo::new(move |_| text.with(|text| read_size(text, most)).err());
    let error_id = format!("{id}-error");
    let described = error_id.clone();
    view! {
        <div class="field" class:invalid=move || error.with(Option::is_some)>
            <label for=id>{label}</label>
            <input
                id=id
                type="text"
                inputmode="numeric"
                autocomplete="off"
                placeholder="as it fits"
                aria-invalid=move || error.with(Option::is_some).to_string()
                aria-describedby=described
                prop:value=move || text.get()
                on:input:target=move |event| {
                    let typed = event.target().value();
                    if let Ok(value) = read_size(&typed, most) {
                        sizes.update(|sizes| set(sizes, value));
                    }
                    text.set(typed);
                }
            />
            <p class="error" id=error_id>
                {move || error.get()}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_size_leaves_it_to_the_engine() {
        assert_eq!(read_size("  ", 64), Ok(0));
        assert_eq!(read_size(" 8 ", 64), Ok(8));
        for text in ["65", "-1", "x", "1.5"] {
            assert!(read_size(text, 64).is_err(), "{text}");
        }
    }

    #[test]
    fn a_small_error_is_not_written_as_none() {
        assert_eq!(self_test_text(0.000_123), "passed, error 0.0123 %");
        assert_eq!(self_test_text(3e-8), "passed, error under 0.0001 %");
        assert_eq!(self_test_text(0.0), "passed, exact");
    }
}
