//! Signing in to the Hub.

use super::oauth::leave;
use super::reviewers::{Claims, Reviewers, has_claims};
use super::use_connect;
use crate::pages::desk::{Desk, Dialog, failure_of, failure_view, use_desk};
use leptos::prelude::*;
use seedbed_core::messages::{Account, Failure, FailureKind, Reply, Request};

/// Key of the tab's session storage that holds the Hub token, if the person wants that.
pub(super) const TOKEN: &str = "seedbed:token";

/// Scopes asked for: create repos and write to those this app made. More is asked for when it is needed.
const LEAST_SCOPES: &str = "contribute-repos inference-api";
/// Scopes to write to repos that exist already and to open pull requests.
const MORE_SCOPES: &str = "contribute-repos write-repos write-discussions inference-api";

/// Signs in with a token; `keep` puts it into the tab's session storage.
async fn sign_in(desk: Desk, token: String, keep: bool) -> Result<Account, Failure> {
    match desk.ask(Request::SignIn { token }).await? {
        Reply::SignedIn { account, token } => {
            if keep {
                desk.session_set(TOKEN, &token);
            }
            desk.set_account(Some(account.clone()));
            Ok(account)
        }
        _ => Err(failure_of("The worker gave another answer than asked for.")),
    }
}

/// On load: signs in again with the token this tab keeps, if any. A token that no longer works is dropped quietly.
pub async fn restore(desk: Desk) {
    let Some(token) = desk.session_get(TOKEN) else {
        return;
    };
    match sign_in(desk, token, false).await {
        Ok(_) => desk.read_identities().await,
        Err(failure) if matches!(failure.kind, FailureKind::Auth | FailureKind::Forbidden) => {
            desk.session_remove(TOKEN);
        }
        Err(_) => {}
    }
}

/// Forgets the token everywhere.
fn sign_out(desk: Desk) {
    desk.session_remove(TOKEN);
    desk.set_account(None);
    desk.spawn(async move {
        if desk.ask(Request::SignOut).await.is_ok() {
            desk.read_identities().await;
            desk.say("Signed out. The token is forgotten.");
        }
    });
}

/// Who is signed in, or the button to sign in; for the shell's header.
#[component]
pub fn AccountMenu() -> impl IntoView {
    let desk = use_desk();
    let connect = use_connect();
    view! {
        <button type="button" class="btn quiet account" on:click=move |_| connect.open_sign_in()>
            {move || match desk.account().get() {
                None => "Sign in".to_owned(),
                Some(account) => account.name,
            }}
        </button>
    }
    .into_any()
}

/// The dialog.
#[component]
pub fn SignInDialog(open: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    view! {
        <Dialog open=open title="Hugging Face account" id="sign-in">
            {move || match desk.account().get() {
                Some(account) => signed_in_view(desk, &account, open),
                None => view! { <SignedOut open=open /> }.into_any(),
            }}
        </Dialog>
    }
    .into_any()
}

