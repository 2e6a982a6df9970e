//! What both services use: the parts that make a gRPC service one that can be trusted and operated.
//!
//! | module | what it is |
//! |---|---|
//! | [`serve`] | the HTTP/2 server: limits, graceful stop |
//! | [`connections`], [`backlog`], [`tls`] | the accept loop of every listener, and how it closes; certificates that are replaced while they are used |
//! | [`rpc`] | the road of a call: deadline, admission, access, completing refusals, access line |
//! | [`access`] | who may call what, from the descriptors |
//! | [`caller`] | the verified caller and the call, as methods take them |
//! | [`grpc_timeout`], [`request_id`] | two headers of a call, read the same way by the services and the gateway |
//! | [`service_secrets`] | the credential of services |
//! | [`token`] | access tokens and their verification |
//! | [`revocation`] | what voids tokens before they expire |
//! | [`refusal`], [`reason`], [`violations`] | from an error to a `Status` |
//! | [`health`], [`readiness`], [`reflection`] | the two infrastructure services, and what readiness depends on |
//! | [`database`] | lanes: connections owned by tasks; migrations |
//! | [`config`], [`telemetry`], [`shutdown`] | what `main` needs |
//! | [`metrics`], [`ops`] | what operators see: counts, health and settings on a port of their own |
//! | [`trace`] | which calls are traced, and how their spans and all metrics get to a collector |
//! | [`network`] | blocks of addresses; who a call behind proxies comes from |
//! | [`paging`] | page sizes and sealed page tokens |
//! | [`ids`], [`clock`], [`text`], [`etag`], [`mask`] | small vocabulary |
//! | [`proto`] | generated code |

pub mod access;
pub mod backlog;
pub mod caller;
pub mod clock;
pub mod config;
pub mod connections;
pub mod database;
pub mod etag;
pub mod grpc_timeout;
pub mod health;
pub mod healthcheck;
pub mod ids;
pub mod mask;
pub mod metrics;
pub mod network;
pub mod ops;
pub mod paging;
pub mod proto;
pub mod readiness;
pub mod reason;
pub mod reflection;
pub mod refusal;
pub mod request_id;
pub mod revocation;
mod rpc;
pub mod serve;
pub mod service_secrets;
pub mod shutdown;
pub mod telemetry;
pub mod text;
pub mod tls;
pub mod token;
pub mod trace;
pub mod violations;
