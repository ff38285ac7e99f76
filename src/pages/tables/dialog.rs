//! The dialog: how the file is read, what its columns are for, which rows; then the rows on their way.

use super::columns::Columns;
use super::dataset::DatasetView;
use super::reading::ReadingView;
use super::take::{Offer, remember, take_what_comes};
use super::{Tables, cancelled, words};
use crate::pages::desk::{Debounce, Desk, Dialog, failure_of, failure_view, use_desk};
use crate::pages::generate::words::count;
use leptos::prelude::*;
use seedbed_core::import::{
    Answer, Choice, Lack, Look, Mapping, Preview, Scope, Shaped, TableCall,
};
use seedbed_core::messages::{Failure, FailureKind, Progress, Reply};
use seedbed_core::model::Role;
use seedbed_core::turns::Turn;

/// How long after a choice the preview is made anew.
const PREVIEW_AFTER_MS: u64 = 150;

/// What the dialog holds while it is open.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) desk: Desk,
    tables: Tables,
    pub(super) look: RwSignal<Look>,
    pub(super) choice: RwSignal<Choice>,
    pub(super) mapping: RwSignal<Mapping>,
    pub(super) scope: RwSignal<Scope>,
    into: StoredValue<Option<String>>,
    preview: RwSignal<Option<Preview>>,
    failure: RwSignal<Option<Failure>>,
    taking: RwSignal<Option<Taking>>,
    soon: Debounce,
}

/// Rows on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Taking {
    request: u32,
    rows: u64,
    done: u64,
    total: u64,
}

/// The dialog for a table that waits.
#[component]
pub fn TableDialog() -> impl IntoView {
    let desk = use_desk();
    let tables = desk.tables();
    take_what_comes(desk, tables);
    // Whoever closes it has answered.
    Effect::new(move |was: Option<bool>| {
        let is_open = tables.open.get();
        if was == Some(true) && !is_open {
            tables.dataset.set(None);
            // Nobody could stop it any more, nor hear what came of it.
            if let Some(request) = tables.under_way.try_update_value(Option::take).flatten() {
                desk.cancel(request);
            }
            let offer = tables.offer.try_update_value(Option::take).flatten();
            if let Some(offer) = offer {
                let table = offer.look.table;
                offer.answer.send(Err(cancelled())).ok();
                desk.spawn(async move {
                    desk.ask(TableCall::Close { table }.request()).await.ok();
                });
            }
        }
        is_open
    });
    view! {
        <Dialog open=tables.open title="Import a table" id="import-table" is_wide=true>
            {move || {
                tables.turn.track();
                match State::of(desk, tables) {
                    Some(state) => Some(view! { <Body state=state /> }.into_any()),
                    None => {
                        tables
                            .dataset
                            .get()
                            .map(|repo| view! { <DatasetView repo=repo /> }.into_any())
                    }
                }
            }}
        </Dialog>
    }
    .into_any()
}

impl State {
    /// The state of the table that waits; one that is sure is taken at once.
    fn of(desk: Desk, tables: Tables) -> Option<Self> {
        let (look, into, is_sure) = tables.offer.with_value(|offer| {
            let offer: &Offer = offer.as_ref()?;
            Some((offer.look.clone(), offer.into.clone(), offer.is_sure))
        })?;
        let state = Self {
            desk,
            tables,
            mapping: RwSignal::new(look.mapping.clone()),
            look: RwSignal::new(look),
            choice: RwSignal::new(Choice::default()),
            scope: RwSignal::new(Scope::default()),
            into: StoredValue::new(into),
            preview: RwSignal::new(None),
            failure: RwSignal::new(None),
            taking: RwSignal::new(None),
            soon: Debounce::new(PREVIEW_AFTER_MS),
        };
        if is_sure {
            state.take();
        } else {
            Effect::new(move |_| {
                state.mapping.track();
                state.scope.track();
                state.look.track();
                state.soon.run(move || state.look_ahead());
            });
        }
        Some(state)
    }

