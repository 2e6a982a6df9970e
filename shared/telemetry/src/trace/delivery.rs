//! Whether deliveries to the collector succeed, in few log lines: one when they begin to fail, and one when they succeed again.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// Logs the first of several failures in a row, and the recovery.
#[derive(Debug)]
pub(super) struct DeliveryLog {
    what: &'static str,
    /// How many were lost since the last success.
    lost: AtomicU64,
}

impl DeliveryLog {
    /// `what` names the things that are delivered: `spans` or `metrics`.
    pub(super) const fn new(what: &'static str) -> Self {
        Self {
            what,
            lost: AtomicU64::new(0),
        }
    }

    /// Records the result of one delivery of `count` things.
    pub(super) fn record(&self, result: OTelSdkResult, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match result {
            Ok(()) => self.recovered(),
            Err(error) => {
                if self.lost.fetch_add(count, Ordering::Relaxed) == 0 {
                    tracing::warn!(
                        what = self.what,
                        error = %Cause(&error),
                        "the collector does not accept telemetry"
                    );
                }
            }
        }
    }

    fn recovered(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::info!(
                what = self.what,
                lost,
                "the collector accepts telemetry again"
            );
        }
    }
}

/// The SDK's error in words.
struct Cause<'a>(&'a OTelSdkError);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            OTelSdkError::AlreadyShutdown => f.write_str("the exporter has been stopped"),
            OTelSdkError::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            OTelSdkError::InternalFailure(cause) => f.write_str(cause),
        }
    }
}
