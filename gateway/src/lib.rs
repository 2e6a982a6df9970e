//! One origin for browsers in front of the auth service and the task service.
//!
//! It promises:
//! - **gRPC-web**, binary and text, on `/tandem.auth.v1.*` and `/tandem.task.v1.*`, translated to gRPC frame by frame without
//!   decoding a message ([`grpc_web`]).
//! - **CORS** for exactly the configured origins, with the gRPC-web headers exposed ([`cors`]).
//! - `GET /` (what this is), `GET /health` (are both services ready), `GET /.well-known/jwks.json` (RFC 7517).
//! - **Bounds on everything a client controls**: connections, header time, header size, body time, body size, call time, calls
//!   in flight.
//! - **One log line a request**, with its gRPC status, and no secret in it ([`access_log`]).
//!
//! It holds no state but connections, so any number of them may run side by side.

mod access_log;
mod app;
mod config;
mod contract;
mod cors;
mod deadline;
mod grpc_web;
mod guarded;
mod health;
mod info;
mod jwks;
mod leaving;
mod meter;
mod refusal;
mod request_id;
mod traced;
mod upstream;

pub use app::{App, Error, SERVICE};
pub use config::{Config, DEFAULTS, REQUEST_LIMIT_CEILING, SECTION};
