//! The SDK's exporters, wrapped: each delivery runs on the runtime of telemetry and is bounded in time, and [`DeliveryLog`] logs
//! failures. To the SDK every delivery succeeds, because it would log each failure.

use std::{sync::Arc, time::Duration};

use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SpanData, SpanExporter as SdkSpanExporter},
};
use tokio::{runtime::Handle, time::timeout};

use super::delivery::DeliveryLog;

/// Delivers spans for the thread of a `BatchSpanProcessor`.
#[derive(Debug)]
pub(super) struct CollectorSpanExporter {
    exporter: Arc<SpanExporter>,
    runtime: Handle,
    limit: Duration,
    log: DeliveryLog,
}

impl CollectorSpanExporter {
    /// Each delivery is bounded by `limit`.
    pub(super) fn new(exporter: SpanExporter, runtime: Handle, limit: Duration) -> Self {
        Self {
            exporter: Arc::new(exporter),
            runtime,
            limit,
            log: DeliveryLog::new("spans"),
        }
    }
}

impl SdkSpanExporter for CollectorSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (count, limit) = (batch.len(), self.limit);
        let exporter = Arc::clone(&self.exporter);
        let delivery = async move { timeout(limit, exporter.export(batch)).await };
        // A separate task: the end of the runtime cancels it, and the SDK's thread continues.
        let result = match self.runtime.spawn(delivery).await {
            Ok(Ok(result)) => result,
            Ok(Err(_elapsed)) => Err(OTelSdkError::Timeout(limit)),
            Err(_cancelled) => Err(OTelSdkError::AlreadyShutdown),
        };
        self.log.record(result, count);
        Ok(())
    }
}

/// Delivers metrics for the thread of a `PeriodicReader`.
#[derive(Debug)]
pub struct CollectorMetricExporter {
    exporter: MetricExporter,
    runtime: Handle,
    limit: Duration,
    log: DeliveryLog,
}

impl CollectorMetricExporter {
    /// Each delivery is bounded by `limit`.
    pub(super) fn new(exporter: MetricExporter, runtime: Handle, limit: Duration) -> Self {
        Self {
            exporter,
            runtime,
            limit,
            log: DeliveryLog::new("metrics"),
        }
    }
}

impl PushMetricExporter for CollectorMetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        // The reader's thread has no runtime and no other work, so it may block.
        let result = self
            .runtime
            .block_on(async { timeout(self.limit, self.exporter.export(metrics)).await });
        let result = result.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.log.record(result, 1);
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
