//! The browser, as far as the shell touches it: the worker ([`link`], [`wire`]), the configuration of the site ([`site`]), files that
//! are chosen or dropped ([`files`]), the lasting storage for acts ([`journal`]), formulas as nodes ([`mathml`]), and the page itself
//! ([`page`]). Nothing here panics: what the browser refuses is an ordinary case.

pub mod files;
pub mod journal;
pub mod link;
pub mod mathml;
pub mod page;
pub mod site;
pub mod wire;

/// Names the build that this code belongs to. The page and its workers compare theirs.
pub const BUILD: &str = match option_env!("SEEDBED_BUILD") {
    Some(build) => build,
    None => "dev",
};
