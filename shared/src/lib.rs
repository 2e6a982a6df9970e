//! What both services use.

pub mod config;
pub mod proto;
pub mod telemetry;
