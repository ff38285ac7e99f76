//! Signing in: authorization code with PKCE for public clients, with a consent page.

use super::Hub;
use super::consent::{consent_page, refuse};
use super::repos::key_of;
use crate::DEFAULT_USER;
use crate::clock::now_s;
use crate::disk::random_hex;
use crate::http::{Answer, Call, Reply, empty_reply, json_reply, ok, set};
use crate::text::{encode, pairs, value_of};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

/// Eight hours, the Hub's default.
const LIFETIME_S: u64 = 8 * 3600;
/// How long a consent page or a code is good for.
const PATIENCE_S: u64 = 600;

/// What can be asked for, and what that means.
pub(crate) const SCOPES: [(&str, &str); 17] = [
    ("openid", "know who you are"),
    ("profile", "read your name and picture"),
    ("email", "read your e-mail address"),
    ("read-repos", "read your repositories, private ones too"),
    (
        "contribute-repos",
        "create repositories and write to those it created",
    ),
    ("write-repos", "read and write all your repositories"),
    (
        "manage-repos",
        "create, write and delete all your repositories",
    ),
    ("gated-repos", "read gated repositories you have access to"),
    (
        "write-discussions",
        "open discussions and pull requests for you",
    ),
    ("inference-api", "ask models, billed to you"),
    ("jobs", "run jobs, billed to you"),
    ("read-memberships", "read your organisations"),
    ("read-billing", "know whether you can pay"),
    ("read-collections", "read your collections"),
    ("write-collections", "change your collections"),
    ("webhooks", "manage your webhooks"),
    ("read-endpoints", "read your inference endpoints"),
];

/// Consent pages that are open, and codes that were not redeemed yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    tickets: HashMap<String, Asked>,
    codes: HashMap<String, Granted>,
}

/// What an app asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    state: Option<String>,
    pub(crate) scopes: Vec<String>,
    challenge: String,
    at_s: u64,
}

/// What a person said yes to.
#[derive(Clone, Debug)]
struct Granted {
    asked: Asked,
    user: String,
}

pub(crate) fn configuration(hub: &Hub) -> Answer {
    let url = &hub.url;
    let scopes: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    ok(&json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/oauth/authorize"),
        "token_endpoint": format!("{url}/oauth/token"),
        "userinfo_endpoint": format!("{url}/oauth/userinfo"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": scopes,
    }))
}

/// Whether codes may be sent there: plain http on this machine, any port, no fragment.
fn is_loopback(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => authority,
    };
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
        && !uri.contains('#')
        && uri.chars().all(|c| c.is_ascii_graphic())
}

/// The S256 challenge of a verifier.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn redirect(uri: &str, pairs: &[(&str, &str)]) -> Reply {
    let mut location = uri.to_owned();
    location.push(if uri.contains('?') { '&' } else { '?' });
    for (at, (key, value)) in pairs.iter().enumerate() {
        let separator = if at == 0 { "" } else { "&" };
        let _ = write!(location, "{separator}{key}={}", encode(value, ""));
    }
    let mut reply = empty_reply(303);
    set(&mut reply, "location", &location);
    set(&mut reply, "cache-control", "no-store");
    reply
}

pub(crate) fn authorize(hub: &Hub, call: &Call) -> Answer {
    let query = call.query();
    let value = |key: &str| value_of(&query, key).filter(|text| !text.is_empty());
    let Some(redirect_uri) = value("redirect_uri").filter(|uri| is_loopback(uri)) else {
        return Ok(refuse(
            "redirect_uri has to be an http address on this machine (127.0.0.1 or localhost) without a fragment.",
        ));
    };
    let Some(client_id) = value("client_id") else {
        return Ok(refuse("client_id is missing."));
    };
    let state = value("state");
    // From here on the app itself can hear what is wrong.
    let back = |error: &str, description: &str| {
        let mut pairs = vec![("error", error), ("error_description", description)];
        pairs.extend(state.map(|state| ("state", state)));
        Ok(redirect(redirect_uri, &pairs))
    };
    if value("response_type") != Some("code") {
        return back(
            "unsupported_response_type",
            "only response_type=code is offered",
        );
    }
    let Some(challenge) = value("code_challenge").filter(|text| text.len() == 43) else {
        return back("invalid_request", "a public client needs a code_challenge");
    };
    if value("code_challenge_method") != Some("S256") {
        return back("invalid_request", "code_challenge_method has to be S256");
    }
    let mut scopes: Vec<String> = ["openid", "profile"].map(str::to_owned).to_vec();
    for scope in value("scope").unwrap_or_default().split_whitespace() {
        if !SCOPES.iter().any(|(known, _)| *known == scope) {
            return back("invalid_scope", &format!("unknown scope {scope}"));
        }
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    let asked = Asked {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        state: state.map(str::to_owned),
        scopes,
        challenge: challenge.to_owned(),
        at_s: now_s(),
    };
    let ticket = random_hex(16)?;
    let reply = consent_page(hub, &asked, &ticket);
    let mut pending = hub.oauth.lock().unwrap_or_else(PoisonError::into_inner);
    pending
        .tickets
        .retain(|_, open| now_s() - open.at_s < PATIENCE_S);
    pending.tickets.insert(ticket, asked);
    Ok(reply)
}

pub(crate) async fn decide(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let body = call.bytes(64 << 10).await?;
    let form = pairs(&String::from_utf8_lossy(&body));
    let ticket = value_of(&form, "ticket").unwrap_or_default();
    let asked = hub
        .oauth
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .tickets
        .remove(ticket)
        .filter(|asked| now_s() - asked.at_s < PATIENCE_S);
    let Some(mut asked) = asked else {
        return Ok(refuse(
            "This page was used before or has been open for too long.",
        ));
    };
    let uri = asked.redirect_uri.clone();
    let state = asked.state.clone();
    let answer = |mut pairs: Vec<(&'static str, String)>| {
        pairs.extend(state.map(|state| ("state", state)));
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        Ok(redirect(&uri, &pairs))
    };
    if value_of(&form, "decision") != Some("allow") {
        return answer(vec![
            ("error", "access_denied".to_owned()),
            (
                "error_description",
                "The user denied the request".to_owned(),
            ),
        ]);
    }
    let user = value_of(&form, "user").unwrap_or(DEFAULT_USER).to_owned();
    if !hub.disk().users.users.contains_key(&user) {
        return Ok(refuse("This user is not known here."));
    }
    asked.scopes.retain(|scope| {
        matches!(scope.as_str(), "openid" | "profile")
            || form
                .iter()
                .any(|(key, value)| key == "scope" && value == scope)
    });
    asked.at_s = now_s();
    let code = random_hex(20)?;
    let mut pending = hub.oauth.lock().unwrap_or_else(PoisonError::into_inner);
    pending
        .codes
        .retain(|_, granted| now_s() - granted.asked.at_s < PATIENCE_S);
    pending.codes.insert(code.clone(), Granted { asked, user });
    drop(pending);
    answer(vec![("code", code)])
}

#[allow(clippy::unnecessary_wraps, reason = "it ends handlers")]
fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    Ok(json_reply(
        status,
        &json!({ "error": error, "error_description": description }),
    ))
}

