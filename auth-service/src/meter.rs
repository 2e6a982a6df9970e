//! What the use cases tell.

use shared::metrics::{
    CounterBy, Metrics,
    definitions::{REFRESHES, SIGN_INS, SIGN_UPS, THROTTLED},
    labels::{Limit, Refresh, SignIn, SignUp},
};

use crate::{error::Error, tokens::Pair};

/// Counts how use cases end.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    sign_ins: CounterBy<SignIn>,
    sign_ups: CounterBy<SignUp>,
    refreshes: CounterBy<Refresh>,
    throttled: CounterBy<Limit>,
}

impl Meter {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            sign_ins: metrics.counters(&SIGN_INS),
            sign_ups: metrics.counters(&SIGN_UPS),
            refreshes: metrics.counters(&REFRESHES),
            throttled: metrics.counters(&THROTTLED),
        }
    }

    /// A sign-in has ended like this; gives it back.
    pub(crate) fn sign_in<T>(&self, ended: Result<T, Error>) -> Result<T, Error> {
        self.sign_ins.add(match &ended {
            Ok(_) => SignIn::Ok,
            Err(Error::CredentialsInvalid) => SignIn::Wrong,
            Err(error) if throttled(error) => SignIn::Throttled,
            Err(_) => SignIn::Failed,
        });
        ended
    }

    /// A sign-up has ended like this; gives it back.
    pub(crate) fn sign_up<T>(&self, ended: Result<T, Error>) -> Result<T, Error> {
        self.sign_ups.add(match &ended {
            Ok(_) => SignUp::Ok,
            Err(Error::EmailTaken) => SignUp::Taken,
            Err(error) if throttled(error) => SignUp::Throttled,
            Err(_) => SignUp::Failed,
        });
        ended
    }

    /// A refresh has ended like this; gives its pair.
    pub(crate) fn refresh(&self, ended: Result<(Pair, Refresh), Error>) -> Result<Pair, Error> {
        self.refreshes.add(match &ended {
            Ok((_, outcome)) => *outcome,
            Err(Error::RefreshTokenReused) => Refresh::Reused,
            Err(Error::SessionRevoked) => Refresh::Revoked,
            Err(Error::RefreshTokenExpired) => Refresh::Expired,
            Err(Error::RefreshTokenInvalid) => Refresh::Invalid,
            Err(error) if throttled(error) => Refresh::Throttled,
            Err(_) => Refresh::Failed,
        });
        ended.map(|(pair, _)| pair)
    }

    /// A limit stood against something.
    pub(crate) fn throttled(&self, limit: Limit) {
        self.throttled.add(limit);
    }
}

fn throttled(error: &Error) -> bool {
    shared::refusal::Refusal::reason(error) == shared::refusal::Reason::RateLimited
}
