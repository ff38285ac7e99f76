//! How the file is read: its encoding, damaged letters, its header, its parts.

use super::dialog::State;
use super::words;
use leptos::prelude::*;
use seedbed_core::import::{DamageLook, EncodingLook, Look, PartLook};

#[component]
pub(super) fn ReadingView(state: State) -> impl IntoView {
    view! {
        {move || {
            state
                .look
                .with(|look| {
                    let encoding = look
                        .encoding
                        .as_ref()
                        .filter(|encoding| !encoding.is_certain || !encoding.others.is_empty())
                        .map(|encoding| encoding_view(state, encoding));
                    let damage = look.damage.as_ref().map(|damage| damage_view(state, damage));
                    let header = look
                        .header
                        .filter(|_| look.is_header_doubtful || state.choice.with(|choice| choice.has_header.is_some()))
                        .map(|has| header_view(state, has));
                    let parts = (!look.parts.is_empty()).then(|| parts_view(state, &look.parts));
                    (encoding, damage, header, parts, notes_view(look))
                })
        }}
    }
    .into_any()
}

fn encoding_view(state: State, look: &EncodingLook) -> AnyView {
    let options = std::iter::once(&look.used)
        .chain(&look.others)
        .enumerate()
        .map(|(at, encoding)| {
            view! {
                <option value=encoding.name.clone() selected=at == 0>
                    {encoding.label.clone()}
                </option>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let lines = look
        .lines
        .iter()
        .map(|(number, text)| {
            view! {
                <li value=number.to_string() dir="auto">
                    {text.clone()}
                </li>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <section class="table-question" aria-labelledby="table-encoding-title">
            <h3 id="table-encoding-title">"Are these letters right?"</h3>
            <ol class="table-lines">{lines}</ol>
            <div class="field">
                <label for="table-encoding">"Read the file as"</label>
                <select
                    id="table-encoding"
                    on:change:target=move |event| {
                        state.choice.update(|choice| choice.encoding = Some(event.target().value()));
                        state.read_again();
                    }
                >
                    {options}
                </select>
            </div>
        </section>
    }
    .into_any()
}

fn damage_view(state: State, damage: &DamageLook) -> AnyView {
    let is_mended = damage.is_mended;
    view! {
        <section class="table-question" aria-labelledby="table-damage-title">
            <h3 id="table-damage-title">"Some letters were damaged before"</h3>
            <p dir="auto">
                <del>{damage.before.clone()}</del>
                " "
                <ins>{damage.after.clone()}</ins>
            </p>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=is_mended
                    on:change:target=move |event| {
                        state.choice.update(|choice| choice.mends = Some(event.target().checked()));
                        state.read_again();
                    }
                />
                <span>{format!("Mend them, {}", words::seen(&damage.seen))}</span>
            </label>
        </section>
    }
    .into_any()
}

fn header_view(state: State, has_header: bool) -> AnyView {
    view! {
        <label class="check table-question">
            <input
                type="checkbox"
                prop:checked=has_header
                on:change:target=move |event| {
                    state.choice.update(|choice| choice.has_header = Some(event.target().checked()));
                    state.read_again();
                }
            />
            <span>"The first row names the columns"</span>
        </label>
    }
    .into_any()
}

fn parts_view(state: State, parts: &[PartLook]) -> AnyView {
    let all: Vec<String> = parts.iter().map(|part| part.name.clone()).collect();
    let all = StoredValue::new(all);
    let boxes = parts
        .iter()
        .map(|part| {
            let name = StoredValue::new(part.name.clone());
            let is_taken = move || {
                state.scope.with(|scope| {
                    scope.parts.is_empty() || name.with_value(|name| scope.parts.contains(name))
                })
            };
            let label = match part.rows {
                Some(rows) => format!("{} ({rows})", part.name),
                None => part.name.clone(),
            };
            view! {
                <label class="check">
                    <input
                        type="checkbox"
                        prop:checked=is_taken
                        on:change:target=move |event| {
                            let is_wanted = event.target().checked();
                            state
                                .scope
                                .update(|scope| {
                                    if scope.parts.is_empty() {
                                        scope.parts = all.get_value();
                                    }
                                    name.with_value(|name| {
                                        scope.parts.retain(|part| part != name);
                                        if is_wanted {
                                            scope.parts.push(name.clone());
                                        }
                                    });
                                    // None at all is no choice.
                                    if scope.parts.is_empty() {
                                        scope.parts = all.get_value();
                                    }
                                });
                        }
                    />
                    <span dir="auto">{label}</span>
                </label>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <fieldset class="table-question">
            <legend>"The file holds several tables"</legend>
            {boxes}
        </fieldset>
    }
    .into_any()
}

fn notes_view(look: &Look) -> Option<AnyView> {
    let mut notes = look.notes.clone();
    if look.lost.count > 0 {
        notes.push(format!(
            "Letters were lost in the file itself (they are \u{fffd} there), {}: such rows are left out.",
            words::seen(&look.lost)
        ));
    }
    (!notes.is_empty()).then(|| {
        let items = notes
            .into_iter()
            .map(|note| view! { <li dir="auto">{note}</li> }.into_any())
            .collect::<Vec<_>>();
        view! { <ul class="notice small table-notes">{items}</ul> }.into_any()
    })
}
