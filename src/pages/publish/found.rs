//! A repo that is there already: what it holds, before anything is linked.

use super::plan::size_text;
use super::repo::Chooser;
use crate::pages::desk::failure_view;
use crate::pages::generate::words::plural;
use leptos::prelude::*;
use seedbed_core::messages::{RepoOverview, Request};

/// What was asked for when the repo was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A new repo of this name; private or not.
    New { private: bool },
    /// This repo.
    This,
}

/// Names in a line at most.
const NAMED: usize = 5;

/// `a, b and 3 more`.
fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let rest = names.len().saturating_sub(NAMED);
    let text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if rest > 0 {
        format!("{text} and {rest} more")
    } else {
        text
    }
}

fn title(repo: &RepoOverview, asked: Asked) -> String {
    match asked {
        Asked::New { .. } => format!("The name {} is taken", repo.repo),
        Asked::This => format!("What {} holds", repo.repo),
    }
}

/// What the person should know of it, one fact a line.
fn facts(repo: &RepoOverview, asked: Asked) -> Vec<String> {
    let mut facts = Vec::new();
    facts.push(match (repo.private, asked) {
        (false, Asked::New { private: true }) => {
            "It is public, and you asked for a private one. Using it leaves it public.".to_owned()
        }
        (true, Asked::New { private: false }) => {
            "It is private, and you asked for a public one. Using it leaves it private.".to_owned()
        }
        (false, _) => "It is public: anyone can read it.".to_owned(),
        (true, _) => "It is private.".to_owned(),
    });
    let is_empty = !repo.is_seedbed && repo.size_bytes == 0 && repo.data_files.is_empty();
    facts.push(match (repo.is_seedbed, repo.domain.trim()) {
        (true, "") => "A Seedbed project was published to it.".to_owned(),
        (true, domain) => format!("The Seedbed project “{domain}” was published to it."),
        (false, _) if is_empty => "It is empty.".to_owned(),
        (false, _) => "It was not made with Seedbed.".to_owned(),
    });
    if repo.is_newer {
        facts.push(
            "A newer Seedbed wrote it. This one can read it and add decisions, and rewrites nothing there. Reload the page to get the newer one."
                .to_owned(),
        );
    }
    if repo.seed_differs {
        facts.push(
            "Its seed is another one than yours. All its records and decisions would come into this project, and nothing takes them out again."
                .to_owned(),
        );
    }
    if !repo.data_files.is_empty() {
        let bytes = repo.data_files.iter().map(|(_, bytes)| bytes).sum();
        facts.push(format!(
            "It holds {} that Seedbed did not write ({}): {}.",
            plural(repo.data_files.len() as u64, "data file", "data files"),
            size_text(bytes),
            named(repo.data_files.iter().map(|(path, _)| path.as_str())),
        ));
    }
    if !repo.configs.is_empty() {
        facts.push(format!(
            "Its card declares {}: {}.",
            plural(repo.configs.len() as u64, "subset", "subsets"),
            named(repo.configs.iter().map(String::as_str)),
        ));
    }
    if !is_empty {
        facts.push(format!(
            "All files together: {}.",
            size_text(repo.size_bytes)
        ));
    }
    facts
}

/// The repo, and whether to use it.
pub(super) fn found_view(chooser: Chooser, repo: &RepoOverview, asked: Asked) -> AnyView {
    let lines = facts(repo, asked)
        .into_iter()
        .map(|fact| view! { <li dir="auto">{fact}</li> }.into_any())
        .collect::<Vec<_>>();
    let name = repo.repo.clone();
    let link = move |_| {
        chooser.ask(
            Request::LinkRepo {
                project: chooser.desk.project_id(),
                repo: name.clone(),
                is_confirmed: true,
            },
            asked,
        );
    };
    view! {
        <div class="found">
            <h3 id="found-title" tabindex="-1">
                {title(repo, asked)}
            </h3>
            <ul>{lines}</ul>
            <p class="muted">
                "Linking changes nothing there. Before each publish you see every file and row that would change."
            </p>
            {move || chooser.failure.get().map(|failure| failure_view(&failure, None))}
            <div class="actions">
                <button
                    type="button"
                    class="btn"
                    class:primary=repo.is_seedbed && !repo.seed_differs
                    aria-disabled=move || chooser.busy.get().to_string()
                    on:click=link
                >
                    {move || if chooser.busy.get() { "Linking…" } else { "Use this repo" }}
                </button>
                <button type="button" class="btn" on:click=move |_| chooser.found.set(None)>
                    "Choose another one"
                </button>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repo_of_somebody_elses_data_is_shown_for_what_it_is() {
        let repo = RepoOverview {
            repo: "local/farming".into(),
            data_files: (0..7)
                .map(|n| (format!("data/{n}.parquet"), 1024))
                .collect(),
            configs: vec!["default".into(), "test".into()],
            size_bytes: 9 * 1024,
            ..RepoOverview::default()
        };
        let asked = Asked::New { private: true };
        assert_eq!(title(&repo, asked), "The name local/farming is taken");
        assert_eq!(
            facts(&repo, asked),
            [
                "It is public, and you asked for a private one. Using it leaves it public.",
                "It was not made with Seedbed.",
                "It holds 7 data files that Seedbed did not write (7 KB): data/0.parquet, data/1.parquet, \
                 data/2.parquet, data/3.parquet, data/4.parquet and 2 more.",
                "Its card declares 2 subsets: default, test.",
                "All files together: 9 KB.",
            ]
        );
    }

    #[test]
    fn a_project_with_another_seed_says_what_linking_does_for_good() {
        let mut repo = RepoOverview {
            private: true,
            is_seedbed: true,
            domain: "Bees".into(),
            seed_differs: true,
            is_newer: true,
            size_bytes: 1,
            ..RepoOverview::default()
        };
        let text = facts(&repo, Asked::This).join("\n");
        for part in [
            "is private.",
            "“Bees”",
            "nothing takes them out",
            "newer Seedbed",
        ] {
            assert!(text.contains(part), "{text}");
        }
        repo = RepoOverview::default();
        let text = facts(&repo, Asked::This).join(" ");
        assert_eq!(text, "It is public: anyone can read it. It is empty.");
    }
}
