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

/// A name that format 1 drew for a guest.
pub fn is_drawn_name(name: &str) -> bool {
    name.strip_prefix("guest-")
        .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether an id was drawn by a browser, so that no account can have it: only such an identity may ever be claimed.
pub fn is_local_id(id: &str) -> bool {
    id.starts_with(LOCAL_MARK) || is_drawn_name(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_never_taken_for_a_local_identity() {
        assert!(is_local_id(&Identity::guest("a1b2c3d4").id));
        assert!(is_local_id("guest-c29b43"));
        for account in ["ann", "guest-book", "guest-c29b4", "guest-c29b43x"] {
            assert!(!is_local_id(account), "{account}");
        }
    }
}
