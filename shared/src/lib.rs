//! What both services use.

pub mod proto;
