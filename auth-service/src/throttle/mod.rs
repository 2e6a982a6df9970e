//! Limits on guessing that cannot be turned against whom is guessed at.
//!
//! | limit | counts | kept in | who is held to it |
//! |---|---|---|---|
//! | address | sign-ups, and passwords that were wrong | memory | everyone but a known device |
//! | account | wrong passwords for an address of mail, known or not | Postgres | everyone but a known device |
//! | device | wrong passwords from one known device | Postgres | that device |
//! | tokens | refresh tokens and API keys that are forged, of an address | memory | those that present such |
//! | ended | genuine ones of a session or key that has ended | memory | those that present them |
//! | hashing | whatever is hashed | the queue of [`crate::password`] | everyone; known devices have a queue of their own |
//!
//! A known device is one that shows a token of a session of the account ([`crate::device`]). Nobody without such a token
//! can use up what it has left, and with a stolen one no more can be guessed than without.
//! (ASVS 6.1.1, 6.3.1. A limit is answered before anything is hashed.)

mod buckets;

use std::{net::IpAddr, net::Ipv4Addr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use shared::{caller::Call, clock::Clock, ids::SessionId, metrics::labels::Limit};
use uuid::Uuid;

pub use buckets::Pace;

use crate::{domain::sha256, error::Error, meter::Meter, store::throttle::Tally};
use buckets::{Buckets, Holder};

/// How much guessing is borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Of one address, and of one session or key that has ended.
    pub address: Pace,
    /// Addresses that are remembered at most; at least 1,024.
    pub address_capacity: usize,
    /// Of an account, by all who are no known device of it.
    pub account: Allowance,
    /// Of a known device.
    pub device: Allowance,
}

/// Failures borne within a window, which begins with the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// 1 to 1,000,000.
    pub failures: u32,
    /// 1 s to 1 d.
    pub window: Duration,
}

/// All limits but that of hashing.
#[derive(Debug)]
pub(crate) struct Throttle {
    settings: ThrottleSettings,
    buckets: Buckets,
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
}

/// Whom a wrong password is charged to, in the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debtor {
    pub(crate) key: [u8; 32],
    allowance: Allowance,
    limit: Limit,
}

/// What an attempt has taken from its address.
#[derive(Debug)]
#[must_use]
pub(crate) struct Charge<'a> {
    throttle: &'a Throttle,
    holder: Holder,
}

impl Charge<'_> {
    /// The attempt was right: it costs nothing.
    pub(crate) fn give_back(self) {
        self.throttle.buckets.give_back(self.holder);
    }
}

impl Debtor {
    /// When what it owes is forgotten, if it begins to owe now.
    pub(crate) fn expire_time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.allowance.window
    }
}

impl Throttle {
    pub(crate) fn new(
        settings: ThrottleSettings,
        clock: Arc<dyn Clock>,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            settings,
            buckets: Buckets::new(settings.address, settings.address_capacity),
            clock,
            meter,
        }
    }

    /// Charges a password to the address of the call.
    pub(crate) fn charge(&self, call: &Call) -> Result<Charge<'_>, Error> {
        let holder = Holder::Passwords(origin(call).into());
        self.take(holder, Limit::Address)?;
        Ok(Charge {
            throttle: self,
            holder,
        })
    }

    /// Charges a token or key that was none to the address of the call. Asked only of such: what others at the same address
    /// present is not their fault.
    pub(crate) fn charge_forgery(&self, call: &Call) -> Result<(), Error> {
        self.take(Holder::Tokens(origin(call).into()), Limit::Tokens)
    }

    /// Whether a session or key that may have ended is still to be asked for.
    pub(crate) fn check_ended(&self, id: Uuid) -> Result<(), Error> {
        let peeked = self.buckets.peek(Holder::Ended(id), self.clock.now());
        peeked.map_err(|retry_after| self.refuse(Limit::Ended, retry_after))
    }

    /// Charges the use of a session or key that has ended to itself: it is good for nothing any more, and nobody else's is
    /// touched.
    pub(crate) fn charge_ended(&self, id: Uuid) {
        // When there is nothing left, the next one is not let through.
        let _taken = self.buckets.take(Holder::Ended(id), self.clock.now());
    }

    /// Everyone who tries passwords for an address of mail and is no known device.
    pub(crate) fn account(&self, email_hash: [u8; 32]) -> Debtor {
        Debtor {
            key: email_hash,
            allowance: self.settings.account,
            limit: Limit::Account,
        }
    }

    /// One known device.
    pub(crate) fn device(&self, session_id: SessionId) -> Debtor {
        Debtor {
            key: device_key(session_id),
            allowance: self.settings.device,
            limit: Limit::Device,
        }
    }

    /// Whether someone who owes this much may go on.
    pub(crate) fn check(&self, debtor: Debtor, tally: Option<Tally>) -> Result<(), Error> {
        let Some(tally) = tally else { return Ok(()) };
        let left = tally.expire_time - self.clock.now();
        if tally.failures < i64::from(debtor.allowance.failures) || left <= TimeDelta::zero() {
            return Ok(());
        }
        let retry_after = left.to_std().unwrap_or_default();
        Err(self.refuse(debtor.limit, retry_after))
    }

    fn refuse(&self, limit: Limit, retry_after: Duration) -> Error {
        self.meter.throttled(limit);
        Error::RateLimited { retry_after }
    }

    fn take(&self, holder: Holder, limit: Limit) -> Result<(), Error> {
        let taken = self.buckets.take(holder, self.clock.now());
        taken.map_err(|retry_after| self.refuse(limit, retry_after))
    }
}

/// The key that a device's failures are counted under; cannot be the hash of an address of mail.
pub(crate) fn device_key(session_id: SessionId) -> [u8; 32] {
    const PURPOSE: &[u8] = b"tandem known device\0";
    sha256(&[PURPOSE, session_id.uuid().as_bytes()].concat())
}

/// Where a call comes from. Calls of which that is not known share one limit.
fn origin(call: &Call) -> IpAddr {
    call.peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