    /// What keeps the rows from being taken.
    fn lack(self) -> Option<Lack> {
        self.mapping.with(Mapping::lack)
    }

    /// Makes the preview of what is chosen now.
    fn look_ahead(self) {
        let mapping = self.mapping.get_untracked();
        if mapping.lack().is_some() {
            self.preview.set(None);
            return;
        }
        let scope = self.scope.get_untracked();
        let request = TableCall::Preview {
            table: self.look.with_untracked(|look| look.table),
            mapping: mapping.clone(),
            scope: scope.clone(),
        }
        .request();
        self.desk.spawn(async move {
            let answer = match self.desk.ask(request).await {
                Ok(Reply::TablePreview(preview)) => preview.open(),
                Ok(_) => Err(failure_of("The worker gave another answer than asked for.")),
                Err(failure) => Err(failure),
            };
            let is_current = self.mapping.try_get_untracked().as_ref() == Some(&mapping)
                && self.scope.try_get_untracked().as_ref() == Some(&scope);
            if !is_current {
                return;
            }
            match answer {
                Ok(preview) => {
                    self.preview.try_set(Some(preview));
                }
                Err(failure) => {
                    self.failure.try_set(Some(failure));
                }
            }
        });
    }

    /// Reads the file in the way that is chosen now.
    pub(super) fn read_again(self) {
        let request = TableCall::ReadAs {
            table: self.look.with_untracked(|look| look.table),
            choice: self.choice.get_untracked(),
        }
        .request();
        self.failure.set(None);
        self.desk.spawn(async move {
            let answer = match self.desk.ask(request).await {
                Ok(Reply::Look(look)) => look.open(),
                Ok(_) => Err(failure_of("The file is no table when it is read so.")),
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(look) => {
                    // Columns that are still there keep what a person chose for them.
                    let mut mapping = look.mapping.clone();
                    let has_same = self.look.try_with_untracked(|before| {
                        before
                            .columns
                            .iter()
                            .map(|column| &column.name)
                            .eq(look.columns.iter().map(|column| &column.name))
                    });
                    if has_same == Some(true)
                        && let Some(chosen) = self.mapping.try_get_untracked()
                    {
                        mapping = chosen;
                    }
                    self.mapping.try_set(mapping);
                    self.look.try_set(look);
                }
                Err(failure) => {
                    self.failure.try_set(Some(failure));
                }
            }
        });
    }

    /// Takes the rows.
    fn take(self) {
        if self.taking.with_untracked(Option::is_some)
            || self.mapping.with_untracked(Mapping::lack).is_some()
        {
            return;
        }
        self.failure.set(None);
        let mapping = self.mapping.get_untracked();
        let request = TableCall::Take {
            table: self.look.with_untracked(|look| look.table),
            mapping: mapping.clone(),
            scope: self.scope.get_untracked(),
            into: self.into.get_value(),
        }
        .request();
        let running = self.desk.ask_streaming(request, move |progress| {
            if let Progress::Rows { rows, done, total } = progress {
                self.taking.try_update(|taking| {
                    if let Some(taking) = taking {
                        (taking.rows, taking.done, taking.total) = (rows, done, total);
                    }
                });
            }
        });
        self.taking.set(Some(Taking {
            request: running.id(),
            ..Taking::default()
        }));
        self.tables.under_way.set_value(Some(running.id()));
        let fingerprint = self.look.with_untracked(|look| look.fingerprint.clone());
        self.desk.spawn(async move {
            let answer = running.await;
            self.tables.under_way.try_set_value(None);
            self.taking.try_set(None);
            match answer {
                Ok(reply) => {
                    remember(self.desk, &fingerprint, &mapping);
                    let offer = self.tables.offer.try_update_value(Option::take).flatten();
                    if let Some(offer) = offer {
                        offer.answer.send(Ok(reply)).ok();
                    }
                    self.tables.open.try_set(false);
                }
                Err(failure) => {
                    self.failure.try_set(Some(failure));
                }
            }
        });
    }

