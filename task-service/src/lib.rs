//! Tasks, kept apart by user.

pub mod filter;
pub mod order;
pub mod page_token;
pub mod store;
