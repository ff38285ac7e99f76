//! Another file: by its link, or from this computer.

use super::super::super::gguf::{check_name, model_of_link};
use super::Loader;
use crate::platform::files::take_chosen;
use leptos::prelude::*;
use seedbed_core::engine::EngineModel;

#[component]
pub(super) fn OtherFile(loader: Loader) -> impl IntoView {
    view! {
        <details class="more tab-fold">
            <summary>
                <h3>"Another GGUF file"</h3>
            </summary>
            <div class="tab-other">
                <LinkField loader=loader />
                <PickField loader=loader />
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn LinkField(loader: Loader) -> impl IntoView {
    let text = RwSignal::new(String::new());
    // What is wrong is said when the person wants to go on, not while they type.
    let is_tried = RwSignal::new(false);
    let hub = StoredValue::new(loader.desk.hub_address());
    let model =
        Memo::new(move |_| hub.with_value(|hub| text.with(|text| model_of_link(text, hub))));
    let error = Memo::new(move |_| is_tried.get().then(|| model.get().err()).flatten());
    let load = move || {
        is_tried.set(true);
        if let Ok(model) = model.get_untracked() {
            loader.load(model);
        }
    };
    view! {
        <form
            class="field"
            class:invalid=move || error.with(Option::is_some)
            on:submit=move |event| {
                event.prevent_default();
                load();
            }
        >
            <label for="tab-link">"By its link"</label>
            <div class="field-row">
                <input
                    id="tab-link"
                    type="text"
                    inputmode="url"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="owner/repo/file.gguf"
                    aria-describedby="tab-link-hint"
                    aria-invalid=move || error.with(Option::is_some).to_string()
                    prop:value=move || text.get()
                    on:input:target=move |event| {
                        text.set(event.target().value());
                        is_tried.set(false);
                    }
                />
                <button
                    type="submit"
                    class="btn"
                    aria-disabled=move || loader.is_blocked.get().to_string()
                >
                    "Download and load"
                </button>
            </div>
            <p class="hint" id="tab-link-hint">
                {move || match (error.get(), model.get()) {
                    (Some(error), _) => view! { <span class="error">{error}</span> }.into_any(),
                    (None, Ok(model)) => {
                        format!(
                            "{}. Its size is not known until it starts; then you can stop it. Mind its licence: it is on its page.",
                            model.url,
                        )
                            .into_any()
                    }
                    (None, Err(_)) => {
                        "As the Hub shows it, or owner/repo/file.gguf. Families that run: Llama, SmolLM2, SmolLM3, Qwen2, Qwen2.5, Qwen3, Gemma 3."
                            .into_any()
                    }
                }}
            </p>
        </form>
    }
    .into_any()
}

#[component]
fn PickField(loader: Loader) -> impl IntoView {
    let error: RwSignal<Option<&'static str>> = RwSignal::new(None);
    let pick = move |event: leptos::ev::Event| {
        let Some(file) = take_chosen(&event) else {
            return;
        };
        let name = file.name();
        if let Err(reason) = check_name(&name) {
            error.set(Some(reason));
            return;
        }
        if loader.is_blocked.get_untracked() {
            return;
        }
        let Some(url) = loader.desk.object_url(&file) else {
            error.set(Some(
                "The browser does not give this file to the page. Try another one.",
            ));
            return;
        };
        error.set(None);
        loader.load(EngineModel {
            url,
            name,
            bytes: Some(file.size() as u64),
            ..EngineModel::default()
        });
    };
    view! {
        <div class="tab-pick">
            <div class="actions">
                <label class="btn file-button" aria-disabled=move || loader.is_blocked.get().to_string()>
                    "Choose a file on this computer"
                    <input
                        type="file"
                        class="sr-only"
                        accept=".gguf"
                        aria-describedby="tab-pick-hint"
                        prop:disabled=move || loader.is_blocked.get()
                        on:change=pick
                    />
                </label>
            </div>
            <p class="hint" id="tab-pick-hint" role="status">
                {move || match error.get() {
                    Some(error) => view! { <span class="error">{error}</span> }.into_any(),
                    None => "It is copied into this browser's storage and leaves the computer nowhere.".into_any(),
                }}
            </p>
        </div>
    }
    .into_any()
}
