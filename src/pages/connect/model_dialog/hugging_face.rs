//! Models through the Hugging Face router: search, provider, price, who pays.

use super::super::catalog::{
    POLICIES, is_live, join_suffix, price, price_text, search, split_suffix,
};
use super::super::use_connect;
use super::{Draft, KeyField, Listing};
use crate::pages::desk::{failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::model::ModelInfo;

/// Models shown at once.
const SHOWN: usize = 30;

#[component]
pub(super) fn HuggingFace(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let connect = use_connect();
    let query = RwSignal::new(String::new());
    if draft
        .models
        .with_untracked(|models| *models == Listing::Unasked)
    {
        draft.list(desk);
    }
    let account = move || match desk.account().get() {
        Some(account) => view! {
            <p class="small">
                "Uses your sign-in, "
                <strong>{format!("@{}", account.name)}</strong>
                ". Or give another token below."
            </p>
        }
        .into_any(),
        None => view! {
            <p class="small">
                "Asking a model needs an account. "
                <button type="button" class="btn small" on:click=move |_| connect.open_sign_in()>
                    "Sign in"
                </button>
                " or give a token below."
            </p>
        }
        .into_any(),
    };
    let organisations = move || {
        desk.account()
            .get()
            .map(|account| account.namespaces.into_iter().skip(1).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    view! {
        <div class="field">
            <label for="model-search">"Search models"</label>
            <input
                id="model-search"
                type="search"
                autocomplete="off"
                spellcheck="false"
                placeholder="llama 8b, qwen, smollm …"
                prop:value=move || query.get()
                on:input:target=move |event| query.set(event.target().value())
            />
        </div>
        {move || match draft.models.get() {
            Listing::Unasked | Listing::Loading => {
                view! { <p class="muted" role="status">"Fetching the list of models…"</p> }.into_any()
            }
            Listing::Failed(failure) => {
                view! {
                    {failure_view(&failure, Some(Callback::new(move |()| draft.list(desk))))}
                    <ModelById draft=draft />
                }
                    .into_any()
            }
            Listing::Models(models) => {
                let found = query.with(|query| {
                    let (total, found) = search(&models, query, SHOWN);
                    let mut found = found.into_iter().cloned().collect::<Vec<_>>();
                    // The present choice stands first, unless something else is searched for.
                    let chosen = draft
                        .endpoint
                        .with_untracked(|e| split_suffix(&e.model).0.to_owned());
                    if query.trim().is_empty()
                        && let Some(model) = models.iter().find(|model| model.id == chosen)
                    {
                        found.retain(|other| other.id != model.id);
                        found.insert(0, model.clone());
                    }
                    (total, found)
                });
                list_view(draft, found.0, found.1)
            }
        }}
        {move || provider_view(draft)}
        <details class="more">
            <summary>"Who pays, and another token"</summary>
            {account}
            <div class="field">
                <label for="bill-to">"Bill to an organisation"</label>
                <input
                    id="bill-to"
                    type="text"
                    list="bill-to-list"
                    autocomplete="off"
                    aria-describedby="bill-to-hint"
                    prop:value=move || {
                        draft.endpoint.with(|e| e.bill_to.clone().unwrap_or_default())
                    }
                    on:input:target=move |event| {
                        let text = event.target().value().trim().to_owned();
                        draft.update(|e| e.bill_to = (!text.is_empty()).then_some(text));
                    }
                />
                <datalist id="bill-to-list">
                    {move || {
                        organisations()
                            .into_iter()
                            .map(|name| view! { <option value=name></option> }.into_any())
                            .collect::<Vec<_>>()
                    }}
                </datalist>
                <p class="hint" id="bill-to-hint">
                    "Empty: your own account pays."
                </p>
            </div>
            <KeyField
                draft=draft
                label="Token for inference only"
                hint="Instead of your sign-in."
                placeholder="hf_…"
            />
        </details>
    }
    .into_any()
}

/// For when the list can't be had.
#[component]
fn ModelById(draft: Draft) -> impl IntoView {
    view! {
        <div class="field">
            <label for="model-id">"Model id"</label>
            <input
                id="model-id"
                type="text"
                autocomplete="off"
                spellcheck="false"
                placeholder="organisation/name, or organisation/name:provider"
                prop:value=move || draft.endpoint.with(|e| e.model.clone())
                on:input:target=move |event| {
                    let model = event.target().value().trim().to_owned();
                    draft
                        .update(|e| {
                            e.model = model;
                            e.price_in = None;
                            e.price_out = None;
                        });
                }
            />
        </div>
    }
    .into_any()
}

fn list_view(draft: Draft, total: usize, models: Vec<ModelInfo>) -> AnyView {
    if models.is_empty() {
        return view! { <p class="muted" role="status">"No model has all these words in its name."</p> }.into_any();
    }
    let more = (total > models.len()).then(|| {
        view! {
            <p class="muted small">
                {format!("{} of {total} models. Type more words to narrow them down.", models.len())}
            </p>
        }
        .into_any()
    });
    let rows = models
        .into_iter()
        .map(|model| row_view(draft, model))
        .collect::<Vec<_>>();
    view! {
        <fieldset class="model-list" tabindex="-1">
            <legend class="sr-only">"Models"</legend>
            {rows}
        </fieldset>
        {more}
    }
    .into_any()
}

fn row_view(draft: Draft, model: ModelInfo) -> AnyView {
    let live = model
        .providers
        .iter()
        .filter(|provider| provider.is_live)
        .count();
    let (cheap_in, cheap_out) = price(&model, "cheapest");
    let state = if !is_live(&model) {
        "no provider answers now".to_owned()
    } else if live == 0 {
        String::new()
    } else {
        let providers = if live == 1 { "provider" } else { "providers" };
        let from = match (cheap_in, cheap_out) {
            (Some(0.0), Some(0.0)) => "free at present".to_owned(),
            (Some(price_in), Some(price_out)) => format!("from ${price_in:.2} / ${price_out:.2}"),
            _ => "price not known".to_owned(),
        };
        format!("{live} {providers} · {from}")
    };
    let id = model.id.clone();
    let is_down = !is_live(&model);
    let is_chosen = {
        let id = id.clone();
        Memo::new(move |_| draft.endpoint.with(|e| split_suffix(&e.model).0 == id))
    };
    view! {
        <label class="model-row" class:chosen=move || is_chosen.get() class:down=is_down>
            <input
                type="radio"
                name="model-choice"
                prop:checked=move || is_chosen.get()
                on:change=move |_| {
                    let (price_in, price_out) = price(&model, "");
                    draft
                        .update(|e| {
                            e.model.clone_from(&model.id);
                            e.price_in = price_in;
                            e.price_out = price_out;
                        });
                }
            />
            <span class="model-row-id">{id}</span>
            <span class="muted small">{state}</span>
        </label>
    }
    .into_any()
}

/// The provider of the chosen model.
fn provider_view(draft: Draft) -> Option<AnyView> {
    let (id, suffix) = draft.endpoint.with(|endpoint| {
        let (id, suffix) = split_suffix(&endpoint.model);
        (id.to_owned(), suffix.to_owned())
    });
    let model = draft.models.with(|models| match models {
        Listing::Models(models) => models.iter().find(|model| model.id == id).cloned(),
        _ => None,
    })?;
    if model.providers.is_empty() {
        return None;
    }
    let choice = |value: &str, label: String| {
        let selected = value == suffix;
        view! {
            <option value=value.to_owned() selected=selected>
                {label}
            </option>
        }
        .into_any()
    };
    let mut options = vec![choice("", "Hugging Face picks (fastest)".to_owned())];
    options.extend(
        POLICIES
            .iter()
            .skip(1)
            .map(|(value, label)| choice(value, (*label).to_owned())),
    );
    for provider in &model.providers {
        let state = if provider.is_live {
            ""
        } else {
            " · not answering"
        };
        let context = provider
            .context_length
            .map(|length| format!(" · {}k context", length / 1024))
            .unwrap_or_default();
        let (price_in, price_out) = price(&model, &provider.provider);
        options.push(choice(
            &provider.provider,
            format!(
                "{} · {}{context}{state}",
                provider.provider,
                price_text(price_in, price_out)
            ),
        ));
    }
    Some(
        view! {
            <div class="field">
                <label for="model-provider">"Provider"</label>
                <select
                    id="model-provider"
                    on:change:target=move |event| {
                        let suffix = event.target().value();
                        let (price_in, price_out) = price(&model, &suffix);
                        let full = join_suffix(&model.id, &suffix);
                        draft
                            .update(|e| {
                                e.model = full;
                                e.price_in = price_in;
                                e.price_out = price_out;
                            });
                    }
                >
                    {options}
                </select>
            </div>
        }
        .into_any(),
    )
}
