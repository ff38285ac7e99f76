//! The large parts of the app, which need not be there before the first page stands.
//!
//! A build with the feature `split` cuts each into a file of its own, fetched when it is first shown or when nothing
//! else is to do (`src/split.rs`); any other build has them all at hand ([`Pieces::WHOLE`]). What shows them is the same.

use crate::pages::connect::ConnectDialogs;
use crate::pages::desk::failure_view;
use crate::pages::generate::GeneratePage;
use crate::pages::measure::MeasurePage;
use crate::pages::prompts::PromptsPage;
use crate::pages::publish::PublishPage;
use crate::pages::review::ReviewPage;
use crate::pages::seed::SeedPage;
use crate::pages::tables::TableDialog;
use crate::platform::link::{LoadReader, Reader, read_event};
use crate::route::Step;
use crate::ui::formula::typeset::typeset;
use crate::ui::formula::{LoadTypeset, Typeset};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use seedbed_core::messages::{Failure, FailureKind};

/// Makes a piece, once its code is there.
pub type Make = fn() -> AnyView;
/// Sees to it that the code of a piece is there.
pub type Load = fn() -> LocalBoxFuture<'static, Result<Make, Failure>>;

/// Ways to all pieces.
#[derive(Clone, Copy)]
pub struct Pieces {
    /// The seed page.
    pub seed: Load,
    /// The prompts page.
    pub prompts: Load,
    /// The generate page.
    pub generate: Load,
    /// The review page.
    pub review: Load,
    /// The publish page.
    pub publish: Load,
    /// The dialogs for choosing a model and signing in.
    pub dialogs: Load,
    /// The page that measures the model in this tab.
    pub measure: Load,
    /// What reads the worker's messages.
    pub reader: LoadReader,
    /// What typesets formulas: fetched when a text holds one.
    pub formula: LoadTypeset,
}

impl Pieces {
    /// Everything is at hand.
    pub const WHOLE: Self = Self {
        seed: || at_hand(make_seed),
        prompts: || at_hand(make_prompts),
        generate: || at_hand(make_generate),
        review: || at_hand(make_review),
        publish: || at_hand(make_publish),
        dialogs: || at_hand(make_dialogs),
        measure: || at_hand(make_measure),
        reader: || Box::pin(std::future::ready(Ok(read_event as Reader))),
        formula: || Box::pin(std::future::ready(Ok(typeset as Typeset))),
    };

    /// The page of a step.
    pub fn step(self, step: Step) -> Load {
        match step {
            Step::Seed => self.seed,
            Step::Prompts => self.prompts,
            Step::Generate => self.generate,
            Step::Review => self.review,
            Step::Publish => self.publish,
        }
    }

    /// Fetches what is not there yet, one after another, in the order in which it will be wanted.
    pub(super) async fn fetch_all(self) {
        let order = [
            self.seed,
            self.review,
            self.prompts,
            self.generate,
            self.dialogs,
            self.publish,
            self.measure,
        ];
        for load in order {
            // What fails now is fetched again, and said, when it is shown.
            let _ = load().await;
        }
    }
}

fn at_hand(make: Make) -> LocalBoxFuture<'static, Result<Make, Failure>> {
    Box::pin(std::future::ready(Ok(make)))
}

/// The seed page.
pub fn make_seed() -> AnyView {
    view! { <SeedPage /> }.into_any()
}

/// The prompts page.
pub fn make_prompts() -> AnyView {
    view! { <PromptsPage /> }.into_any()
}

/// The generate page.
pub fn make_generate() -> AnyView {
    view! { <GeneratePage /> }.into_any()
}

/// The review page.
pub fn make_review() -> AnyView {
    view! { <ReviewPage /> }.into_any()
}

/// The publish page.
pub fn make_publish() -> AnyView {
    view! { <PublishPage /> }.into_any()
}

/// The dialogs.
pub fn make_dialogs() -> AnyView {
    view! {
        <ConnectDialogs />
        <TableDialog />
    }
    .into_any()
}

/// The page that measures.
pub fn make_measure() -> AnyView {
    view! { <MeasurePage /> }.into_any()
}

/// A piece could not be fetched.
pub fn not_fetched() -> Failure {
    Failure::new(FailureKind::Network, "This part of Seedbed could not be loaded.")
        .means("Your work is stored; nothing is lost.")
        .next("Check the connection and try again. If it keeps failing, reload the page: there may be a new version.")
}

/// Shows a piece, at once if its code is there.
#[component]
pub(super) fn Piece(
    /// Its code.
    load: Load,
    /// Nothing is shown while it comes.
    #[prop(default = false)]
    is_quiet: bool,
) -> impl IntoView {
    let made: RwSignal<Option<Result<Make, Failure>>> = RwSignal::new(None);
    let fetch = move || {
        let mut loading = load();
        match (&mut loading).now_or_never() {
            Some(answer) => made.set(Some(answer)),
            None => {
                made.set(None);
                leptos::task::spawn_local(async move {
                    let answer = loading.await;
                    made.try_set(Some(answer));
                });
            }
        }
    };
    fetch();
    move || match made.get() {
        Some(Ok(make)) => make(),
        Some(Err(failure)) => failure_view(&failure, Some(Callback::new(move |()| fetch()))),
        None if is_quiet => ().into_any(),
        None => view! {
            <div class="page opening" aria-busy="true">
                <p class="muted" role="status">
                    "One moment…"
                </p>
            </div>
        }
        .into_any(),
    }
}
