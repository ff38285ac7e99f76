//! The frame around every page: header with the steps, notices that concern everything, the page itself, messages.
// `#[component]` writes `pub` into what it makes of a component, whatever visibility it was given.
#![allow(unreachable_pub)]

mod frame;
mod header;
mod notices;
pub mod pieces;

use crate::pages::connect::{finish_redirect, restore, restore_keys};
use crate::pages::home::import_file;
use crate::platform::{files, page, site};
use crate::route::Route;
use crate::state::{Shell, Stage, Toast};
use crate::ui::formula::Typesetter;
use frame::Frame;
use leptos::mount::mount_to_body;
use leptos::prelude::*;
use pieces::Pieces;

/// Starts the app in the document's body.
pub fn start(pieces: Pieces) {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        page::show_crash(&panic.to_string());
    }));
    // Not by leptos, whose own way is there only once something is mounted.
    wasm_bindgen_futures::spawn_local(async move {
        let site = site::read().await;
        page::remove_skeleton();
        mount_to_body(move || {
            let (shell, start_worker) = Shell::connect(site.clone(), pieces.reader);
            after_paint(start_worker);
            view! { <App shell=shell pieces=pieces /> }
        });
    });
}

/// Runs something when the first frame stands.
fn after_paint(act: impl FnOnce() + 'static) {
    request_animation_frame(move || {
        // A task that is queued by a frame's callback runs after that frame.
        set_timeout(act, std::time::Duration::ZERO);
    });
}

/// The app over a shell.
#[component]
pub fn App(
    /// Its state.
    shell: Shell,
    /// Its large parts.
    pieces: Pieces,
) -> impl IntoView {
    provide_context(shell);
    provide_context(shell.desk);
    provide_context(Typesetter(pieces.formula));
    let connect = crate::pages::connect::provide_connect();
    page::on_hash_change(move |hash| {
        let route = Route::parse(&hash);
        if shell.route.with_untracked(|now| *now != route) {
            shell.route.set(route);
        }
    });
    files::on_drag(
        move |is_over| {
            let is_taken = shell.stage.with_untracked(|stage| *stage == Stage::Home);
            shell.is_dragging.set(is_over && is_taken);
        },
        move |file| {
            if shell.stage.with_untracked(|stage| *stage == Stage::Home) {
                import_file(shell, file);
            }
        },
    );
    Effect::new(move |_| {
        let route = shell.route.get();
        let is_account_known = shell.is_account_known.get();
        untrack(|| shell.follow(&route, is_account_known));
    });
    // What the pages say is shown as any other message.
    Effect::new(move |_| {
        let text = shell.desk.said().get();
        if !text.is_empty() {
            shell.show_toast(Toast::say(&text));
        }
    });
    shell.desk.spawn(async move {
        let desk = shell.desk;
        match finish_redirect(desk, connect).await {
            Some(Ok(())) => {}
            Some(Err(failure)) => shell.sign_in_failure.set(Some(failure)),
            None => restore(desk).await,
        }
        shell.is_account_known.set(true);
        restore_keys(desk).await;
    });
    // Once the worker is up there is time for what will be wanted next.
    Effect::new(move |is_done: Option<bool>| {
        let is_up = shell.storage.with(Option::is_some);
        if is_up && is_done != Some(true) {
            set_timeout(
                move || shell.desk.spawn(pieces.fetch_all()),
                std::time::Duration::from_millis(500),
            );
        }
        is_up || is_done == Some(true)
    });
    view! { <Frame pieces=pieces /> }.into_any()
}
