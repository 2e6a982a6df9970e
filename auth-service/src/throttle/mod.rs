//! Limits on guessing that an attacker cannot turn against the owner of an account.
//!
//! | limit | counts | kept in | applies to |
//! |---|---|---|---|
//! | address, and the /64, /56 and /48 of IPv6 | sign-ups and wrong passwords | memory | everyone except a known device |
//! | account | wrong passwords for an email address, with or without an account | Postgres | everyone except a known device |
//! | device | wrong passwords from one known device, separately for tokens that were replaced | Postgres | that device |
//! | tokens | forged refresh tokens and API keys from one address | memory | requests with such a token or key |
//! | ended | genuine ones of a session or key that has ended, or of an older secret | memory | requests with that session and secret, or that key |
//! | confirmed | right passwords of one account, of known devices and of all others separately | memory | whoever signs in to it or confirms its password |
//! | hashing | every password that is hashed | the queue of [`crate::passwords::hashing`] | everyone, with a share for each address and account; known devices have a queue of their own |
//!
//! A known device is one that shows a token of a session of the account ([`crate::sessions::device`]). Without such a token
//! nobody can use up the attempts of a device, and with a stolen one an attacker has no more attempts than without.
//!
//! No penalty is counted on something that the owner and an attacker share: a token from before the session got a new secret
//! (a change of password) is counted by itself, so whoever still holds it cannot use up the attempts of the session that goes on.
//! (ASVS 6.1.1, 6.3.1. A limit is checked before anything is hashed.)

mod buckets;
pub(crate) mod domain;
pub(crate) mod metrics;
pub(crate) mod store;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use self::metrics::{Limit, THROTTLED};
use chrono::TimeDelta;
use clock::Clock;
use serving::caller::Call;
use telemetry::metrics::{CounterBy, Metrics};
use transport::network::CustomerBlock;
use uuid::Uuid;

use self::{
    buckets::{BucketKey, Buckets},
    domain::{FailureCount, ThrottleKey},
};
use crate::error::Error;

pub use self::{buckets::Pace, domain::Allowance};

/// How many attempts are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Of one address, and of one session or key that has ended.
    pub address: Pace,
    /// Most addresses that are remembered; at least 1,024.
    pub address_capacity: usize,
    /// Of an account, for all who are not a known device of it.
    pub account: Allowance,
    /// Of a known device.
    pub device: Allowance,
    /// Of right passwords of an account.
    pub confirmed: Pace,
}

/// All limits except that of hashing.
#[derive(Debug)]
pub(crate) struct Throttle {
    settings: ThrottleSettings,
    buckets: Buckets,
    confirmed: Buckets,
    clock: Arc<dyn Clock>,
    refused: CounterBy<Limit>,
}

/// The attempt that a call has taken from its address.
#[derive(Debug)]
#[must_use]
pub(crate) struct Permit<'a> {
    throttle: &'a Throttle,
    address: IpAddr,
}

impl Permit<'_> {
    /// The attempt was right, so it does not count.
    pub(crate) fn give_back(self) {
        let buckets = &self.throttle.buckets;
        buckets.give_back_to(self.address, BucketKey::Passwords);
    }
}

impl Throttle {
    pub(crate) fn new(
        settings: ThrottleSettings,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Self {
        Self {
            settings,
            buckets: Buckets::new(settings.address, settings.address_capacity),
            confirmed: Buckets::new(settings.confirmed, settings.address_capacity),
            clock,
            refused: metrics.counters(&THROTTLED),
        }
    }

    /// Takes a password attempt from the address of the call.
    pub(crate) fn take_password_permit(&self, call: &Call) -> Result<Permit<'_>, Error> {
        let address = address(call);
        self.take(address, BucketKey::Passwords, Limit::Address)?;
        Ok(Permit {
            throttle: self,
            address,
        })
    }

    /// Counts a forged token or key against the address of the call. Only such calls are refused by this limit, so that they
    /// do not affect others at the same address.
    pub(crate) fn count_forgery(&self, call: &Call) -> Result<(), Error> {
        self.take(address(call), BucketKey::Tokens, Limit::Tokens)
    }

    /// Whether the database may be asked about a session or key that may have ended, or whose secret may be an older one.
    pub(crate) fn check_ended(&self, id: Uuid, secret_hash: &[u8; 32]) -> Result<(), Error> {
        let key = BucketKey::ended(id, secret_hash);
        let peeked = self.buckets.peek(key, self.clock.now());
        peeked.map_err(|retry_after| self.refuse(Limit::Ended, retry_after))
    }

    /// Counts the use of a secret that is not valid any more against that secret of that session or key: nobody uses it
    /// legitimately, so the limit affects nobody else. The session may go on with a newer secret.
    pub(crate) fn count_ended(&self, id: Uuid, secret_hash: &[u8; 32]) {
        let key = BucketKey::ended(id, secret_hash);
        // If none is left, the next use is refused.
        let _taken = self.buckets.take(key, self.clock.now());
    }

    /// Whether another password may be tried after the right ones of this account and line.
    pub(crate) fn check_confirmed(&self, account: [u8; 32]) -> Result<(), Error> {
        let key = BucketKey::Confirmed(account);
        let peeked = self.confirmed.peek(key, self.clock.now());
        peeked.map_err(|retry_after| self.refuse(Limit::Confirmed, retry_after))
    }

    /// Counts a right password: it does not count against an address, but it costs a hash, a session and a record.
    pub(crate) fn count_confirmed(&self, account: [u8; 32]) {
        let key = BucketKey::Confirmed(account);
        // If none is left, the next one is refused.
        let _taken = self.confirmed.take(key, self.clock.now());
    }

    /// Counts everyone who tries passwords for an email address and is not a known device.
    pub(crate) fn account_key(&self, email_hash: [u8; 32]) -> ThrottleKey {
        ThrottleKey {
            key: email_hash,
            allowance: self.settings.account,
            limit: Limit::Account,
        }
    }

    /// Counts one known device under the key of [`domain::device_key`] or [`domain::older_device_key`].
    pub(crate) fn device_key(&self, key: [u8; 32]) -> ThrottleKey {
        ThrottleKey {
            key,
            allowance: self.settings.device,
            limit: Limit::Device,
        }
    }

    /// Whether another password may be tried after this many failures.
    pub(crate) fn check(&self, key: ThrottleKey, count: Option<FailureCount>) -> Result<(), Error> {
        let Some(count) = count else { return Ok(()) };
        let left = count.expire_time - self.clock.now();
        if count.failures < i64::from(key.allowance.failures) || left <= TimeDelta::zero() {
            return Ok(());
        }
        let retry_after = left.to_std().unwrap_or_default();
        Err(self.refuse(key.limit, retry_after))
    }

    fn refuse(&self, limit: Limit, retry_after: Duration) -> Error {
        self.refused.add(limit);
        Error::RateLimited { retry_after }
    }

    fn take(
        &self,
        address: IpAddr,
        key: fn(CustomerBlock) -> BucketKey,
        limit: Limit,
    ) -> Result<(), Error> {
        let taken = self.buckets.take_from(address, key, self.clock.now());
        taken.map_err(|retry_after| self.refuse(limit, retry_after))
    }
}

/// The address that a call comes from. Calls without a known address share one limit.
fn address(call: &Call) -> IpAddr {
    call.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
