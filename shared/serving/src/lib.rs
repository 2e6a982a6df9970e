//! The server of a service: the layer around every RPC, and what the process needs besides.
//!
//! | module | what it is |
//! |---|---|
//! | [`serve`] | the HTTP/2 server: limits and graceful stop |
//! | [`rpc`] | the layer around every call: deadline, admission, access, details of refusals, access line |
//! | [`access_line`] | the log line of a request, the same at the gateway and the services |
//! | [`access`] | who may call which RPC, read from the descriptors |
//! | [`caller`] | the verified caller and the call, as methods take them |
//! | [`service_secrets`] | the credential of services |
//! | [`health`], [`reflection`] | the two infrastructure services; readiness |
//! | [`ops`] | the operations port: probes, metrics and settings |
//! | [`host`] | the check of `Host` on ports that speak HTTP/1.1 |
//! | [`healthcheck`] | the command that checks whether a process is ready |
//! | [`process`] | the skeleton of every process: its commands, its start and its end |
//! | [`settings`] | the settings of a server |
//! | [`shares`] | bounds for each principal beside those for all |
//! | [`shutdown`] | the signals that stop a process |
//! | [`metrics`] | the metrics about calls, tokens and readiness |

pub mod access;
pub mod access_line;
pub mod caller;
mod edge;
pub mod health;
pub mod healthcheck;
pub mod host;
pub mod metrics;
pub mod ops;
pub mod process;
pub mod reflection;
mod rpc;
pub mod serve;
pub mod service_secrets;
pub mod settings;
pub mod shares;
pub mod shutdown;
