//! The clients that the crate `connectrpc` generates for the RPCs of this project. Its implementation of the protocols shares no code
//! with the gateway.

#![allow(clippy::all, rust_2018_idioms, reason = "generated code")]

connectrpc::include_generated!();
