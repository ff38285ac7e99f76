//! Signing in as a public client: authorization code with PKCE (RFC 7636, S256).

use crate::error::{HubError, HubErrorKind, Token};
use crate::http::{ANSWER_BYTES, Line, pairs};
use crate::transport::{Method, Transport};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seedbed_core::messages::{HubConfig, OauthPending};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::rc::Rc;

/// The address to send the person to, and what to keep until they come back. `random` must be fresh and unguessable.
pub fn start(
    config: &HubConfig,
    client_id: &str,
    redirect_uri: &str,
    scopes: &str,
    random: [u8; 32],
) -> (String, OauthPending) {
    let derive = |label: &str| {
        let mut hash = Sha256::new();
        hash.update(label.as_bytes());
        hash.update(random);
        URL_SAFE_NO_PAD.encode(hash.finalize())
    };
    let pending = OauthPending {
        verifier: derive("verifier"),
        state: derive("state"),
        redirect_uri: redirect_uri.to_owned(),
        client_id: client_id.to_owned(),
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(pending.verifier.as_bytes()));
    let scope = format!("openid profile {}", scopes.trim());
    let query = pairs(&[
        ("client_id", client_id),
        ("scope", scope.trim()),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("state", &pending.state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    (
        format!(
            "{}/oauth/authorize?{query}",
            config.hub.trim_end_matches('/')
        ),
        pending,
    )
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    scope: String,
}

/// Trades the code for a token; returns it with the scopes that were granted.
///
/// # Errors
/// [`HubErrorKind::Refused`] when `state` is not the one that was sent, or the code is not (any more) good.
pub async fn finish(
    transport: &Rc<dyn Transport>,
    config: &HubConfig,
    pending: &OauthPending,
    state: &str,
    code: &str,
) -> Result<(Token, Vec<String>), HubError> {
    let what = "signing in";
    if state.is_empty() || state != pending.state {
        return Err(HubError {
            kind: HubErrorKind::Refused,
            ..HubError::malformed(
                what,
                "the answer does not belong to this sign-in; start it again",
            )
        });
    }
    // A code that was not taken may still be good: it stays out of texts for people, and so does the verifier.
    let line =
        Line::new(Rc::clone(transport), &config.hub, None).hiding(&[code, &pending.verifier]);
    let form = pairs(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &pending.redirect_uri),
        ("code_verifier", &pending.verifier),
        ("client_id", &pending.client_id),
    ]);
    let granted: Granted = line
        .send(
            what,
            Method::Post,
            &line.url("/oauth/token"),
            &[("Content-Type", "application/x-www-form-urlencoded")],
            form.into_bytes(),
            ANSWER_BYTES,
        )
        .await?
        .json(what)?;
    let token = Token::new(&granted.access_token)
        .ok_or_else(|| HubError::malformed(what, "the answer holds no token"))?;
    let scopes = granted
        .scope
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    Ok((token, scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_not_in_the_address_and_its_hash_is() {
        let (url, pending) = start(
            &HubConfig::default(),
            "me",
            "https://app.test/x/",
            "write-repos",
            [7; 32],
        );
        assert!(url.starts_with("https://huggingface.co/oauth/authorize?client_id=me&"));
        assert!(url.contains("scope=openid%20profile%20write-repos"));
        assert!(url.contains("redirect_uri=https%3A%2F%2Fapp.test%2Fx%2F"));
        assert!(!url.contains(&pending.verifier));
        assert_ne!(pending.verifier, pending.state);
        // RFC 7636 wants 43 to 128 characters.
        assert_eq!(pending.verifier.len(), 43);
    }
}
