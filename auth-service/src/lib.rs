//! Accounts, sessions and tokens.

pub mod domain;
