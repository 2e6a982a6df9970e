//! One origin for browsers, in front of the auth service and the task service.
//!
//! It promises:
//! - **gRPC-web**, binary and text, on `/tandem.auth.v1.*` and `/tandem.task.v1.*`, translated to gRPC frame by frame without
//!   decoding a message ([`grpc_web`]).
//! - **The console** at `/app/`, a page for people, which is part of the gateway ([`console_files`]).
//! - **Connect**, unary and streams, in JSON and protobuf, on the same paths ([`connect`]).
//! - **Cookies** that no script can read, for the refresh tokens of pages that ask for it ([`cookies`]).
//! - **REST** on `/api/*`, with `/openapi.json` and `/docs` ([`rest`]).
//! - **CORS** for exactly the configured origins, with the gRPC-web headers exposed ([`cors`]).
//! - `GET /` (name, version and services), `GET /health` (whether both services are ready),
//!   `GET /.well-known/jwks.json` (RFC 7517), `GET /.well-known/oauth-authorization-server` (RFC 8414) ([`pages`]).
//! - **Bounds on everything a client controls**: connections, header time, header size, body time, body size, call time, calls
//!   in flight.
//! - **One log line per request**, with its gRPC status and without secrets ([`monitoring`]).
//!
//! A gateway keeps no state except its connections, so any number of them can run side by side.

mod accept;
mod app;
mod body_guard;
mod calls;
mod client_address;
mod config;
mod connect;
mod console_files;
mod cookies;
mod cors;
mod document;
mod draining;
mod entry;
mod etag;
mod grpc_web;
mod json;
mod loopback;
pub mod metrics;
mod monitoring;
mod not_a_call;
mod pages;
mod rest;
mod routes;
mod rpc;
mod rpc_catalog;
mod state;
mod upstream;

pub use app::{App, Error, SERVICE};
pub use config::{CallLimits, Config, DEFAULTS, REQUEST_LIMIT_CEILING, SECTION, UpstreamSettings};
pub use console_files::{ConsoleFile, ConsoleFiles};
pub use cookies::CookieInstance;