pub(crate) async fn token(hub: &Arc<Hub>, call: &mut Call) -> Answer {
    let body = call.bytes(64 << 10).await?;
    let form = pairs(&String::from_utf8_lossy(&body));
    if value_of(&form, "grant_type") != Some("authorization_code") {
        return oauth_error(
            400,
            "unsupported_grant_type",
            "only authorization_code is offered",
        );
    }
    let code = value_of(&form, "code").unwrap_or_default();
    // A code is good for one try, whatever becomes of it.
    let granted = hub
        .oauth
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .codes
        .remove(code)
        .filter(|granted| now_s() - granted.asked.at_s < PATIENCE_S);
    let Some(Granted { asked, user }) = granted else {
        return oauth_error(400, "invalid_grant", "the code is unknown, used or too old");
    };
    if value_of(&form, "redirect_uri") != Some(asked.redirect_uri.as_str()) {
        return oauth_error(
            400,
            "invalid_grant",
            "redirect_uri is not the one of the request",
        );
    }
    if value_of(&form, "client_id").is_some_and(|client_id| client_id != asked.client_id) {
        return oauth_error(
            400,
            "invalid_client",
            "client_id is not the one of the request",
        );
    }
    let verifier = value_of(&form, "code_verifier").unwrap_or_default();
    if !(43..=128).contains(&verifier.len()) || challenge(verifier) != asked.challenge {
        return oauth_error(
            400,
            "invalid_grant",
            "code_verifier does not fit the challenge",
        );
    }
    let mut disk = hub.disk();
    let secret = disk
        .users
        .grant_oauth(&user, &asked.client_id, &asked.scopes, LIFETIME_S)?;
    disk.save_users()?;
    drop(disk);
    let mut reply = json_reply(
        200,
        &json!({
            "access_token": secret, "token_type": "bearer", "expires_in": LIFETIME_S,
            "scope": asked.scopes.join(" "), "id_token": id_token(hub, &user, &asked.client_id),
        }),
    );
    set(&mut reply, "cache-control", "no-store");
    Ok(reply)
}

/// An id token in the usual shape; unsigned, because nobody here can check a signature.
fn id_token(hub: &Hub, user: &str, client_id: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": hub.url, "sub": key_of(user), "aud": client_id, "iat": now_s(),
        "exp": now_s() + LIFETIME_S, "preferred_username": user,
    });
    format!(
        "{}.{}.",
        part(json!({ "alg": "none", "typ": "JWT" })),
        part(claims)
    )
}

pub(crate) fn user_info(hub: &Hub, call: &Call) -> Answer {
    let caller = hub.signed_in(call)?;
    let name = &caller.user.name;
    let orgs: Vec<Value> = caller
        .user
        .orgs
        .iter()
        .map(|org| {
            json!({
                "sub": key_of(org), "name": org, "preferred_username": org,
                "picture": format!("{}/avatars/local.svg", hub.url), "roleInOrg": "write",
            })
        })
        .collect();
    ok(&json!({
        "sub": key_of(name), "name": caller.user.fullname, "preferred_username": name,
        "profile": format!("{}/{name}", hub.url), "picture": format!("{}/avatars/local.svg", hub.url),
        "isPro": false, "orgs": orgs,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        // Appendix B of the RFC.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn codes_are_sent_to_this_machine_only() {
        for good in [
            "http://127.0.0.1:8080/spaces/demo/",
            "http://localhost/",
            "http://[::1]:9/x?y=1",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "https://evil.test/",
            "http://evil.test/",
            "http://127.0.0.1.evil.test/",
            "http://127.0.0.1@evil.test/",
            "http://localhost:80@evil.test/",
            "http://localhost/#x",
            "javascript:alert(1)",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
