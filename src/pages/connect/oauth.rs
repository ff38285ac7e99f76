//! Signing in by redirect: the page leaves for the Hub and comes back with `?code=…&state=…`.
//!
//! What is needed to finish (PKCE verifier, expected state) waits in the session storage of this tab and is removed
//! as soon as it is read. The query is stripped before anything else happens, so that a code never stays in the
//! address bar, the history or a copied link.

use super::Connect;
use super::reviewers::has_claims;
use crate::pages::desk::{Desk, failure_of};
use seedbed_core::messages::{Failure, FailureKind, OauthPending, Reply, Request};
use serde::{Deserialize, Serialize};

/// Key of the session storage.
const PENDING: &str = "seedbed:oauth";

/// What waits while the person is at the Hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    pending: OauthPending,
    /// Hash of the address to come back to.
    hash: String,
}

/// What the address says on load.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Returned {
    Code { code: String, state: String },
    Refused { error: String, description: String },
}

/// Reads the query of an address, `?a=b&c=d`.
fn read_query(query: &str) -> Option<Returned> {
    let mut code = None;
    let mut state = None;
    let mut error = None;
    let mut description = String::new();
    for pair in query.trim_start_matches('?').split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode(value);
        match key {
            "code" => code = Some(value),
            "state" => state = Some(value),
            "error" => error = Some(value),
            "error_description" => description = value,
            _ => {}
        }
    }
    match (code, state, error) {
        (_, Some(_), Some(error)) => Some(Returned::Refused { error, description }),
        (Some(code), Some(state), None) => Some(Returned::Code { code, state }),
        _ => None,
    }
}

/// `application/x-www-form-urlencoded` decoding; what is no code stays as it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let code = (byte == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (_, Some(decoded)) => {
                out.push(decoded);
                index += 3;
                continue;
            }
            (b'+', None) => out.push(b' '),
            (other, None) => out.push(other),
        }
        index += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Leaves for the Hub's sign-in page. Comes back only on failure.
pub(super) async fn leave(desk: Desk, scopes: &str) -> Result<(), Failure> {
    let Some(client_id) = desk.oauth_client_id() else {
        return Err(Failure::new(
            FailureKind::Invalid,
            "This copy of Seedbed is not registered for signing in with the Hub.",
        )
        .next("Paste an access token instead."));
    };
    let request = Request::OauthStart {
        client_id,
        redirect_uri: desk.page_address(),
        scopes: scopes.to_owned(),
    };
    let Reply::OauthStart { url, pending } = desk.ask(request).await? else {
        return Err(failure_of("The worker gave another answer than asked for."));
    };
    let waiting = Waiting {
        pending,
        hash: desk.hash(),
    };
    let text = serde_json::to_string(&waiting).unwrap_or_default();
    if !desk.session_set(PENDING, &text) {
        return Err(Failure::new(
            FailureKind::Storage,
            "The browser blocks this page's session storage, so signing in could not be finished on return.",
        )
        .next("Open Seedbed in its own tab, or paste an access token."));
    }
    desk.navigate_away(&url);
    Ok(())
}

/// On load: if the address comes from the Hub, strips it and finishes signing in. `None` = nothing to finish.
///
/// Signed in, `connect` asks whether what was decided here before is the account's, if that is not known.
pub async fn finish_redirect(desk: Desk, connect: Connect) -> Option<Result<(), Failure>> {
    let returned = read_query(&desk.query())?;
    let waiting = desk
        .session_take(PENDING)
        .and_then(|text| serde_json::from_str::<Waiting>(&text).ok());
    desk.strip_query(waiting.as_ref().map_or("", |waiting| waiting.hash.as_str()));
    let (code, state) = match returned {
        Returned::Code { code, state } => (code, state),
        Returned::Refused { error, description } => {
            let failure = if error == "access_denied" {
                Failure::new(
                    FailureKind::Cancelled,
                    "Signing in was cancelled at the Hub.",
                )
                .means("Nothing changed; your work is on this machine as before.")
            } else {
                Failure::new(FailureKind::Auth, "The Hub refused to sign you in.")
                    .next("Try again, or paste an access token.")
                    .detail(format!("{error}: {description}"))
            };
            return Some(Err(failure));
        }
    };
    let Some(waiting) = waiting else {
        return Some(Err(Failure::new(
            FailureKind::Auth,
            "Signing in was started in another tab, or too long ago.",
        )
        .next("Sign in again here.")));
    };
    let request = Request::OauthFinish {
        pending: waiting.pending,
        state,
        code,
    };
    Some(match desk.ask(request).await {
        Ok(Reply::SignedIn { account, token }) => {
            // Coming back from a redirect is a reload: without this the next reload would sign out again.
            desk.session_set(super::sign_in::TOKEN, &token);
            desk.set_account(Some(account));
            if has_claims(desk).await {
                connect.open_sign_in();
            }
            Ok(())
        }
        Ok(_) => Err(failure_of("The worker gave another answer than asked for.")),
        Err(failure) => Err(failure),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_recognised_and_decoded() {
        assert_eq!(
            read_query("?code=a%2Fb&state=x+y"),
            Some(Returned::Code {
                code: "a/b".into(),
                state: "x y".into()
            })
        );
        assert!(matches!(
            read_query("?error=access_denied&error_description=no&state=s"),
            Some(Returned::Refused { .. })
        ));
        for other in ["", "?", "?code=1", "?state=1", "?theme=dark", "?error=x"] {
            assert_eq!(read_query(other), None, "{other}");
        }
    }

    #[test]
    fn broken_percent_codes_stay_text() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
        assert_eq!(percent_decode("%C3%A9"), "é");
        assert_eq!(percent_decode("é%é"), "é%é");
    }
}