fn signed_in_view(desk: Desk, account: &Account, open: RwSignal<bool>) -> AnyView {
    let full = if account.full_name.is_empty() {
        account.name.clone()
    } else {
        account.full_name.clone()
    };
    let scopes = (!account.scopes.is_empty()).then(|| {
        view! {
            <p class="muted small">{format!("Granted: {}", account.scopes.join(", "))}</p>
        }
        .into_any()
    });
    let write = if account.can_write {
        "You can publish where the Hub lets you write."
    } else {
        "This token reads only. You can open datasets; to publish, sign in again with write access."
    };
    view! {
        <p class="who">
            <strong>{full}</strong>
            <span class="muted">{format!(" @{}", account.name)}</span>
        </p>
        <p>{write}</p>
        {scopes}
        <Claims />
        <p class="muted small">
            "Decisions you make from now on carry this name. The token stays in this tab and is sent to the Hub only."
        </p>
        <div class="actions">
            <button
                type="button"
                class="btn"
                on:click=move |_| {
                    sign_out(desk);
                    open.set(false);
                }
            >
                "Sign out"
            </button>
            <button type="button" class="btn quiet" on:click=move |_| open.set(false)>
                "Close"
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn SignedOut(open: RwSignal<bool>) -> impl IntoView {
    let desk = use_desk();
    let busy = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let wants_more = RwSignal::new(false);
    let is_framed = desk.is_framed();
    let has_client = desk.oauth_client_id().is_some();
    let redirect = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        desk.spawn(async move {
            let scopes = if wants_more.get_untracked() {
                MORE_SCOPES
            } else {
                LEAST_SCOPES
            };
            if let Err(error) = leave(desk, scopes).await {
                failure.try_set(Some(error));
                busy.try_set(false);
            }
        });
    };
    let oauth = has_client.then(|| {
        if is_framed {
            view! {
                <div class="notice" role="note">
                    <p>
                        "Seedbed is shown inside another page. Browsers keep such a page's storage apart, so signing in works in its own tab only."
                    </p>
                    <a class="btn primary" href=desk.page_address() target="_blank" rel="noopener">
                        "Open in its own tab"
                    </a>
                </div>
            }
            .into_any()
        } else {
            view! {
                <p>
                    "You go to the Hub, see what Seedbed asks for, and come back. Your work here stays as it is."
                </p>
                <label class="check">
                    <input
                        type="checkbox"
                        prop:checked=move || wants_more.get()
                        on:change:target=move |event| wants_more.set(event.target().checked())
                    />
                    <span>
                        "Also write to datasets I have already "
                        <small class="muted">"(without it: only those that Seedbed creates)"</small>
                    </span>
                </label>
                <div class="actions">
                    <button
                        type="button"
                        class="btn primary"
                        aria-disabled=move || busy.get().to_string()
                        on:click=redirect
                    >
                        {move || if busy.get() { "Going to the Hub…" } else { "Sign in with Hugging Face" }}
                    </button>
                </div>
            }
            .into_any()
        }
    });
    view! {
        {oauth}
        {move || failure.get().map(|failure| failure_view(&failure, None))}
        <TokenForm open=open is_folded=has_client />
        <Reviewers />
    }
    .into_any()
}

#[component]
fn TokenForm(open: RwSignal<bool>, is_folded: bool) -> impl IntoView {
    let desk = use_desk();
    let token = RwSignal::new(String::new());
    let keep = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure: RwSignal<Option<Failure>> = RwSignal::new(None);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = token.get_untracked().trim().to_owned();
        if text.is_empty() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(None);
        desk.spawn(async move {
            match sign_in(desk, text, keep.get_untracked()).await {
                Ok(account) => {
                    token.try_set(String::new());
                    // The dialog has the questions now.
                    open.set(has_claims(desk).await);
                    desk.say(&format!("Signed in as {}.", account.name));
                }
                Err(error) => {
                    failure.try_set(Some(error));
                }
            }
            busy.try_set(false);
        });
    };
    let form = view! {
        <form class="token-form" on:submit=submit>
            <div class="field">
                <label for="hub-token">"Access token"</label>
                <input
                    id="hub-token"
                    type="password"
                    autocomplete="off"
                    spellcheck="false"
                    placeholder="hf_…"
                    aria-describedby="hub-token-hint"
                    prop:value=move || token.get()
                    on:input:target=move |event| token.set(event.target().value())
                />
                <p class="hint" id="hub-token-hint">
                    "Make a fine-grained token that may write to the one dataset you publish to, and call Inference Providers if you use them. Nothing more is needed. "
                    <a href=desk.token_page() target="_blank" rel="noopener">
                        "Tokens on the Hub"
                    </a>
                </p>
            </div>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || keep.get()
                    on:change:target=move |event| keep.set(event.target().checked())
                />
                <span>
                    "Keep for this tab " <small class="muted">"(survives a reload, gone when the tab closes)"</small>
                </span>
            </label>
            {move || failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button type="submit" class="btn" aria-disabled=move || busy.get().to_string()>
                    {move || if busy.get() { "Checking…" } else { "Sign in with the token" }}
                </button>
            </div>
        </form>
    };
    if is_folded {
        view! {
            <details class="more">
                <summary>"Use an access token instead"</summary>
                {form}
            </details>
        }
        .into_any()
    } else {
        form.into_any()
    }
}
