//! What both services use.

pub mod config;
pub mod proto;
pub mod shutdown;
pub mod telemetry;
