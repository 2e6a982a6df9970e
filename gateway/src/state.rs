//! What the handlers of requests share.

use std::sync::Arc;

use axum::extract::FromRef;
use telemetry::metrics::Metrics;
use tls::MissingAuthority;
use tokio::sync::Semaphore;

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
    /// A permit for each call in flight, held until the last byte of its answer.
    pub(crate) admission: Arc<Semaphore>,
}

impl GatewayState {
    /// Must be called within a runtime: names are resolved in the background.
    pub(crate) fn new(
        config: Config,
        metrics: &Metrics,
        draining: Draining,
    ) -> Result<Self, MissingAuthority> {
        let catalog = Arc::new(RpcCatalog::from_descriptors());
        Ok(Self {
            upstreams: Upstreams::connect(&config, &catalog)?,
            metrics: Arc::new(RequestMetrics::new(metrics)),
            catalog,
            admission: Arc::new(Semaphore::new(config.calls.max_in_flight)),
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
