//! What the handlers of requests share.

use std::sync::Arc;

use axum::extract::FromRef;
use serving::shares::{ArrivingShares, CallShares, Shares};
use telemetry::metrics::Metrics;
use tls::MissingAuthority;

use crate::{
    config::Config, draining::Draining, monitoring::RequestMetrics, rpc_catalog::RpcCatalog,
    upstream::Upstreams,
};

/// The state of a running gateway. Clones share it.
#[derive(Clone)]
pub(crate) struct GatewayState {
    pub(crate) config: Arc<Config>,
    pub(crate) catalog: Arc<RpcCatalog>,
    pub(crate) upstreams: Upstreams,
    pub(crate) draining: Draining,
    pub(crate) metrics: Arc<RequestMetrics>,
    /// A place for each call in flight, from its complete message to the last byte of its answer, and the bytes of answers.
    pub(crate) places: Arc<CallShares>,
    /// What requests hold while they arrive.
    pub(crate) arriving: Arc<ArrivingShares>,
}

impl GatewayState {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn new(
        config: Config,
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
        Ok(Self {
            upstreams: Upstreams::connect(&config, &catalog)?,
            metrics: Arc::new(RequestMetrics::new(metrics)),
            catalog,
            places: Arc::new(places),
            arriving: Arc::new(arriving),
            config: Arc::new(config),
            draining,
        })
    }
}

impl FromRef<GatewayState> for Arc<RpcCatalog> {
    fn from_ref(state: &GatewayState) -> Self {
        Arc::clone(&state.catalog)
    }
}
