//! Identities: who decided. A browser holds several, one is present; the id never changes, the name may.

use serde::{Deserialize, Serialize};

/// The mark of a local identity's id. No name on the Hub begins with it, so that no account can be mistaken for one.
const LOCAL_MARK: char = '~';

/// Someone who reviews in this browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Writer of the decisions: the Hub user name, or a local id.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Signed in to the Hub under this id.
    #[serde(default)]
    pub is_account: bool,
}

impl Identity {
    /// A local identity; `random` are 12 hex digits or more.
    pub fn guest(random: &str) -> Self {
        let short: String = random.chars().take(6).collect();
        Self {
            id: format!("{LOCAL_MARK}{random}"),
            name: format!("Guest {short}"),
            is_account: false,
        }
    }

    /// An account of the Hub.
    pub fn account(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            is_account: true,
        }
    }
}
