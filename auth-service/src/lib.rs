//! Accounts, sessions and tokens.

pub mod domain;
pub mod password;
pub mod refresh_token;
pub mod signing;
