//! Cross-origin headers as the Hub sends them: the page's origin reflected, a fixed list of readable headers that leaves
//! out the rate limits. Only pages of this machine get here ([`crate::serve::Gate`]).

use crate::http::{Call, Reply, empty_reply, set};

const EXPOSED: &str = "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash";

/// Lets the page read this reply.
pub(crate) fn allow(reply: &mut Reply, origin: Option<&str>) {
    set(
        reply,
        "access-control-allow-origin",
        origin.unwrap_or("https://huggingface.co"),
    );
    set(reply, "access-control-expose-headers", EXPOSED);
    set(reply, "access-control-max-age", "86400");
    set(reply, "vary", "Origin");
}

/// The answer to a preflight.
pub(crate) fn preflight(call: &Call, origin: Option<&str>) -> Reply {
    let mut reply = empty_reply(204);
    // Chromium asks this before a page that it counts as one of another network may speak to loopback.
    if call
        .header("access-control-request-private-network")
        .is_some()
    {
        set(&mut reply, "access-control-allow-private-network", "true");
    }
    // The stand-in's own addresses are for test programs, not for pages.
    if call.path.starts_with("/__local/") {
        return reply;
    }
    allow(&mut reply, origin);
    set(
        &mut reply,
        "access-control-allow-methods",
        "GET, HEAD, POST, PUT, PATCH, DELETE",
    );
    if let Some(wanted) = call.header("access-control-request-headers") {
        set(&mut reply, "access-control-allow-headers", wanted);
    }
    reply
}
