//! Files to load: those kept in this browser, those where the app stands, and those we point to.

use super::super::super::gguf::{ADVISED, hub_of_models, is_picked, kept_first, size, size_of};
use super::super::super::tab::wanted;
use super::Loader;
use leptos::prelude::*;
use seedbed_core::engine::{EngineKept, EngineModel};

/// What is kept, of the state.
fn kept(loader: Loader) -> Vec<EngineKept> {
    loader.tab.state().with(|state| {
        state
            .as_ref()
            .map(|state| state.kept.clone())
            .unwrap_or_default()
    })
}

/// `url` is kept, whole or in part.
fn is_kept(loader: Loader, url: &str) -> bool {
    loader.tab.state().with(|state| {
        state
            .as_ref()
            .is_some_and(|state| state.kept.iter().any(|file| file.model.url == url))
    })
}

/// The button that loads `model`.
fn load_button(loader: Loader, label: String, name: &str, model: EngineModel) -> AnyView {
    let name = format!(" {name}");
    view! {
        <button
            type="button"
            class="btn small"
            aria-disabled=move || loader.is_blocked.get().to_string()
            on:click=move |_| loader.load(model.clone())
        >
            {label}
            <span class="sr-only">{name}</span>
        </button>
    }
    .into_any()
}

/// A row: name, facts, what it is good for, and what can be done.
fn row(name: AnyView, facts: String, about: &'static str, actions: AnyView) -> AnyView {
    view! {
        <li class="tab-file">
            <div class="tab-file-text">
                <p class="tab-file-name">{name}</p>
                {(!about.is_empty()).then(|| view! { <p class="small">{about}</p> }.into_any())}
                <p class="muted small">{facts}</p>
            </div>
            <div class="actions">{actions}</div>
        </li>
    }
    .into_any()
}

