#![allow(ambiguous_glob_reexports, missing_docs, reason = "temporary")]
//! The old paths, while what uses them is moved to the crates behind.

pub use ::api::{etag, grpc_timeout, ids, mask, paging, request_id, text};
pub use ::clock;
pub use ::contract::{proto, reason, refusal, violations};
pub use ::database;
pub use ::serving::{
    access, caller, health, healthcheck, ops, reflection, serve, service_secrets, shutdown,
};
pub use ::telemetry::{logs as telemetry, trace};
pub use ::transport::{backlog, network};
pub use ::verifier as token;

pub mod tls {
    pub use ::tls::*;
}
pub mod config {
    pub use ::database::settings::{database, database_url, for_migrate};
    pub use ::serving::settings::{for_healthcheck, listen, ops, server};
    pub use ::settings::*;
    pub use ::telemetry::logs::{Log, LogFormat, LogLevel, log};
    pub use ::telemetry::settings::{DEFAULTS, OtlpHeaders, OtlpSettings, Telemetry, telemetry};
    pub use ::transport::settings::connections;
}
pub mod connections {
    pub use ::tls::Protocols;
    pub use ::transport::connections::*;
}
pub mod readiness {
    pub use ::database::Schema;
    use ::database::{Conditions, Lanes};
    use ::serving::health::{Health, Readiness};
    use tokio::sync::watch;
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    pub fn follow(
        background: &TaskTracker,
        health: Health,
        lanes: &Lanes,
        schema: Schema,
        more: Vec<(&'static str, watch::Receiver<bool>)>,
        stop: &CancellationToken,
    ) -> watch::Receiver<bool> {
        let database = Conditions::follow(background, lanes, schema, stop);
        let mut conditions = database.named();
        conditions.extend(more);
        background.spawn(Readiness::new(conditions).follow(health, stop.clone()));
        database.migrated
    }
}
pub mod revocation {
    pub use ::api::time::{moment, timestamp};
    pub use ::verifier::revocation::*;
}
pub mod metrics {
    mod auth;
    mod gateway;
    pub use self::auth::DEFINITIONS as AUTH;
    pub use self::gateway::DEFINITIONS as GATEWAY;
    pub use ::contract::code::code_name;
    pub use ::telemetry::metrics::*;
    pub use ::tls::tell_expiry;
    pub mod definitions {
        pub use super::auth::*;
        pub use super::gateway::*;
        pub use ::database::metrics::*;
        pub use ::serving::metrics::*;
        pub use ::telemetry::metrics::definitions::*;
        pub use ::tls::metrics::*;
        pub use ::transport::metrics::*;
        pub use ::verifier::metrics::*;
    }
    pub mod labels {
        pub use super::auth::*;
        pub use super::gateway::*;
        pub use ::database::metrics::Drop;
        pub use ::serving::metrics::Token;
        pub use ::telemetry::metrics::labels::*;
        pub use ::transport::metrics::Refused;
    }
}
