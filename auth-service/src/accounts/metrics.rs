//! How sign-ups end, counted.

use shared::metrics::{CounterBy, Metrics, definitions::SIGN_UPS, labels::SignUp};

use crate::error::Error;

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
