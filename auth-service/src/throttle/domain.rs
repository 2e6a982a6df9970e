//! What limits are made of, and what is counted against them.

use std::time::Duration;

use crate::throttle::metrics::Limit;
use api::ids::SessionId;
use chrono::{DateTime, Utc};

use crate::digest::sha256;

/// Wrong passwords that are allowed within a window, which begins with the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// 1 to 1,000,000.
    pub failures: u32,
    /// 1 s to 1 d.
    pub window: Duration,
}

/// What wrong passwords are counted against, in the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThrottleKey {
    pub(crate) key: [u8; 32],
    pub(super) allowance: Allowance,
    pub(super) limit: Limit,
}

impl ThrottleKey {
    /// When the count ends, if it begins now.
    pub(crate) fn expire_time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.allowance.window
    }
}

/// Wrong passwords counted in a window that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FailureCount {
    pub(crate) failures: i64,
    pub(crate) expire_time: DateTime<Utc>,
}

impl FailureCount {
    /// The count of a row that may be missing.
    pub(crate) fn from_columns(
        failures: Option<i64>,
        expire_time: Option<DateTime<Utc>>,
    ) -> Option<Self> {
        Some(Self {
            failures: failures?,
            expire_time: expire_time?,
        })
    }
}

/// The key under which the failures of a device are counted, if it shows a token that is still the current one of its session. It
/// cannot be the hash of an email address.
pub(crate) fn device_key(session_id: SessionId) -> [u8; 32] {
    const PURPOSE: &[u8] = b"tandem known device\0";
    sha256(&[PURPOSE, session_id.uuid().as_bytes()].concat())
}

/// The key under which the failures of a device are counted that shows a token from before its session got a new secret, or
/// its account a new epoch. Somebody else may hold such a token, so it does not share the count of the session.
pub(crate) fn older_device_key(session_id: SessionId, issued_under: &[u8]) -> [u8; 32] {
    const PURPOSE: &[u8] = b"tandem known device, older token\0";
    sha256(&[PURPOSE, session_id.uuid().as_bytes(), issued_under].concat())
}
