//! Choosing the model that drafts and answers: through Hugging Face, in this tab, or any OpenAI-compatible server.

mod hugging_face;
mod server;
mod this_tab;

use super::catalog::{endpoint_price, tab_endpoint};
use crate::pages::desk::{Desk, Dialog, failure_of, failure_view, use_desk};
use hugging_face::HuggingFace;
use leptos::prelude::*;
use seedbed_core::address::origin;
use seedbed_core::messages::{Failure, Reply, Request};
use seedbed_core::model::{Endpoint, EndpointKind, ModelInfo};
use server::Server;
use std::collections::BTreeMap;
use this_tab::ThisTab;
pub use this_tab::{LOADED, TabFiles};

/// Key of the tab's session storage that holds inference keys by origin, if the person wants that.
const KEYS: &str = "seedbed:keys";

/// What is being put together in the dialog.
#[derive(Clone, Copy)]
struct Draft {
    endpoint: RwSignal<Endpoint>,
    key: RwSignal<String>,
    keep_key: RwSignal<bool>,
    /// Models of the address that was listed last.
    models: RwSignal<Listing>,
}

/// The models that an address offers.
#[derive(Clone, Debug, Default, PartialEq)]
enum Listing {
    #[default]
    Unasked,
    Loading,
    Models(Vec<ModelInfo>),
    Failed(Failure),
}

impl Draft {
    fn update(self, change: impl FnOnce(&mut Endpoint)) {
        self.endpoint.update(change);
    }

    /// Hands the typed key to the worker, and to the tab's session storage if wanted.
    async fn send_key(self, desk: Desk) -> Result<(), Failure> {
        let key = self.key.get_untracked().trim().to_owned();
        if key.is_empty() {
            return Ok(());
        }
        let base_url = self
            .endpoint
            .with_untracked(|endpoint| endpoint.base_url.clone());
        if self.keep_key.get_untracked() {
            remember_key(desk, &base_url, Some(&key));
        }
        desk.ask(Request::SetKey { base_url, key }).await?;
        self.key.try_set(String::new());
        Ok(())
    }

    /// Lists the models of the address.
    fn list(self, desk: Desk) {
        self.models.set(Listing::Loading);
        desk.spawn(async move {
            let asked = self.endpoint.get_untracked();
            let outcome = match self.send_key(desk).await {
                Ok(()) => {
                    desk.ask(Request::ListModels {
                        endpoint: asked.clone(),
                    })
                    .await
                }
                Err(failure) => Err(failure),
            };
            // The address may have changed meanwhile.
            if self
                .endpoint
                .try_with_untracked(|now| now.base_url == asked.base_url)
                != Some(true)
            {
                return;
            }
            self.models.try_set(match outcome {
                Ok(Reply::Models(models)) => Listing::Models(models),
                Ok(_) => {
                    Listing::Failed(failure_of("The worker gave another answer than asked for."))
                }
                Err(failure) => Listing::Failed(failure),
            });
        });
    }
}

/// Keys kept in this tab.
fn kept_keys(desk: Desk) -> BTreeMap<String, String> {
    desk.session_get(KEYS)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Puts a key, or nothing, in the place of all that are kept for the origin of `base_url`: the worker keeps one an
/// origin, however its address was written.
fn replace_key(keys: &mut BTreeMap<String, String>, base_url: &str, key: Option<&str>) {
    let at = origin(base_url);
    keys.retain(|kept, _| origin(kept) != at);
    if let Some(key) = key {
        keys.insert(at, key.to_owned());
    }
}

fn remember_key(desk: Desk, base_url: &str, key: Option<&str>) {
    let mut keys = kept_keys(desk);
    replace_key(&mut keys, base_url, key);
    desk.session_set(KEYS, &serde_json::to_string(&keys).unwrap_or_default());
}

/// Forgets the key of an address, in the worker and in this tab.
fn forget_key(desk: Desk, base_url: String) {
    remember_key(desk, &base_url, None);
    desk.spawn(async move {
        let request = Request::SetKey {
            base_url,
            key: String::new(),
        };
        if desk.ask(request).await.is_ok() {
            desk.say("The key is forgotten.");
        }
    });
}

/// On load: hands the keys that this tab keeps to the worker.
pub async fn restore_keys(desk: Desk) {
    for (base_url, key) in kept_keys(desk) {
        let _ = desk.ask(Request::SetKey { base_url, key }).await;
    }
}

/// The dialog.
#[component]
pub fn ModelDialog(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open=open title="Choose a model" id="models" is_wide=true>
            <Chooser open=open />
        </Dialog>
    }
    .into_any()
}

