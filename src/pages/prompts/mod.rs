//! Prompts: the grid of topics and perspectives, and the instructions in it.

pub mod job;

pub use job::Job;

use leptos::prelude::*;

/// The page.
#[component]
pub fn PromptsPage() -> impl IntoView {
    view! {
        <div class="page prompts">
            <header class="page-head">
                <h1 tabindex="-1">"Prompts"</h1>
            </header>
        </div>
    }
    .into_any()
}
