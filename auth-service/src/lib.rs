//! Accounts, sessions and tokens.

pub mod domain;
pub mod password;
