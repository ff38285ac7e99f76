//! Another file: by its link, or from this computer.

use super::super::super::gguf::model_of_link;
use super::super::super::picked::{Picked, checkpoint_name, picked};
use super::Loader;
use crate::platform::files::{read_text, take_all_chosen};
use leptos::prelude::*;
use seedbed_core::engine::{EngineFile, EngineModel};
use web_sys::File;

#[component]
pub(super) fn OtherFile(loader: Loader) -> impl IntoView {
    view! {
        <details class="more tab-fold">
            <summary>
                <h3>"Another model file"</h3>
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

/// The model that the chosen files are, or why they are none.
async fn model_of(loader: Loader, chosen: &[File]) -> Result<EngineModel, String> {
    let names: Vec<String> = chosen.iter().map(File::name).collect();
    let places = match picked(&names)? {
        Picked::Gguf => vec![0],
        Picked::Checkpoint(places) => places,
    };
    let mut files = Vec::with_capacity(places.len());
    let mut config = None;
    for file in places.into_iter().filter_map(|at| chosen.get(at)) {
        let url = loader
            .desk
            .object_url(file)
            .ok_or("The browser does not give this file to the page. Try another one.")?;
        let name = file.name();
        if name == "config.json" {
            config = Some(read_text(file).await.map_err(|failure| failure.what)?);
        }
        files.push(EngineFile {
            url,
            name,
            bytes: Some(file.size() as u64),
        });
    }
    let Some(first) = files.first().cloned() else {
        return Err("Choose a file.".to_owned());
    };
    Ok(match config {
        None => EngineModel {
            url: first.url,
            name: first.name,
            bytes: first.bytes,
            ..EngineModel::default()
        },
        Some(config) => EngineModel {
            name: checkpoint_name(&config, &names),
            bytes: files.iter().map(|file| file.bytes).sum(),
            url: first.url,
            files,
            ..EngineModel::default()
        },
    })
}

#[component]
fn PickField(loader: Loader) -> impl IntoView {
    let error: RwSignal<Option<String>> = RwSignal::new(None);
    let pick = move |event: leptos::ev::Event| {
        let chosen = take_all_chosen(&event);
        if chosen.is_empty() || loader.is_blocked.get_untracked() {
            return;
        }
        error.set(None);
        loader.desk.spawn(async move {
            match model_of(loader, &chosen).await {
                Ok(model) => loader.load(model),
                Err(reason) => {
                    error.try_set(Some(reason));
                }
            }
        });
    };
    view! {
        <div class="tab-pick">
            <div class="actions">
                <label class="btn file-button" aria-disabled=move || loader.is_blocked.get().to_string()>
                    "Choose files on this computer"
                    <input
                        type="file"
                        class="sr-only"
                        accept=".gguf,.safetensors,.json,.jinja"
                        multiple
                        aria-describedby="tab-pick-hint"
                        prop:disabled=move || loader.is_blocked.get()
                        on:change=pick
                    />
                </label>
            </div>
            <p class="hint" id="tab-pick-hint" role="status">
                {move || match error.get() {
                    Some(error) => view! { <span class="error">{error}</span> }.into_any(),
                    None => {
                        "One GGUF file; or, for a model in safetensors, all of these at once: config.json, tokenizer.json, tokenizer_config.json, the .safetensors files and their index. They are copied into this browser's storage and do not leave the computer."
                            .into_any()
                    }
                }}
            </p>
        </div>
    }
    .into_any()
}