    fn stop(self) {
        if let Some(Some(taking)) = self.taking.try_get_untracked() {
            self.desk.cancel(taking.request);
        }
    }
}

#[component]
fn Body(state: State) -> impl IntoView {
    let is_taking = Memo::new(move |_| state.taking.with(Option::is_some));
    view! {
        <p class="table-name" dir="auto">
            <strong>{move || state.look.with(|look| look.name.clone())}</strong>
        </p>
        {move || {
            if is_taking.get() {
                view! { <TakingView state=state /> }.into_any()
            } else {
                view! { <Choices state=state /> }.into_any()
            }
        }}
    }
    .into_any()
}

#[component]
fn TakingView(state: State) -> impl IntoView {
    let taking = move || state.taking.get().unwrap_or_default();
    let rows = move || format!("{} rows taken in so far.", count(taking().rows));
    view! {
        <div class="table-taking">
            <progress
                aria-label="Rows taken in"
                max="100"
                prop:value=move || {
                    let taking = taking();
                    (taking.done * 100 / taking.total.max(1)) as f64
                }
            ></progress>
            <p>{rows}</p>
            <p class="muted small">
                {move || match state.into.get_value() {
                    Some(_) => "What was taken in before you stop stays in the project.",
                    None => "If you stop, no project is made.",
                }}
            </p>
            <div class="actions">
                <button type="button" class="btn" on:click=move |_| state.stop()>
                    "Stop"
                </button>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Choices(state: State) -> impl IntoView {
    view! {
        <p class="muted">{move || state.look.with(words::about)}</p>
        <ReadingView state=state />
        <Columns state=state />
        <ScopeView state=state />
        <PreviewView state=state />
        {move || {
            state
                .failure
                .get()
                .filter(|failure| failure.kind != FailureKind::Cancelled)
                .map(|failure| failure_view(&failure, None))
        }}
        <div class="actions table-foot">
            <button
                type="button"
                class="btn primary"
                aria-disabled=move || state.lack().is_some().to_string()
                aria-describedby="table-lack"
                on:click=move |_| state.take()
            >
                "Take the rows in"
            </button>
            <button type="button" class="btn quiet" on:click=move |_| state.tables.open.set(false)>
                "Cancel"
            </button>
            <p class="error" id="table-lack">
                {move || state.lack().map(words::lack)}
            </p>
        </div>
    }
    .into_any()
}

/// Which rows are taken.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    All,
    First,
    Drawn,
}

#[component]
fn ScopeView(state: State) -> impl IntoView {
    let which = Memo::new(move |_| {
        state.scope.with(|scope| match (scope.most, scope.seed) {
            (None, _) => Which::All,
            (Some(_), None) => Which::First,
            (Some(_), Some(_)) => Which::Drawn,
        })
    });
    let many = RwSignal::new(1000_u64);
    let set = move |wanted: Which| {
        state.scope.update(|scope| {
            (scope.most, scope.seed) = match wanted {
                Which::All => (None, None),
                Which::First => (Some(many.get_untracked()), None),
                Which::Drawn => (Some(many.get_untracked()), Some(scope.seed.unwrap_or(1))),
            };
        });
    };
    let radio = move |value: Which, id: &'static str, label: &'static str| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="table-rows"
                    id=id
                    prop:checked=move || which.get() == value
                    on:change=move |_| set(value)
                />
                <span>{label}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="table-scope">
            <legend>"Which rows"</legend>
            {radio(Which::All, "table-all", "All of them")}
            {radio(Which::First, "table-first", "The first")}
            {radio(Which::Drawn, "table-drawn", "Drawn at random")}
            {move || {
                (which.get() != Which::All)
                    .then(|| {
                        view! {
                            <label class="table-many">
                                <span>"How many rows"</span>
                                <input
                                    type="number"
                                    min="1"
                                    step="1"
                                    prop:value=move || many.get().to_string()
                                    on:change:target=move |event| {
                                        if let Ok(rows) = event.target().value().parse::<u64>() {
                                            many.set(rows.max(1));
                                            set(which.get_untracked());
                                        }
                                    }
                                />
                            </label>
                        }
                            .into_any()
                    })
            }}
        </fieldset>
    }
    .into_any()
}

