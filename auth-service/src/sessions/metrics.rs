//! How sign-ins and refreshes end, counted.

use shared::metrics::{
    CounterBy, Metrics,
    definitions::{REFRESHES, SIGN_INS},
    labels::{Refresh, SignIn},
};

use super::tokens::TokenPair;
use crate::error::Error;

/// Counters of sessions.
#[derive(Debug)]
pub(crate) struct SessionMetrics {
    sign_ins: CounterBy<SignIn>,
    refreshes: CounterBy<Refresh>,
}

impl SessionMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            sign_ins: metrics.counters(&SIGN_INS),
            refreshes: metrics.counters(&REFRESHES),
        }
    }

    /// Counts how a sign-in ended.
    pub(super) fn count_sign_in<T>(&self, result: &Result<T, Error>) {
        self.sign_ins.add(match result {
            Ok(_) => SignIn::Ok,
            Err(Error::CredentialsInvalid) => SignIn::Wrong,
            Err(error) if error.is_rate_limited() => SignIn::Throttled,
            Err(_) => SignIn::Failed,
        });
    }

    /// Counts how a refresh ended.
    pub(super) fn count_refresh(&self, result: &Result<(TokenPair, Refresh), Error>) {
        self.refreshes.add(match result {
            Ok((_, outcome)) => *outcome,
            Err(Error::RefreshTokenReused) => Refresh::Reused,
            Err(Error::SessionRevoked) => Refresh::Revoked,
            Err(Error::RefreshTokenExpired) => Refresh::Expired,
            Err(Error::RefreshTokenInvalid) => Refresh::Invalid,
            Err(error) if error.is_rate_limited() => Refresh::Throttled,
            Err(_) => Refresh::Failed,
        });
    }
}
