//! How sign-ins and refreshes end, counted.

use telemetry::metrics::{CounterBy, Metrics};

use super::tokens::TokenPair;
use crate::error::Error;
use telemetry::metrics::definitions::{LabelDefinition, exposed_by};

telemetry::metric_labels! {
    /// How a sign-in ended.
    SignIn = "result" {
        /// A session began.
        Ok = "ok",
        /// The email or the password is wrong, or the account is closed.
        Wrong = "wrong",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }

    /// How a refresh ended.
    Refresh = "outcome" {
        /// The session moved on.
        Rotated = "rotated",
        /// The same attempt again; it got the same pair.
        Retried = "retried",
        /// Another call of the same client was first; it got the same pair.
        Concurrent = "concurrent",
        /// An old copy of the device's own token; its session goes on.
        Stale = "stale",
        /// A token that somebody else has used: its session was ended.
        Reused = "reused",
        /// The session had been ended.
        Revoked = "revoked",
        /// The session's time was over.
        Expired = "expired",
        /// Not one of this service's tokens.
        Invalid = "invalid",
        /// A limit stood against it.
        Throttled = "throttled",
        /// It was not the caller's fault.
        Failed = "failed",
    }
}

telemetry::metric_definitions! {
    SIGN_INS = Counter "tandem.auth.sign_ins" ["{sign_in}"] { LabelDefinition::of::<SignIn>() } by exposed_by::AUTH =>
        "Sign-ins with a password.";
    REFRESHES = Counter "tandem.auth.refreshes" ["{refresh}"] { LabelDefinition::of::<Refresh>() } by exposed_by::AUTH =>
        "Refreshes of tokens. `reused` is a stolen token, or a client that kept an old one.";
}

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
            Err(Error::RefreshTokenStale) => Refresh::Stale,
            Err(Error::SessionRevoked) => Refresh::Revoked,
            Err(Error::RefreshTokenExpired) => Refresh::Expired,
            Err(Error::RefreshTokenInvalid) => Refresh::Invalid,
            Err(error) if error.is_rate_limited() => Refresh::Throttled,
            Err(_) => Refresh::Failed,
        });
    }
}
