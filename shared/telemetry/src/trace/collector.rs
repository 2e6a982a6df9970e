//! The connection to the collector, and the exporters that use it. Nothing here runs on the runtime that serves calls.

use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::{
    metadata::MetadataMap,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use super::exporters::{CollectorMetricExporter, CollectorSpanExporter};
use crate::settings::OtlpSettings;

/// Why telemetry cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system gives no thread.
    #[error("no thread could be started for telemetry")]
    Thread(#[from] std::io::Error),
    /// The collector's address cannot be used.
    #[error("the address of the collector cannot be used")]
    Endpoint(#[from] tonic::transport::Error),
    /// The exporter does not accept its settings.
    #[error("the exporter of telemetry cannot be built")]
    Exporter(#[from] ExporterBuildError),
}

/// A channel to the collector, on a runtime of its own.
pub(super) struct Collector {
    pub(super) settings: OtlpSettings,
    /// Some until it is dropped.
    runtime: Option<Runtime>,
    channel: Channel,
}

impl Collector {
    /// The channel connects with the first delivery, and again after it broke.
    pub(super) fn new(settings: OtlpSettings) -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telemetry")
            .enable_all()
            .build()?;
        let channel = {
            let _inside = runtime.enter();
            channel(&settings)?
        };
        Ok(Self {
            settings,
            runtime: Some(runtime),
            channel,
        })
    }

    /// Exports spans in the name of `resource`.
    pub(super) fn span_exporter(
        &self,
        resource: &Resource,
    ) -> Result<CollectorSpanExporter, StartError> {
        let mut exporter = SpanExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_metadata(self.metadata())
            .with_timeout(self.settings.timeout)
            .build()?;
        exporter.set_resource(resource);
        let (runtime, limit) = (self.handle(), self.settings.timeout);
        Ok(CollectorSpanExporter::new(exporter, runtime, limit))
    }

    /// Exports metrics.
    pub(super) fn metric_exporter(&self) -> Result<CollectorMetricExporter, StartError> {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_metadata(self.metadata())
            .with_timeout(self.settings.timeout)
            .build()?;
        let (runtime, limit) = (self.handle(), self.settings.timeout);
        Ok(CollectorMetricExporter::new(exporter, runtime, limit))
    }

    fn metadata(&self) -> MetadataMap {
        MetadataMap::from_headers(self.settings.headers.to_map())
    }

    fn handle(&self) -> Handle {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("the runtime is taken when the collector is dropped")
            .handle()
            .clone()
    }
}

/// Deliveries that are under way are cancelled; nothing waits for them.
impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// `https` is verified against the public certificate authorities.
fn channel(otlp: &OtlpSettings) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from(otlp.endpoint.clone())
        .connect_timeout(otlp.timeout)
        .timeout(otlp.timeout);
    let endpoint = match otlp.endpoint.scheme_str() {
        Some("https") => endpoint.tls_config(ClientTlsConfig::new().with_enabled_roots())?,
        _ => endpoint,
    };
    Ok(endpoint.connect_lazy())
}
