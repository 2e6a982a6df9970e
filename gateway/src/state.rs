//! What the handlers of requests share.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serving::shares::{ArrivingShares, CallShares, Shares};
use telemetry::metrics::Metrics;
use tls::MissingAuthority;

use crate::{
    config::Config, console_files::ConsoleFiles, document::Document, draining::Draining,
    monitoring::RequestMetrics, routes::is_for_everybody, rpc_catalog::RpcCatalog,
    upstream::Upstreams,
};

/// Checks of the services' health at once. Each ends within the health timeout.
const MAX_HEALTH_CHECKS: usize = 64;

/// The state of a running gateway. Clones share it: one is made for each request.
#[derive(Clone)]
pub(crate) struct GatewayState(Arc<GatewayParts>);

/// What a [`GatewayState`] has.
pub(crate) struct GatewayParts {
    pub(crate) config: Config,
    pub(crate) console: ConsoleFiles,
    pub(crate) catalog: Arc<RpcCatalog>,
    /// The description of the RPCs that are offered, once somebody has asked for it.
    pub(crate) connect_description: OnceLock<Document>,
    pub(crate) upstreams: Upstreams,
    pub(crate) draining: Draining,
    pub(crate) metrics: Arc<RequestMetrics>,
    /// A place for each call in flight, from its complete message to the last byte of its answer, and the bytes of answers.
    pub(crate) places: CallShares,
    /// A place for each check of the services' health. They are apart from the calls, so that a gateway full of calls is not taken
    /// for a broken one.
    pub(crate) health_checks: Arc<Shares>,
    /// What requests hold while they arrive.
    pub(crate) arriving: ArrivingShares,
}

impl GatewayState {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn new(
        config: Config,
        console: ConsoleFiles,
        metrics: &Metrics,
        draining: Draining,
    ) -> Result<Self, MissingAuthority> {
        let calls = &config.calls;
        let arriving = ArrivingShares::new(calls.max_in_flight, calls.principal_share);
        let places = CallShares {
            places: Shares::new(calls.max_in_flight, calls.principal_share),
            unsent: Shares::new(calls.max_unsent_bytes, calls.principal_share),
        };
        let catalog = Arc::new(RpcCatalog::from_descriptors());
        Ok(Self(Arc::new(GatewayParts {
            console,
            upstreams: Upstreams::connect(&config, &catalog)?,
            metrics: Arc::new(RequestMetrics::new(metrics)),
            catalog,
            connect_description: OnceLock::new(),
            places,
            health_checks: Shares::new(MAX_HEALTH_CHECKS, calls.principal_share),
            arriving,
            config,
            draining,
        })))
    }

    /// Whether browsers may call this service.
    pub(crate) fn offers(&self, service: &str) -> bool {
        self.config.offer_internal_services || is_for_everybody(service)
    }
}

impl Deref for GatewayState {
    type Target = GatewayParts;

    fn deref(&self) -> &GatewayParts {
        &self.0
    }
}