#[component]
fn PreviewView(state: State) -> impl IntoView {
    view! {
        <section class="table-preview" aria-labelledby="table-preview-title">
            <h3 id="table-preview-title">"What comes of it"</h3>
            {move || match state.preview.get() {
                None if state.lack().is_some() => {
                    view! { <p class="muted">"Nothing yet."</p> }.into_any()
                }
                None => view! { <p class="muted" role="status">"Looking at the rows…"</p> }.into_any(),
                Some(preview) => preview_view(&preview),
            }}
        </section>
    }
    .into_any()
}

fn preview_view(preview: &Preview) -> AnyView {
    let left_out = preview
        .tally
        .left_out
        .iter()
        .map(|one| {
            let text = format!("{}: {}", one.reason, words::seen(&one.seen));
            view! { <li dir="auto">{text}</li> }.into_any()
        })
        .collect::<Vec<_>>();
    let total: u64 = preview
        .tally
        .left_out
        .iter()
        .map(|one| one.seen.count)
        .sum();
    let left_out = (total > 0).then(|| {
        view! {
            <details class="more">
                <summary>{format!("{} left out", count(total))}</summary>
                <ul class="small">{left_out}</ul>
            </details>
        }
        .into_any()
    });
    let records = preview.records.iter().map(record_view).collect::<Vec<_>>();
    view! {
        <p role="status">{words::tally(&preview.tally, preview.is_whole)}</p>
        {left_out}
        <ol class="table-records">{records}</ol>
    }
    .into_any()
}

fn record_view(shaped: &Shaped) -> AnyView {
    let line = |who: &'static str, text: &str| {
        view! {
            <div class="table-line">
                <span class="table-who">{who}</span>
                <span class="table-text" dir="auto">{clip(text)}</span>
            </div>
        }
        .into_any()
    };
    let said = |turn: &Turn| {
        let who = match turn.role {
            Role::System => "System",
            Role::User => "User",
            Role::Assistant => "Assistant",
        };
        line(who, &turn.text)
    };
    let of = |name: &'static str, answer: &Answer| match answer {
        Answer::None => vec![view! { <p class="muted small">"To be answered."</p> }.into_any()],
        Answer::Text(text) => vec![line(name, text)],
        Answer::Turns(turns) => turns.iter().map(said).collect(),
    };
    let has_turns = matches!(shaped.answer, Answer::Turns(_));
    let instruction = (!has_turns).then(|| line("Instruction", &shaped.instruction));
    let name = if shaped.rejected.is_some() {
        "Better answer"
    } else {
        "Answer"
    };
    let beside = [&shaped.topic, &shaped.perspective, &shaped.model]
        .into_iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .chain(shaped.metadata.keys().cloned())
        .collect::<Vec<_>>()
        .join(" · ");
    view! {
        <li>
            {instruction}
            {of(name, &shaped.answer)}
            {shaped.rejected.as_ref().map(|other| of("Worse answer", other))}
            {(!beside.is_empty()).then(|| view! { <p class="muted small" dir="auto">{beside}</p> }.into_any())}
        </li>
    }
    .into_any()
}

/// The beginning of a text: the dialog shows shapes, not all words.
fn clip(text: &str) -> String {
    const SHOWN: usize = 280;
    let mut clipped: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        clipped.push('…');
    }
    clipped
}
