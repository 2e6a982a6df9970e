//! Metrics on their way to the collector.

use std::time::Duration;

use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};
use tokio::{runtime::Handle, time::timeout};

use super::queue::Delivery;

/// Delivers metrics on the runtime of telemetry, from the thread of the reader.
#[derive(Debug)]
pub struct Metrics {
    pub(super) exporter: MetricExporter,
    pub(super) runtime: Handle,
    pub(super) limit: Duration,
    pub(super) delivery: Delivery,
}

impl PushMetricExporter for Metrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        // The reader's thread has no runtime, and nothing else to do.
        let sent = self
            .runtime
            .block_on(async { timeout(self.limit, self.exporter.export(metrics)).await });
        let sent = sent.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.delivery.note(sent, 1);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(limit)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
