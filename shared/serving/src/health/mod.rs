//! `grpc.health.v1`: the health of a server, for load balancers, probes and gateways.
//!
//! The names are "" (the whole server), the full name of each service, [`READINESS`] and [`LIVENESS`]. All but the last
//! share one state: the services of a process are ready together, because they wait for the same conditions. Liveness depends
//! only on the process, so that an outage of the database does not cause a restart.
//!
//! The rules are those of `health.proto`: Check of an unknown name is `NOT_FOUND`; Watch of an unknown name answers
//! `SERVICE_UNKNOWN` and stays open; Watch sends the current status at once, then each change, and never the same status
//! twice in a row. Changes that are faster than the client reads may be merged into the last one.

mod client;
mod readiness;
mod server;
mod verdict;

pub use self::{
    client::check_readiness,
    readiness::Readiness,
    server::{Health, LIVENESS, READINESS},
    verdict::ReadinessVerdict,
};