/// The content, made anew each time the dialog opens.
#[component]
fn Chooser(open: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let router = desk.router_address();
    let start = desk.endpoint().get_untracked().unwrap_or_else(|| Endpoint {
        kind: EndpointKind::HuggingFace,
        base_url: router.clone(),
        ..Endpoint::default()
    });
    let draft = Draft {
        endpoint: RwSignal::new(start),
        key: RwSignal::new(String::new()),
        keep_key: RwSignal::new(false),
        models: RwSignal::new(Listing::Unasked),
    };
    let kind = Memo::new(move |_| draft.endpoint.with(|endpoint| endpoint.kind));
    let choose_kind = move |next: EndpointKind| {
        if kind.get_untracked() == next {
            return;
        }
        let at = |base_url| Endpoint {
            kind: next,
            base_url,
            ..Endpoint::default()
        };
        draft.models.set(Listing::Unasked);
        draft.key.set(String::new());
        draft.endpoint.set(match next {
            EndpointKind::HuggingFace => at(desk.router_address()),
            EndpointKind::OpenAi => at("http://localhost:11434/v1".to_owned()),
            // Its part of the dialog puts in what is loaded.
            EndpointKind::Tab => tab_endpoint(""),
        });
    };
    let option = move |value: EndpointKind, label: &'static str, hint: &'static str| {
        view! {
            <label class="choice" class:chosen=move || kind.get() == value>
                <input
                    type="radio"
                    name="model-kind"
                    prop:checked=move || kind.get() == value
                    on:change=move |_| choose_kind(value)
                />
                <span class="choice-text">
                    <strong>{label}</strong>
                    <span class="muted small">{hint}</span>
                </span>
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="choices three">
            <legend class="sr-only">"Where the model runs"</legend>
            {option(
                EndpointKind::HuggingFace,
                "Through Hugging Face",
                "Hundreds of open models by many providers; billed to your account, a little is free each month.",
            )}
            {option(
                EndpointKind::Tab,
                "In this tab",
                "A small open model on this computer's graphics card: no account, no cost, nothing leaves the tab. Slower, simpler answers.",
            )}
            {option(
                EndpointKind::OpenAi,
                "A server you name",
                "Ollama, llama.cpp, vLLM on your machine, or any OpenAI-compatible address.",
            )}
        </fieldset>
        {move || match kind.get() {
            EndpointKind::HuggingFace => view! { <HuggingFace draft=draft /> }.into_any(),
            EndpointKind::OpenAi => view! { <Server draft=draft /> }.into_any(),
            EndpointKind::Tab => {
                view! { <ThisTab draft=draft choose_kind=Callback::new(choose_kind) /> }.into_any()
            }
        }}
        <Finish draft=draft open=open />
    }
    .into_any()
}

/// The key of the address, its box, and the way to forget it.
#[component]
fn KeyField(
    draft: Draft,
    label: &'static str,
    hint: &'static str,
    placeholder: &'static str,
) -> impl IntoView {
    let desk = use_desk();
    view! {
        <div class="field">
            <label for="model-key">{label}</label>
            <input
                id="model-key"
                type="password"
                autocomplete="off"
                spellcheck="false"
                placeholder=placeholder
                aria-describedby="model-key-hint"
                prop:value=move || draft.key.get()
                on:input:target=move |event| draft.key.set(event.target().value())
            />
            <p class="hint" id="model-key-hint">
                {hint}
                " It goes to this address only, is never written to the project or its files, and is gone when the page closes."
            </p>
            <div class="field-row">
                <label class="check">
                    <input
                        type="checkbox"
                        prop:checked=move || draft.keep_key.get()
                        on:change:target=move |event| draft.keep_key.set(event.target().checked())
                    />
                    <span>"Keep for this tab"</span>
                </label>
                <button
                    type="button"
                    class="btn quiet small"
                    on:click=move |_| {
                        forget_key(desk, draft.endpoint.with_untracked(|e| e.base_url.clone()));
                    }
                >
                    "Forget the key"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Running,
    Answered { text: String, took_ms: u64 },
    Failed(Failure),
}

#[component]
fn Finish(draft: Draft, open: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let test: RwSignal<Option<Test>> = RwSignal::new(None);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let saving = RwSignal::new(false);
    let has_model = Memo::new(move |_| {
        draft
            .endpoint
            .with(|endpoint| !endpoint.model.trim().is_empty())
    });
    let is_tab = Memo::new(move |_| {
        draft
            .endpoint
            .with(|endpoint| endpoint.kind == EndpointKind::Tab)
    });
    let hint = Memo::new(move |_| match (has_model.get(), is_tab.get()) {
        (true, _) => None,
        (false, true) => Some("Load a model first."),
        (false, false) => Some("Choose a model first."),
    });
    // A result belongs to what was tested.
    Effect::new(move |_| {
        draft.endpoint.track();
        test.set(None);
    });
    let run_test = move |_| {
        if !has_model.get_untracked() || test.get_untracked() == Some(Test::Running) {
            return;
        }
        test.set(Some(Test::Running));
        desk.spawn(async move {
            let endpoint = draft.endpoint.get_untracked();
            let outcome = match draft.send_key(desk).await {
                Ok(()) => {
                    desk.ask(Request::TestEndpoint {
                        endpoint: endpoint.clone(),
                    })
                    .await
                }
                Err(failure) => Err(failure),
            };
            if draft.endpoint.try_get_untracked() != Some(endpoint) {
                return;
            }
            test.try_set(Some(match outcome {
                Ok(Reply::Tested { text, took_ms }) => Test::Answered { text, took_ms },
                Ok(_) => Test::Failed(failure_of("The worker gave another answer than asked for.")),
                Err(failure) => Test::Failed(failure),
            }));
        });
    };
    let save = move |_| {
        if !has_model.get_untracked() || saving.get_untracked() {
            return;
        }
        saving.set(true);
        failure.set(None);
        desk.spawn(async move {
            let endpoint = draft.endpoint.get_untracked();
            let outcome = match draft.send_key(desk).await {
                Ok(()) => {
                    desk.ask(Request::SaveSettings {
                        project: desk.project_id(),
                        settings: desk.settings().get_untracked(),
                        endpoint: Some(endpoint.clone()),
                    })
                    .await
                }
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(_) => {
                    desk.say(&format!("Model set: {}.", endpoint.model));
                    desk.set_endpoint(Some(endpoint));
                    open.set(false);
                }
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            saving.try_set(false);
        });
    };
    let chosen = move || {
        draft.endpoint.with(
            |endpoint| match (endpoint.model.trim().is_empty(), endpoint.kind) {
                (true, EndpointKind::Tab) => "No model loaded".to_owned(),
                (true, _) => "No model chosen".to_owned(),
                (false, _) => format!("{} · {}", endpoint.model, endpoint_price(endpoint)),
            },
        )
    };
    view! {
        <div class="dialog-foot">
            <p class="model-chosen">{chosen}</p>
            <div role="status" class="test-result">
                {move || match test.get() {
                    None => None,
                    Some(Test::Running) => Some(view! { <p class="muted">"Asking it to say hello…"</p> }.into_any()),
                    Some(Test::Answered { text, took_ms }) => {
                        Some(
                            view! {
                                <p class="ok">
                                    {format!("It answered in {:.1} s: ", took_ms as f64 / 1000.0)}
                                    <q dir="auto">{text}</q>
                                </p>
                            }
                                .into_any(),
                        )
                    }
                    Some(Test::Failed(failure)) => Some(failure_view(&failure, None)),
                }}
            </div>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button
                    type="button"
                    class="btn primary"
                    aria-disabled=move || (!has_model.get() || saving.get()).to_string()
                    aria-describedby="model-need"
                    on:click=save
                >
                    "Use this model"
                </button>
                <button
                    type="button"
                    class="btn"
                    aria-disabled=move || (!has_model.get()).to_string()
                    on:click=run_test
                >
                    "Test"
                </button>
                <span id="model-need" class="muted small">
                    {move || hint.get()}
                </span>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_forgotten_however_its_address_is_written() {
        let mut keys = BTreeMap::from([
            // As an earlier version kept them.
            ("http://localhost:11434/v1/".to_owned(), "old".to_owned()),
            ("https://other.example/v1".to_owned(), "other".to_owned()),
        ]);
        replace_key(&mut keys, "http://LOCALHOST:11434/v1", Some("new"));
        assert_eq!(
            keys.get("http://localhost:11434").map(String::as_str),
            Some("new")
        );
        assert_eq!(keys.len(), 2);
        replace_key(&mut keys, "http://localhost:11434/v1/chat", None);
        assert_eq!(
            keys.into_keys().collect::<Vec<_>>(),
            ["https://other.example/v1"]
        );
    }
}
