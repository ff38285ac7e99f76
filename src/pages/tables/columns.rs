//! What each column is for.

use super::dialog::State;
use super::words;
use leptos::prelude::*;
use seedbed_core::import::{ColumnKind, ColumnLook, InputPlace, Target};

#[component]
pub(super) fn Columns(state: State) -> impl IntoView {
    let has_input = Memo::new(move |_| {
        state
            .mapping
            .with(|mapping| mapping.column(Target::Input).is_some())
    });
    let rest = Memo::new(move |_| {
        state.mapping.with(|mapping| {
            mapping
                .columns
                .iter()
                .filter(|(_, target)| *target == Target::Unused)
                .count()
        })
    });
    view! {
        <section class="table-columns" aria-labelledby="table-columns-title">
            <h3 id="table-columns-title">"What the columns are for"</h3>
            <ul>
                {move || {
                    state
                        .look
                        .with(|look| {
                            look.columns
                                .iter()
                                .filter(|column| !column.is_index)
                                .enumerate()
                                .map(|(at, column)| column_view(state, at, column))
                                .collect::<Vec<_>>()
                        })
                }}
            </ul>
            {move || {
                (rest.get() > 0)
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn quiet small"
                                on:click=move |_| {
                                    state
                                        .mapping
                                        .update(|mapping| {
                                            for (_, target) in &mut mapping.columns {
                                                if *target == Target::Unused {
                                                    *target = Target::Metadata;
                                                }
                                            }
                                        });
                                }
                            >
                                "Keep what is left out beside the records"
                            </button>
                        }
                            .into_any()
                    })
            }}
            {move || has_input.get().then(|| place_view(state))}
        </section>
    }
    .into_any()
}

fn column_view(state: State, at: usize, column: &ColumnLook) -> AnyView {
    let id = format!("table-column-{at}");
    let name = StoredValue::new(column.name.clone());
    let chosen = move || name.with_value(|name| state.mapping.with(|mapping| mapping.target(name)));
    let options = Target::ALL
        .into_iter()
        .enumerate()
        .map(|(place, target)| {
            view! {
                <option value=place.to_string() selected=move || chosen() == target>
                    {words::target(target)}
                </option>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let what = match column.kind {
        ColumnKind::Conversation => "conversations",
        ColumnKind::List => "lists",
        ColumnKind::Object => "objects",
        ColumnKind::Media => "pictures or sound",
        ColumnKind::Empty => "empty",
        ColumnKind::Text | ColumnKind::Number | ColumnKind::Bool => "",
    };
    let filled = match column.filled {
        100 | 0 => String::new(),
        part => format!("{part} % filled"),
    };
    let about = [what.to_owned(), filled]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <li class="table-column">
            <div class="table-column-head">
                <label for=id.clone() dir="auto">
                    {column.name.clone()}
                </label>
                <span class="muted small">{about}</span>
            </div>
            <p class="table-example muted small" dir="auto">
                {column.example.clone()}
            </p>
            <div class="field">
            <select
                id=id
                on:change:target=move |event| {
                    let place = event.target().value().parse::<usize>();
                    let target = place.ok().and_then(|place| Target::ALL.get(place).copied());
                    if let Some(target) = target {
                        name.with_value(|name| {
                            state.mapping.update(|mapping| mapping.set(name, target));
                        });
                    }
                }
            >
                {options}
            </select>
            </div>
        </li>
    }
    .into_any()
}

/// Where what belongs to an instruction goes.
fn place_view(state: State) -> AnyView {
    let radio = move |place: InputPlace, label: &'static str| {
        view! {
            <label class="check">
                <input
                    type="radio"
                    name="table-input"
                    prop:checked=move || state.mapping.with(|mapping| mapping.input) == place
                    on:change=move |_| state.mapping.update(|mapping| mapping.input = place)
                />
                <span>{label}</span>
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="table-question">
            <legend>"What belongs to the instruction stands"</legend>
            {radio(InputPlace::After, "behind it")}
            {radio(InputPlace::Before, "before it, as a passage does")}
        </fieldset>
    }
    .into_any()
}
