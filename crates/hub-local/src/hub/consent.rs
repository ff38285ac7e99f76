//! The pages a person sees while signing in.

use super::Hub;
use super::oauth::{Asked, SCOPES};
use crate::DEFAULT_USER;
use crate::http::{Reply, bytes_reply, set};
use crate::text::escape_html;
use std::fmt::Write as _;

/// `http://host:port` of a redirect address.
fn origin_of(uri: &str) -> &str {
    let end = uri
        .get(7..)
        .and_then(|rest| rest.find(['/', '?']))
        .map_or(uri.len(), |at| at + 7);
    uri.get(..end).unwrap_or(uri)
}

fn page(status: u16, body: &str, form_target: Option<&str>) -> Reply {
    let html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Local Hub</title><style>\
         :root{{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}}\
         body{{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}}\
         main{{max-width:26rem;margin:1rem;padding:2rem;border:1px solid #8886;border-radius:12px}}\
         h1{{font-size:1.25rem;margin:0 0 1rem}}p{{margin:.5rem 0}}small{{opacity:.75}}\
         fieldset{{border:0;padding:0;margin:1rem 0}}legend{{padding:0}}label{{display:flex;align-items:center;gap:.6rem;padding:.25rem 0}}\
         .row{{display:flex;gap:.75rem;margin-top:1.5rem}}button,select{{font:inherit;padding:.6rem 1.2rem;border-radius:8px;border:1px solid #8888}}\
         button{{flex:1;cursor:pointer}}button.yes{{background:#1f6f43;border-color:#1f6f43;color:#fff}}\
         </style></head><body><main>{body}</main></body></html>"
    );
    let mut reply = bytes_reply(status, "text/html; charset=utf-8", html);
    let targets =
        form_target.map_or_else(|| "'none'".to_owned(), |origin| format!("'self' {origin}"));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    );
    set(&mut reply, "content-security-policy", &policy);
    set(&mut reply, "cache-control", "no-store");
    // Without any referrer the form would come from no origin, and such pages are refused.
    set(&mut reply, "referrer-policy", "same-origin");
    reply
}

/// The page for a request that cannot go on and whose app cannot be told.
pub(crate) fn refuse(why: &str) -> Reply {
    let body = format!(
        "<h1>This sign-in cannot go on</h1><p>{}</p><p><small>The app that sent you here has to ask differently.</small></p>",
        escape_html(why)
    );
    page(400, &body, None)
}

/// The page that asks the person.
pub(crate) fn consent_page(hub: &Hub, asked: &Asked, ticket: &str) -> Reply {
    let mut body = format!(
        "<h1>Sign in to {}</h1><p>The app at <b>{}</b> asks to act for you on this local Hub.</p>\
         <form method=post action=/oauth/authorize><input type=hidden name=ticket value=\"{ticket}\">",
        escape_html(&asked.client_id),
        escape_html(origin_of(&asked.redirect_uri)),
    );
    let disk = hub.disk();
    let names: Vec<&String> = disk.users.users.keys().collect();
    if names.len() > 1 {
        body.push_str("<p><label>You are <select name=user>");
        for name in names {
            let selected = if name == DEFAULT_USER {
                " selected"
            } else {
                ""
            };
            let name = escape_html(name);
            let _ = write!(body, "<option value=\"{name}\"{selected}>{name}</option>");
        }
        body.push_str("</select></label></p>");
    } else {
        let _ = write!(body, "<p>You are <b>{DEFAULT_USER}</b>.</p>");
    }
    body.push_str("<fieldset><legend>It could then</legend>");
    for scope in &asked.scopes {
        let text = SCOPES
            .iter()
            .find_map(|(known, text)| (known == scope).then_some(*text))
            .unwrap_or_default();
        // Who you are belongs to signing in; the rest can be unticked.
        let fixed = if matches!(scope.as_str(), "openid" | "profile") {
            " disabled"
        } else {
            ""
        };
        let _ = write!(
            body,
            "<label><input type=checkbox name=scope value=\"{scope}\" checked{fixed}><span>{text} <small>({scope})</small></span></label>"
        );
    }
    body.push_str(
        "</fieldset><div class=row><button name=decision value=deny>Deny</button>\
         <button class=yes name=decision value=allow>Allow</button></div></form>",
    );
    page(200, &body, Some(origin_of(&asked.redirect_uri)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_may_lead_back_to_the_app_and_nowhere_else() {
        assert_eq!(
            origin_of("http://127.0.0.1:80/a/b?c"),
            "http://127.0.0.1:80"
        );
        assert_eq!(origin_of("http://localhost?c"), "http://localhost");
    }
}
