//! A set of revocations that is cheap to copy: readers keep their copy while the next one is prepared.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Digest, Revocation, RevocationKind};
use crate::Claims;

/// A change copies one of this many parts, so that adding an entry to 100,000 takes microseconds.
const PARTS: usize = 256;

/// The revocations in force. A clone shares all but the parts that are changed afterwards.
#[derive(Debug, Clone)]
pub struct RevocationSet(Box<[Arc<Part>]>);

#[derive(Debug, Clone, Default)]
struct Part {
    sessions: HashMap<Uuid, DateTime<Utc>>,
    accounts: HashMap<Uuid, MinEpoch>,
    keys: HashMap<String, DateTime<Utc>>,
    /// Each distinct entry once, and when it expires: the set's digest is computed from these.
    entries: HashMap<Digest, DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy)]
struct MinEpoch {
    epoch: i64,
    expire_time: DateTime<Utc>,
}

impl Default for RevocationSet {
    fn default() -> Self {
        let empty = Arc::default();
        Self((0..PARTS).map(|_| Arc::clone(&empty)).collect())
    }
}

impl RevocationSet {
    /// Adds a revocation; false when the same one is there already. Of two with the same subject, the higher epoch and the
    /// later expiry count.
    ///
    /// One whose subject should be a UUID and is not revokes no token, but it is an entry like any other.
    pub fn insert(&mut self, revocation: &Revocation) -> bool {
        let digest = revocation.digest();
        let part = &mut self.0[part_of(revocation)];
        let known = part.entries.get(&digest);
        if known.is_some_and(|expire_time| *expire_time >= revocation.expire_time) {
            return false;
        }
        let is_new = known.is_none();
        let part = Arc::make_mut(part);
        part.entries.insert(digest, revocation.expire_time);
        part.revoke(revocation);
        is_new
    }

    /// How many entries there are, including expired ones that are not pruned yet.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|part| part.entries.len()).sum()
    }

    /// How many entries expire after `as_of`, and the exclusive or of their digests.
    #[must_use]
    pub fn digest(&self, as_of: DateTime<Utc>) -> (usize, Digest) {
        let entries = self.0.iter().flat_map(|part| &part.entries);
        let in_force = entries.filter(|(_, expire_time)| **expire_time > as_of);
        let (count, sum) = in_force.fold((0, 0), |(count, sum), (digest, _)| {
            (count + 1, sum ^ u128::from_ne_bytes(*digest))
        });
        (count, sum.to_ne_bytes())
    }

    /// Removes what has expired by `now`.
    pub fn prune(&mut self, now: DateTime<Utc>) {
        for part in &mut self.0 {
            if part.entries.values().any(|expire_time| *expire_time <= now) {
                Arc::make_mut(part).prune(now);
            }
        }
    }

    /// Whether a token with these claims, signed by the key `kid`, is revoked.
    #[must_use]
    pub fn revokes(&self, claims: &Claims, kid: &str) -> bool {
        let session = claims.sid.uuid();
        let account = claims.sub.uuid();
        let of_account = self.0[part_of_uuid(account)].accounts.get(&account);
        self.0[part_of_uuid(session)]
            .sessions
            .contains_key(&session)
            || of_account.is_some_and(|min| claims.ep < min.epoch)
            || self.0[part_of_kid(kid)].keys.contains_key(kid)
    }
}

impl Part {
    fn revoke(&mut self, revocation: &Revocation) {
        let Revocation {
            kind,
            ref subject,
            min_epoch,
            expire_time,
            sequence: _,
        } = *revocation;
        let uuid = Uuid::try_parse(subject);
        match (kind, uuid) {
            (RevocationKind::Session, Ok(session)) => {
                later(self.sessions.entry(session).or_default(), expire_time);
            }
            (RevocationKind::Account, Ok(account)) => {
                let min = self.accounts.entry(account).or_insert(MinEpoch {
                    epoch: min_epoch,
                    expire_time,
                });
                min.epoch = min.epoch.max(min_epoch);
                later(&mut min.expire_time, expire_time);
            }
            (RevocationKind::Key, _) => {
                later(self.keys.entry(subject.clone()).or_default(), expire_time);
            }
            (RevocationKind::Session | RevocationKind::Account, Err(_)) => {}
        }
    }

    fn prune(&mut self, now: DateTime<Utc>) {
        self.entries.retain(|_, expire_time| *expire_time > now);
        self.sessions.retain(|_, expire_time| *expire_time > now);
        self.accounts.retain(|_, min| min.expire_time > now);
        self.keys.retain(|_, expire_time| *expire_time > now);
    }
}

fn later(known: &mut DateTime<Utc>, expire_time: DateTime<Utc>) {
    *known = (*known).max(expire_time);
}

fn part_of(revocation: &Revocation) -> usize {
    match (revocation.kind, Uuid::try_parse(&revocation.subject)) {
        (RevocationKind::Session | RevocationKind::Account, Ok(subject)) => part_of_uuid(subject),
        (RevocationKind::Session | RevocationKind::Account, Err(_)) | (RevocationKind::Key, _) => {
            part_of_kid(&revocation.subject)
        }
    }
}

/// The last byte of a UUIDv7 is random.
const fn part_of_uuid(subject: Uuid) -> usize {
    subject.as_bytes()[15] as usize
}

/// There are few keys, so they share one part.
const fn part_of_kid(_kid: &str) -> usize {
    0
}

#[cfg(test)]
mod tests;
