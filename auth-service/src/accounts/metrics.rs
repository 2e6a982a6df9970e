//! How sign-ups end, counted.

use telemetry::metrics::{CounterBy, Metrics};

use crate::error::Error;
use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_labels! {
    /// How a sign-up ended.
    SignUp = "result" {
        /// An account was made.
        Ok = "ok",
        /// The address has an account.
        Taken = "taken",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }
}

telemetry::metric_definitions! {
    SIGN_UPS = Counter "tandem.auth.sign_ups" ["{sign_up}"] { LabelDefinition::of::<SignUp>() } by exposed_by::AUTH =>
        "Sign-ups.";
}

/// Counters of accounts.
#[derive(Debug, Clone)]
pub(crate) struct AccountMetrics {
    sign_ups: CounterBy<SignUp>,
}

impl AccountMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            sign_ups: metrics.counters(&SIGN_UPS),
        }
    }

    /// Counts how a sign-up ended.
    pub(super) fn count_sign_up<T>(&self, result: &Result<T, Error>) {
        self.sign_ups.add(match result {
            Ok(_) => SignUp::Ok,
            Err(Error::EmailTaken) => SignUp::Taken,
            Err(error) if error.is_rate_limited() => SignUp::Throttled,
            Err(_) => SignUp::Failed,
        });
    }
}
