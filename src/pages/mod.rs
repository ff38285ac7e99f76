//! One folder a page, and what several of them need from the shell ([`desk`]).
// `#[component]` writes `pub` into what it makes of a component, whatever visibility it was given.
#![allow(unreachable_pub)]

pub mod connect;
pub mod desk;
pub mod generate;
pub mod home;
pub mod measure;
pub mod prompts;
pub mod publish;
pub mod review;
pub mod seed;
pub mod tables;
