//! Addresses within the app: the part behind `#`. Only the hash is used, so that any static host can serve the app at any
//! path and a reload always finds it.

use std::fmt;

/// A step of the work on a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// What the expert says of the domain.
    Seed,
    /// Instructions per cell of the grid.
    Prompts,
    /// Answers by a model.
    Generate,
    /// Decisions by people.
    Review,
    /// The way to the Hub, and files.
    Publish,
}

impl Step {
    /// All, in the order of the work.
    pub const ALL: [Self; 5] = [
        Self::Seed,
        Self::Prompts,
        Self::Generate,
        Self::Review,
        Self::Publish,
    ];

    /// As it stands in an address.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Prompts => "prompts",
            Self::Generate => "generate",
            Self::Review => "review",
            Self::Publish => "publish",
        }
    }

    /// As the person reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seed => "Seed",
            Self::Prompts => "Prompts",
            Self::Generate => "Generate",
            Self::Review => "Review",
            Self::Publish => "Publish",
        }
    }

    fn parse(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.slug() == slug)
    }
}

/// Where the person is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The projects.
    Home,
    /// A step of a project on this machine.
    Project {
        /// Its id.
        id: String,
        /// The step.
        step: Step,
    },
    /// A project that is opened from the Hub; the address becomes that of the local project once it is there.
    Hub {
        /// `owner/name`.
        repo: String,
        /// The step to begin with.
        step: Step,
    },
    /// How quick the model in this tab is.
    Measure,
    /// No such page.
    Unknown {
        /// The hash as it came.
        hash: String,
    },
}

impl Route {
    /// Reads the hash of an address, with or without `#`.
    pub fn parse(hash: &str) -> Self {
        let path = hash.trim_start_matches('#').trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let is_name = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match parts.as_slice() {
            [""] => Self::Home,
            ["measure"] => Self::Measure,
            ["p", id] if is_name(id) => Self::project(id, Step::Seed),
            ["p", id, step] if is_name(id) => match Step::parse(step) {
                Some(step) => Self::project(id, step),
                None => Self::unknown(hash),
            },
            ["hub", owner, name] if is_name(owner) && is_name(name) => Self::Hub {
                repo: format!("{owner}/{name}"),
                step: Step::Seed,
            },
            ["hub", owner, name, step] if is_name(owner) && is_name(name) => {
                match Step::parse(step) {
                    Some(step) => Self::Hub {
                        repo: format!("{owner}/{name}"),
                        step,
                    },
                    None => Self::unknown(hash),
                }
            }
            _ => Self::unknown(hash),
        }
    }

    /// A step of a project.
    pub fn project(id: &str, step: Step) -> Self {
        Self::Project {
            id: id.to_owned(),
            step,
        }
    }

    fn unknown(hash: &str) -> Self {
        Self::Unknown {
            hash: hash.to_owned(),
        }
    }

    /// The repo that a person means: `owner/name`, an address of its page on a Hub, or a link into this app.
    pub fn repo_of(text: &str) -> Option<String> {
        let text = text.trim();
        let path = match text.split_once("#/hub/") {
            Some((_, path)) => path,
            None => text.split(['?', '#']).next().unwrap_or_default(),
        };
        let path = path.split_once("datasets/").map_or(path, |(_, path)| path);
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let repo = format!("{}/{}", parts.next()?, parts.next()?);
        match Self::parse(&format!("#/hub/{repo}")) {
            Self::Hub { repo, .. } => Some(repo),
            _ => None,
        }
    }

    /// The step, where there is one.
    pub fn step(&self) -> Option<Step> {
        match self {
            Self::Project { step, .. } | Self::Hub { step, .. } => Some(*step),
            Self::Home | Self::Measure | Self::Unknown { .. } => None,
        }
    }
}

/// The hash, with `#`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("#/"),
            Self::Measure => f.write_str("#/measure"),
            Self::Project { id, step } => write!(f, "#/p/{id}/{}", step.slug()),
            Self::Hub {
                repo,
                step: Step::Seed,
            } => write!(f, "#/hub/{repo}"),
            Self::Hub { repo, step } => write!(f, "#/hub/{repo}/{}", step.slug()),
            Self::Unknown { hash } => f.write_str(hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_read_back_from_its_own_address() {
        let mut routes = vec![Route::Home, Route::Measure];
        for step in Step::ALL {
            routes.push(Route::project("k3f-9a", step));
            routes.push(Route::Hub {
                repo: "some-one/data_set.v2".into(),
                step,
            });
        }
        for route in routes {
            assert_eq!(Route::parse(&route.to_string()), route);
        }
    }

    #[test]
    fn an_address_without_a_hash_or_with_an_empty_one_is_home() {
        for hash in ["", "#", "#/", "/"] {
            assert_eq!(Route::parse(hash), Route::Home, "{hash}");
        }
    }

    #[test]
    fn a_shared_link_leads_straight_into_review() {
        assert_eq!(
            Route::parse("#/hub/local/farming/review"),
            Route::Hub {
                repo: "local/farming".into(),
                step: Step::Review
            }
        );
        assert_eq!(Route::parse("#/p/abc"), Route::project("abc", Step::Seed));
    }

    #[test]
    fn a_repo_is_found_in_what_people_paste() {
        for text in [
            "some-one/rows",
            " some-one/rows ",
            "datasets/some-one/rows",
            "https://huggingface.co/datasets/some-one/rows",
            "https://huggingface.co/datasets/some-one/rows/tree/main?x=1",
            "hf://datasets/some-one/rows",
            "https://example.org/app/#/hub/some-one/rows/review",
        ] {
            assert_eq!(
                Route::repo_of(text).as_deref(),
                Some("some-one/rows"),
                "{text}"
            );
        }
        for text in ["", "rows", "https://huggingface.co/", "a b/c", "some-one/"] {
            assert_eq!(Route::repo_of(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_page_is_said_to_be_unknown() {
        for hash in [
            "#/p/",
            "#/p/abc/insights",
            "#/hub/one",
            "#/hub/a/b/c/d",
            "#/hub/a b/c",
            "#/p/<script>/seed",
            "#export-title",
        ] {
            assert!(
                matches!(Route::parse(hash), Route::Unknown { .. }),
                "{hash}"
            );
        }
    }
}
