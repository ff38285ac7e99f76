//! A model at an OpenAI-compatible address.

use super::super::catalog::{PRESETS, address_advice, clean_address};
use super::{Draft, KeyField, Listing};
use crate::pages::desk::{failure_view, use_desk};
use leptos::prelude::*;

#[component]
pub(super) fn Server(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let address = RwSignal::new(draft.endpoint.with_untracked(|e| e.base_url.clone()));
    let problem = Memo::new(move |_| address.with(|text| clean_address(text).err()));
    let origin = desk.page_origin();
    let hint = {
        let origin = origin.clone();
        Memo::new(move |_| {
            address.with(|address| {
                PRESETS
                    .iter()
                    .find(|preset| address.trim_end_matches('/') == preset.base_url)
                    .map(|preset| preset.hint.replace("{origin}", &origin))
            })
        })
    };
    let advice = Memo::new(move |_| {
        address.with(|text| {
            clean_address(text)
                .ok()
                .and_then(|full| address_advice(&full, &origin))
        })
    });
    let set_address = move |text: String| {
        if let Ok(full) = clean_address(&text)
            && draft.endpoint.with_untracked(|e| e.base_url != full)
        {
            draft.models.set(Listing::Unasked);
            draft.update(|e| e.base_url = full);
        }
        address.set(text);
    };
    let presets = PRESETS
        .iter()
        .map(|preset| {
            view! {
                <button
                    type="button"
                    class="btn small"
                    aria-pressed=move || {
                        address.with(|address| address == preset.base_url).to_string()
                    }
                    on:click=move |_| set_address(preset.base_url.to_owned())
                >
                    {preset.name}
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <div class="field" class:invalid=move || problem.with(Option::is_some)>
            <label for="server-address">"Address"</label>
            <input
                id="server-address"
                type="url"
                autocomplete="off"
                spellcheck="false"
                aria-describedby="server-address-hint"
                aria-invalid=move || problem.with(Option::is_some).to_string()
                prop:value=move || address.get()
                on:input:target=move |event| set_address(event.target().value())
            />
            <div class="presets" role="group" aria-label="Usual addresses">
                {presets}
            </div>
            <p class="hint" id="server-address-hint">
                {move || match (problem.get(), advice.get()) {
                    (Some(problem), _) => view! { <span class="error">{problem}</span> }.into_any(),
                    (None, Some(advice)) => view! { <span class="error">{advice}</span> }.into_any(),
                    (None, None) => {
                        hint.get()
                            .unwrap_or_else(|| "Up to and including the version, usually /v1.".to_owned())
                            .into_any()
                    }
                }}
            </p>
        </div>
        <KeyField draft=draft label="Key, if the server asks for one" hint="" placeholder="" />
        <div class="field">
            <label for="server-model">"Model"</label>
            <div class="field-row">
                <input
                    id="server-model"
                    type="text"
                    list="server-models"
                    autocomplete="off"
                    spellcheck="false"
                    aria-describedby="server-model-hint"
                    prop:value=move || draft.endpoint.with(|e| e.model.clone())
                    on:input:target=move |event| {
                        let model = event.target().value().trim().to_owned();
                        draft.update(|e| e.model = model);
                    }
                />
                <button
                    type="button"
                    class="btn"
                    aria-disabled=move || problem.with(Option::is_some).to_string()
                    on:click=move |_| {
                        if problem.with_untracked(Option::is_none) {
                            draft.list(desk);
                        }
                    }
                >
                    "List models"
                </button>
            </div>
            <datalist id="server-models">
                {move || {
                    draft
                        .models
                        .with(|models| match models {
                            Listing::Models(models) => {
                                models
                                    .iter()
                                    .map(|model| {
                                        view! { <option value=model.id.clone()></option> }.into_any()
                                    })
                                    .collect::<Vec<_>>()
                            }
                            _ => Vec::new(),
                        })
                }}
            </datalist>
            <div class="hint" id="server-model-hint" role="status">
                {move || listing_view(draft)}
            </div>
        </div>
        <details class="more">
            <summary>"Price, for the forecast"</summary>
            <div class="field-pair">
                <PriceField draft=draft id="price-in" label="USD per million tokens read" is_in=true />
                <PriceField draft=draft id="price-out" label="USD per million tokens written" is_in=false />
            </div>
            <p class="hint">"Leave empty if you don't know. A server of your own costs 0."</p>
        </details>
    }
    .into_any()
}

fn listing_view(draft: Draft) -> AnyView {
    let desk = use_desk();
    match draft.models.get() {
        Listing::Unasked => "Type its name, or list what the server offers.".into_any(),
        Listing::Loading => "Asking the server…".into_any(),
        Listing::Failed(failure) => {
            failure_view(&failure, Some(Callback::new(move |()| draft.list(desk))))
        }
        Listing::Models(models) if models.is_empty() => {
            "The server answers, but offers no model. Load one there first.".into_any()
        }
        Listing::Models(models) => models
            .into_iter()
            .take(12)
            .map(|model| {
                let id = model.id.clone();
                let is_chosen = {
                    let id = id.clone();
                    move || draft.endpoint.with(|e| e.model == id).to_string()
                };
                view! {
                    <button
                        type="button"
                        class="btn small"
                        aria-pressed=is_chosen
                        on:click=move |_| draft.update(|e| e.model.clone_from(&model.id))
                    >
                        {id}
                    </button>
                }
                .into_any()
            })
            .collect::<Vec<_>>()
            .into_any(),
    }
}

#[component]
fn PriceField(draft: Draft, id: &'static str, label: &'static str, is_in: bool) -> impl IntoView {
    let value = draft
        .endpoint
        .with_untracked(|e| if is_in { e.price_in } else { e.price_out });
    let text = RwSignal::new(value.map(|v| v.to_string()).unwrap_or_default());
    let parse = |text: &str| -> Option<Option<f64>> {
        let text = text.trim().replace(',', ".");
        if text.is_empty() {
            return Some(None);
        }
        text.parse::<f64>()
            .ok()
            .filter(|value| value.is_finite() && *value >= 0.0)
            .map(Some)
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                type="text"
                inputmode="decimal"
                autocomplete="off"
                aria-invalid=move || text.with(|text| parse(text).is_none()).to_string()
                prop:value=move || text.get()
                on:input:target=move |event| {
                    let typed = event.target().value();
                    if let Some(value) = parse(&typed) {
                        draft.update(|e| if is_in { e.price_in = value } else { e.price_out = value });
                    }
                    text.set(typed);
                }
            />
        </div>
    }
    .into_any()
}
