//! The grid as a table: a cell is chosen by pointer, or by the arrow keys and Enter.

use super::board::Board;
use super::counts::{cell_label, cell_name};
use crate::pages::generate::words::plural;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use seedbed_core::messages::CellCount;
use seedbed_core::prompt::Cell;

/// The section.
#[component]
pub(super) fn GridMap(board: Board) -> impl IntoView {
    // The cell that Tab leads to; the arrow keys move it.
    let at = RwSignal::new((0_usize, 0_usize));
    let shape = Memo::new(move |_| {
        board
            .grid
            .with(|grid| (grid.topics.clone(), grid.perspectives.clone()))
    });
    view! {
        <section class="card grid-card" aria-labelledby="grid-title">
            <div class="card-head">
                <h2 id="grid-title">"Grid"</h2>
                <button
                    type="button"
                    class="seg"
                    aria-pressed=move || board.cell.with(Option::is_none).to_string()
                    on:click=move |_| board.choose_cell(None)
                >
                    "All cells"
                </button>
            </div>
            <div class="grid-scroll">
                {move || shape.with(|(topics, perspectives)| table_view(board, at, topics, perspectives))}
            </div>
            <p class="muted small grid-legend" aria-hidden="true">
                <span class="n-kept">"n"</span>
                " kept "
                <span class="n-proposed">"+n"</span>
                " proposed, yet to be chosen"
            </p>
            {move || {
                let others = board.grid.with(|grid| grid.others.clone());
                (!others.is_empty()).then(|| others_view(board, &others))
            }}
        </section>
    }
    .into_any()
}

fn table_view(
    board: Board,
    at: RwSignal<(usize, usize)>,
    topics: &[String],
    perspectives: &[String],
) -> AnyView {
    let has_columns = perspectives.iter().any(|name| !name.is_empty());
    let (last_row, last_column) = (topics.len().max(1) - 1, perspectives.len().max(1) - 1);
    at.update_untracked(|at| *at = (at.0.min(last_row), at.1.min(last_column)));
    let head = has_columns.then(|| {
        let names = perspectives
            .iter()
            .map(|name| view! { <th scope="col" dir="auto">{name.clone()}</th> }.into_any())
            .collect::<Vec<_>>();
        view! {
            <thead>
                <tr>
                    <td class="grid-corner"></td>
                    {names}
                </tr>
            </thead>
        }
        .into_any()
    });
    let keydown = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let (row, column) = at.get_untracked();
        let to = match event.key().as_str() {
            "ArrowUp" => (row.saturating_sub(1), column),
            "ArrowDown" => ((row + 1).min(last_row), column),
            "ArrowLeft" => (row, column.saturating_sub(1)),
            "ArrowRight" => (row, (column + 1).min(last_column)),
            "Home" => (row, 0),
            "End" => (row, last_column),
            _ => return,
        };
        event.prevent_default();
        at.set(to);
        board.desk.focus_on(cell_id(to));
    };
    let body = topics
        .iter()
        .enumerate()
        .map(|(row, topic)| {
            let cells = perspectives
                .iter()
                .enumerate()
                .map(|(column, perspective)| {
                    let cell = Cell {
                        topic: topic.clone(),
                        perspective: perspective.clone(),
                    };
                    cell_view(board, at, (row, column), cell)
                })
                .collect::<Vec<_>>();
            view! {
                <tr>
                    <th scope="row" dir="auto">
                        {topic.clone()}
                    </th>
                    {cells}
                </tr>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    view! {
        <table
            class="grid"
            class:narrow=!has_columns
            style:min-width=format!("{}rem", 8.0 + 6.0 * perspectives.len() as f64)
            role="grid"
            aria-labelledby="grid-title"
            on:keydown=keydown
        >
            {head}
            <tbody>{body}</tbody>
        </table>
    }
    .into_any()
}

fn cell_id((row, column): (usize, usize)) -> String {
    format!("cell-{row}-{column}")
}

fn cell_view(
    board: Board,
    at: RwSignal<(usize, usize)>,
    place: (usize, usize),
    cell: Cell,
) -> AnyView {
    let count = {
        let cell = cell.clone();
        Memo::new(move |_| board.grid.with(|grid| grid.count(&cell)))
    };
    let is_on = {
        let cell = cell.clone();
        Memo::new(move |_| board.cell.with(|chosen| chosen.as_ref() == Some(&cell)))
    };
    view! {
        <td>
            <button
                type="button"
                id=cell_id(place)
                class="cell"
                class:has-kept=move || count.with(|count| count.kept > 0)
                tabindex=move || if at.get() == place { "0" } else { "-1" }
                aria-pressed=move || is_on.get().to_string()
                aria-label=move || count.with(cell_label)
                on:focus=move |_| at.set(place)
                on:click=move |_| {
                    board.choose_cell((!is_on.get_untracked()).then(|| cell.clone()));
                }
            >
                {move || count.with(numbers_view)}
            </button>
        </td>
    }
    .into_any()
}

/// The numbers of a cell, for the eye.
fn numbers_view(count: &CellCount) -> AnyView {
    if count.kept + count.proposed == 0 {
        let text = if count.struck > 0 {
            "all struck"
        } else {
            "–"
        };
        return view! { <span class="n-none">{text}</span> }.into_any();
    }
    let kept =
        (count.kept > 0).then(|| view! { <span class="n-kept">{count.kept}</span> }.into_any());
    let proposed = (count.proposed > 0).then(|| {
        view! { <span class="n-proposed">{format!("+{}", count.proposed)}</span> }.into_any()
    });
    view! {
        {kept}
        {proposed}
    }
    .into_any()
}

fn others_view(board: Board, others: &[CellCount]) -> AnyView {
    let buttons = others
        .iter()
        .map(|count| {
            let cell = count.cell.clone();
            let own = cell.clone();
            let total = count.kept + count.proposed + count.struck;
            view! {
                <button
                    type="button"
                    class="seg"
                    aria-pressed=move || {
                        board.cell.with(|chosen| chosen.as_ref() == Some(&own)).to_string()
                    }
                    on:click=move |_| board.choose_cell(Some(cell.clone()))
                >
                    <span dir="auto">{cell_name(&count.cell)}</span>
                    <span class="seg-count">{total}</span>
                </button>
            }
            .into_any()
        })
        .collect::<Vec<_>>();
    let kept: u32 = others.iter().map(|count| count.kept).sum();
    view! {
        <details class="more">
            <summary>
                {format!(
                    "{} outside the grid",
                    plural(others.len() as u64, "cell", "cells"),
                )}
            </summary>
            <p class="muted small">
                {format!(
                    "Their topic or perspective is no longer in the seed. {} still asked, until struck.",
                    plural(kept.into(), "kept instruction is", "kept instructions are"),
                )}
            </p>
            <div class="segments">{buttons}</div>
        </details>
    }
    .into_any()
}
