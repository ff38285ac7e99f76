//! The Seedbed app.
