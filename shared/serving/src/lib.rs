//! What is around every RPC of a service, and around the service as a process.
//!
//! | module | what it is |
//! |---|---|
//! | [`serve`] | the HTTP/2 server: limits, graceful stop |
//! | [`rpc`] | the layer around every call: deadline, admission, access, complete refusals, access line |
//! | [`access`] | who may call what, read from the descriptors |
//! | [`caller`] | the verified caller and the call, as methods take them |
//! | [`service_secrets`] | the credential of services |
//! | [`health`], [`reflection`] | the two infrastructure services, and what readiness depends on |
//! | [`ops`] | the operations port: probes, metrics and settings |
//! | [`healthcheck`] | the command that asks a process for its readiness |
//! | [`settings`], [`shutdown`] | what `main` needs |
//! | [`metrics`] | what is counted about calls |

pub mod access;
pub mod caller;
pub mod health;
pub mod healthcheck;
mod meter;
pub mod metrics;
pub mod ops;
pub mod reflection;
mod rpc;
pub mod serve;
pub mod service_secrets;
pub mod settings;
pub mod shutdown;
