//! What both services use.

pub mod health;
pub mod proto;
pub mod reflection;
