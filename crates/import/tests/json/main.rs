//! JSON files of rows, in every layout.
#![allow(clippy::unwrap_used)]

mod any_table;
mod damage;
mod layouts;
mod support;
mod tables;
