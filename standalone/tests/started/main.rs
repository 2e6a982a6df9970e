//! The binaries as an operator starts them, and other programs that call them.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in the functions that tests share"
)]

mod access_lines;
mod browser;
mod caddy;
mod client_addresses;
mod clients;
mod commands;
mod connect;
mod console;
mod cookies;
mod database;
mod documents;
mod elsewhere;
mod envoy;
mod envoy_in_front;
mod fuzz;
mod https;
mod jobs;
mod lifetime;
mod metrics;
mod nginx;
mod operating;
mod operations;
mod prometheus;
mod promql;
mod proxy;
mod rest;
mod schemathesis;
mod scrape;
mod services;
mod settings;
mod stack;
mod stalled_log;
mod tools;
mod traced;
mod traced_rest;
mod traces;
mod web;