fn joined(parts: Vec<Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Files in this browser's storage.
#[component]
pub(super) fn KeptFiles(
    loader: Loader,
    /// Whether a model can run here at all.
    can_load: bool,
) -> impl IntoView {
    let files = Memo::new(move |_| {
        kept_first(
            kept(loader),
            &wanted(loader.desk).map_or_else(String::new, |wanted| wanted.name),
        )
    });
    let loaded = Memo::new(move |_| loader.tab.loaded().map(|loaded| loaded.model.name));
    // Address of the file whose deletion is being asked about.
    let asked: RwSignal<Option<String>> = RwSignal::new(None);
    move || {
        let files = files.get();
        if files.is_empty() {
            return None;
        }
        let loaded = loaded.get();
        let rows = files
            .into_iter()
            .enumerate()
            .map(|(index, file)| {
                let is_loaded = loaded.as_ref() == Some(&file.model.name);
                kept_row(loader, index, file, can_load, is_loaded, asked)
            })
            .collect::<Vec<_>>();
        Some(
            view! {
                <section class="tab-files" aria-labelledby="tab-kept-title">
                    <h3 id="tab-kept-title" tabindex="-1">
                        "Kept in this browser"
                    </h3>
                    <ul>{rows}</ul>
                </section>
            }
            .into_any(),
        )
    }
}

fn kept_row(
    loader: Loader,
    index: usize,
    file: EngineKept,
    can_load: bool,
    is_loaded: bool,
    asked: RwSignal<Option<String>>,
) -> AnyView {
    let Loader { desk, tab, .. } = loader;
    let EngineKept {
        model,
        have,
        is_whole,
    } = file;
    let name = model.name.clone();
    let there = if is_whole {
        Some(size(have))
    } else if model.bytes.is_some() {
        Some(format!(
            "{} is here",
            size_of(have, model.bytes.unwrap_or(0))
        ))
    } else {
        Some(format!("not complete: {} is here", size(have)))
    };
    // A picked file's address ends with the page, so the rest of it can only be had by picking it again.
    let is_lost = !is_whole && is_picked(&model);
    let facts = joined(vec![
        there,
        model.license.clone(),
        model.repo.clone(),
        is_lost.then(|| "choose the file again to go on".to_owned()),
    ]);
    let load = if is_loaded {
        Some(view! { <span class="tag">"loaded"</span> }.into_any())
    } else if !can_load || is_lost {
        None
    } else {
        let label = if is_whole { "Load" } else { "Go on loading" };
        Some(load_button(loader, label.to_owned(), &name, model.clone()))
    };
    // Its file is open while it is being loaded.
    let is_open = {
        let name = name.clone();
        Memo::new(move |_| {
            tab.loading()
                .with(|loading| loading.as_ref().is_some_and(|loading| loading.name == name))
        })
    };
    let delete_id = format!("tab-delete-{index}");
    let sure_id = format!("tab-sure-{index}");
    let is_asked = {
        let url = model.url.clone();
        Memo::new(move |_| asked.with(|asked| asked.as_ref() == Some(&url)))
    };
    let actions = move || {
        let (url, model) = (model.url.clone(), model.clone());
        let (delete_id, sure_id) = (delete_id.clone(), sure_id.clone());
        if is_asked.get() {
            view! {
                <span class="small">"To have it again it must be fetched again."</span>
                <button
                    type="button"
                    class="btn small"
                    id=sure_id
                    on:click=move |_| {
                        asked.set(None);
                        if is_open.get_untracked() {
                            return;
                        }
                        tab.forget(desk, &model);
                        // The list may go with its last file.
                        desk.focus_soon("tab-kept-title");
                        desk.focus_soon("tab-model");
                    }
                >
                    {format!("Delete {}", size(have))}
                </button>
                <button
                    type="button"
                    class="btn small quiet"
                    on:click=move |_| {
                        asked.set(None);
                        desk.focus_on(delete_id.clone());
                    }
                >
                    "Keep it"
                </button>
            }
            .into_any()
        } else {
            let name = format!(" {}", model.name);
            view! {
                <button
                    type="button"
                    class="btn small quiet"
                    id=delete_id
                    aria-disabled=move || is_open.get().to_string()
                    on:click=move |_| {
                        if !is_open.get_untracked() {
                            asked.set(Some(url.clone()));
                            desk.focus_on(sure_id.clone());
                        }
                    }
                >
                    "Delete"
                    <span class="sr-only">{name}</span>
                </button>
            }
            .into_any()
        }
    };
    row(
        name.into_any(),
        facts,
        "",
        view! {
            {load}
            {actions}
        }
        .into_any(),
    )
}

/// Size and verb of a button for a file that is not here yet.
fn download_label(bytes: Option<u64>, is_about: bool) -> String {
    match bytes {
        Some(bytes) if is_about => format!("Download about {} and load", size(bytes)),
        Some(bytes) => format!("Download {} and load", size(bytes)),
        None => "Download and load".to_owned(),
    }
}

/// Files that stand where the app does.
#[component]
pub(super) fn ServedFiles(loader: Loader) -> impl IntoView {
    let served = loader.desk.served_models();
    let rows = Memo::new(move |_| {
        served
            .iter()
            .filter(|model| !is_kept(loader, &model.url))
            .cloned()
            .collect::<Vec<_>>()
    });
    move || {
        let rows = rows
            .get()
            .into_iter()
            .map(|model| {
                let facts = joined(vec![
                    Some(
                        model
                            .bytes
                            .map_or_else(|| "size not known".to_owned(), size),
                    ),
                    Some(
                        model
                            .license
                            .clone()
                            .unwrap_or_else(|| "licence not stated".to_owned()),
                    ),
                    model.repo.clone(),
                ]);
                let name = model.name.clone();
                let label = download_label(model.bytes, false);
                let button = load_button(loader, label, &name, model);
                row(name.into_any(), facts, "", button)
            })
            .collect::<Vec<_>>();
        (!rows.is_empty()).then(|| {
            view! {
                <section class="tab-files" aria-labelledby="tab-served-title">
                    <h3 id="tab-served-title">"On this server"</h3>
                    <ul>{rows}</ul>
                </section>
            }
            .into_any()
        })
    }
}

/// Files that we point to. Folded while there is something nearer.
#[component]
pub(super) fn AdvisedFiles(loader: Loader) -> impl IntoView {
    let hub = hub_of_models(&loader.desk.hub_address());
    let host = hub
        .split("://")
        .nth(1)
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    let is_folded = untrack(|| !kept(loader).is_empty())
        || !loader.desk.served_models().is_empty()
        || loader.tab.loading().with_untracked(Option::is_some);
    let left = {
        let hub = hub.clone();
        Memo::new(move |_| {
            ADVISED
                .iter()
                .filter(|advised| !is_kept(loader, &advised.model(&hub).url))
                .collect::<Vec<_>>()
        })
    };
    let rows = move || {
        left.get()
            .into_iter()
            .map(|advised| {
                let model = advised.model(&hub);
                let name = view! {
                    {advised.name}
                    " "
                    <a class="small" href=format!("{hub}/{}", advised.repo) target="_blank" rel="noopener">
                        "about"
                        <span class="sr-only">{format!(" {}, in a new tab", advised.name)}</span>
                    </a>
                }
                .into_any();
                let facts = format!("{} · about {}", advised.license, size(advised.about_bytes));
                let label = download_label(Some(advised.about_bytes), true);
                let button = load_button(loader, label, advised.name, model);
                row(name, facts, advised.good_for, button)
            })
            .collect::<Vec<_>>()
    };
    view! {
        <details class="more tab-fold" open=!is_folded>
            <summary>
                <h3>{format!("Small open models, from {host}")}</h3>
            </summary>
            <section class="tab-files" aria-label="Small open models">
                <ul>{rows}</ul>
            </section>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_says_what_it_will_fetch() {
        assert_eq!(
            download_label(Some(98_400_000), false),
            "Download 98 MB and load"
        );
        assert_eq!(
            download_label(Some(429_000_000), true),
            "Download about 429 MB and load"
        );
        assert_eq!(download_label(None, false), "Download and load");
    }
}
