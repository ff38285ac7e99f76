//! What a test does that lacks something: it fails in capitals, unless `SEEDBED_ALLOW_MISSING` names what is missing.
//! One source for the tests of several crates and for `xtask`; tests/e2e/missing.mjs is its twin for the journeys.
#![allow(dead_code, reason = "each of them uses a part")]

use std::io::Write as _;

/// The things that not every machine has, with the names that the flag knows them by and where they come from.
const THINGS: [(&str, &str); 3] = [
    ("adapter", "a Vulkan adapter"),
    ("model", "a model file, named by SEEDBED_MODEL"),
    (
        "tokenizers",
        "a folder of tokenizers, named by SEEDBED_TOKENIZERS",
    ),
];

/// The names in the flag; an error for one that is none of [`THINGS`]: a slip of the pen must not pass for a permission.
pub(crate) fn check() -> Result<Vec<String>, String> {
    let flag = std::env::var("SEEDBED_ALLOW_MISSING").unwrap_or_default();
    let names = flag.split(',').map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    let known = |name: &&str| THINGS.iter().any(|(known, _)| known == name);
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(format!(
            "SEEDBED_ALLOW_MISSING names `{unknown}`; it knows {}",
            THINGS.map(|(name, _)| name).join(", ")
        )),
        None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

/// Whether somebody said that what needs `thing` may stay untested.
///
/// # Panics
/// Where the flag is not understood.
pub(crate) fn is_allowed(thing: &str) -> bool {
    match check() {
        Ok(names) => names.iter().any(|name| name == thing),
        Err(told) => panic!("{told}"),
    }
}

/// Ends a test for want of `thing`, with the reason. The caller returns if this does.
///
/// # Panics
/// Unless the flag allows it.
#[track_caller]
pub(crate) fn missing(thing: &str, why: &str) {
    let (_, needed) = THINGS
        .into_iter()
        .find(|(name, _)| *name == thing)
        .unwrap_or(("", ""));
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let told = format!(
        "NOT TESTED, FOR WANT OF {}: {test} ({why})",
        needed.to_uppercase()
    );
    assert!(
        is_allowed(thing),
        "{told}.\n`cargo xtask test engine` brings it. SEEDBED_ALLOW_MISSING={thing} lets such tests pass untested."
    );
    // Straight to standard error, since a passing test's own output is not shown.
    let _ = writeln!(std::io::stderr(), "{told}");
}
