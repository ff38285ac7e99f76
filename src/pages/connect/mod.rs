//! Connecting to the outside: which model answers ([`ModelDialog`]), and who one is on the Hub ([`SignInDialog`]).
//!
//! Keys and tokens pass through here on their way to the worker and are not kept by the page, except in the tab's
//! session storage when the person ticks the box for it.

pub mod catalog;
mod gguf;
mod model_dialog;
mod oauth;
mod picked;
mod reviewers;
mod sign_in;
mod tab;
mod tab_views;

pub use model_dialog::ModelDialog;
pub use model_dialog::restore_keys;
pub use model_dialog::{LOADED, TabFiles};
pub use oauth::finish_redirect;
pub use sign_in::{AccountMenu, SignInDialog, restore};
pub use tab::Tab;
pub use tab_views::TabNotice;

use crate::pages::desk::use_desk;
use catalog::{endpoint_name, endpoint_price};
use leptos::prelude::*;
use seedbed_core::model::EndpointKind;

/// Opens the two dialogs from anywhere, and knows the model in this tab.
#[derive(Clone, Copy)]
pub struct Connect {
    models: RwSignal<bool>,
    sign_in: RwSignal<bool>,
    tab: Tab,
}

impl Connect {
    /// Opens the choice of a model.
    pub fn open_models(self) {
        self.models.set(true);
    }

    /// One of the two is open.
    pub fn is_open(self) -> bool {
        self.models.get() || self.sign_in.get()
    }

    /// The model in this tab.
    pub fn tab(self) -> Tab {
        self.tab
    }

    /// Opens signing in.
    pub fn open_sign_in(self) {
        self.sign_in.set(true);
    }
}

/// Provides [`Connect`] to everything below; the shell calls it once.
pub fn provide_connect() -> Connect {
    let connect = Connect {
        models: RwSignal::new(false),
        sign_in: RwSignal::new(false),
        tab: Tab::new(),
    };
    provide_context(connect);
    connect
}

/// The two dialogs' switch.
pub fn use_connect() -> Connect {
    use_context::<Connect>().unwrap_or_else(provide_connect)
}

/// Both dialogs; the shell places them once, after its main content.
#[component]
pub fn ConnectDialogs() -> impl IntoView {
    let connect = use_connect();
    view! {
        <ModelDialog open=connect.models />
        <SignInDialog open=connect.sign_in />
    }
    .into_any()
}

/// The chosen model, with the way to change it.
#[component]
pub fn ModelCard() -> impl IntoView {
    let desk = use_desk();
    let connect = use_connect();
    view! {
        <section class="card model-card" aria-labelledby="model-card-title">
            <h2 id="model-card-title">"Model"</h2>
            {move || match desk.endpoint().get() {
                None => {
                    view! {
                        <p class="muted">
                            "None chosen yet. Use one through Hugging Face, a small one in this tab, or any server you run yourself."
                        </p>
                        <div class="actions">
                            <button type="button" class="btn" on:click=move |_| connect.open_models()>
                                "Choose a model"
                            </button>
                        </div>
                    }
                        .into_any()
                }
                Some(endpoint) => {
                    let (model, place) = endpoint_name(&endpoint);
                    let price = endpoint_price(&endpoint);
                    let bill = endpoint
                        .bill_to
                        .as_ref()
                        .map(|org| {
                            view! { <p class="muted small">{format!("Billed to {org}")}</p> }.into_any()
                        });
                    view! {
                        <p class="model-name">{model}</p>
                        <p class="muted small">{match endpoint.kind {
                                EndpointKind::Tab => "Free: runs in this tab".to_owned(),
                                _ => format!("{place} · {price}"),
                            }}</p>
                        {bill}
                        <div class="actions">
                            <button type="button" class="btn" on:click=move |_| connect.open_models()>
                                "Change"
                            </button>
                        </div>
                    }
                        .into_any()
                }
            }}
        </section>
    }
    .into_any()
}
