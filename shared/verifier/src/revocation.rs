//! Revocations of access tokens: published by the auth service, held by verifiers. A service that only verifies tokens does not
//! need this module.
//!
//! Both sides keep a [`RevocationSet`]. Entries are only added until they expire, so neither their order nor repetition matters,
//! and equal sets have equal digests: so a verifier proves that it holds what was published.

mod set;

use api::{
    ids::parse_uuid,
    time::{moment, timestamp},
};
use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use contract::proto::auth as proto;

pub use self::set::RevocationSet;

/// The longest key id, in bytes (RFC 8725 section 3.10).
const MAX_KID_LENGTH: usize = 64;

/// What a revocation revokes. The numbers are those of `RevocationKind` in the contract, and are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RevocationKind {
    /// The tokens of one session or API key; the subject is its id.
    Session = 1,
    /// The tokens of one account whose epoch is below `min_epoch`; the subject is the account's id.
    Account = 2,
    /// The tokens signed by one key; the subject is its key id.
    Key = 3,
}

/// One revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its position in the feed; grows, with gaps.
    pub sequence: i64,
    /// What it revokes.
    pub kind: RevocationKind,
    /// The id of what it revokes: a UUID with hyphens, or a key id.
    pub subject: String,
    /// For accounts, the lowest epoch that is still valid; 0 for the other kinds.
    pub min_epoch: i64,
    /// When it can be removed, because every token that it revokes has expired.
    pub expire_time: DateTime<Utc>,
}

/// Why a message is not a revocation. A verifier must not ignore such a message: it may revoke any token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRevocation {
    /// A kind that is missing, or unknown to this version.
    #[error("the kind {0} is not known")]
    Kind(i32),
    /// Not a UUID, or not a key id of 1 to 64 bytes.
    #[error("the subject does not fit its kind")]
    Subject,
    /// No expiry, or one outside the calendar.
    #[error("the expiry is missing or out of range")]
    ExpireTime,
}

/// The digest of a set: the exclusive or of its entries' digests.
pub type Digest = [u8; 16];

impl Revocation {
    /// The first 16 bytes of SHA-256 of: kind (1 byte), subject, a zero byte, `min_epoch` and the seconds of
    /// `expire_time` (each 8 bytes, big-endian), as `RevocationHeartbeat.digest` specifies. The sequence is left out, so
    /// that an entry that was written twice is one entry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&[self.kind as u8]);
        hash.update(self.subject.as_bytes());
        hash.update(&[0]);
        hash.update(&self.min_epoch.to_be_bytes());
        hash.update(&self.expire_time.timestamp().to_be_bytes());
        *hash
            .finish()
            .as_ref()
            .first_chunk()
            .expect("SHA-256 has 32 bytes")
    }
}

impl From<Revocation> for proto::Revocation {
    fn from(revocation: Revocation) -> Self {
        let Revocation {
            sequence,
            kind,
            subject,
            min_epoch,
            expire_time,
        } = revocation;
        Self {
            sequence,
            kind: proto::RevocationKind::from(kind).into(),
            subject,
            min_epoch,
            expire_time: Some(timestamp(expire_time)),
        }
    }
}

impl TryFrom<proto::Revocation> for Revocation {
    type Error = MalformedRevocation;

    fn try_from(message: proto::Revocation) -> Result<Self, MalformedRevocation> {
        let proto::Revocation {
            sequence,
            kind,
            subject,
            min_epoch,
            expire_time,
        } = message;
        let kind = RevocationKind::try_from(kind)?;
        let fits = match kind {
            RevocationKind::Session | RevocationKind::Account => parse_uuid(&subject).is_ok(),
            RevocationKind::Key => (1..=MAX_KID_LENGTH).contains(&subject.len()),
        };
        if !fits {
            return Err(MalformedRevocation::Subject);
        }
        Ok(Self {
            sequence,
            kind,
            subject,
            min_epoch,
            expire_time: expire_time
                .and_then(moment)
                .ok_or(MalformedRevocation::ExpireTime)?,
        })
    }
}

impl From<RevocationKind> for proto::RevocationKind {
    fn from(kind: RevocationKind) -> Self {
        match kind {
            RevocationKind::Session => Self::Session,
            RevocationKind::Account => Self::Account,
            RevocationKind::Key => Self::Key,
        }
    }
}

impl TryFrom<i32> for RevocationKind {
    type Error = MalformedRevocation;

    fn try_from(number: i32) -> Result<Self, MalformedRevocation> {
        match proto::RevocationKind::try_from(number) {
            Ok(proto::RevocationKind::Session) => Ok(Self::Session),
            Ok(proto::RevocationKind::Account) => Ok(Self::Account),
            Ok(proto::RevocationKind::Key) => Ok(Self::Key),
            Ok(proto::RevocationKind::Unspecified) | Err(_) => {
                Err(MalformedRevocation::Kind(number))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_cannot_be_read_is_refused_and_not_ignored() {
        let good = proto::Revocation {
            sequence: 4,
            kind: 1,
            subject: "0190163d-8694-739b-aea5-966c26f8ad91".to_owned(),
            min_epoch: 0,
            expire_time: Some(prost_types::Timestamp {
                seconds: 9,
                nanos: 0,
            }),
        };
        assert_eq!(Revocation::try_from(good.clone()).unwrap().sequence, 4);
        let refused = |change: fn(&mut proto::Revocation)| {
            let mut message = good.clone();
            change(&mut message);
            Revocation::try_from(message).unwrap_err()
        };
        assert_eq!(refused(|m| m.kind = 0), MalformedRevocation::Kind(0));
        assert_eq!(refused(|m| m.kind = 4), MalformedRevocation::Kind(4));
        let subject = MalformedRevocation::Subject;
        assert_eq!(refused(|m| m.subject.truncate(35)), subject);
        assert_eq!(
            refused(|m| (m.kind, m.subject) = (3, String::new())),
            subject
        );
        assert_eq!(
            refused(|m| (m.kind, m.subject) = (3, "k".repeat(65))),
            subject
        );
        let expire_time = MalformedRevocation::ExpireTime;
        assert_eq!(refused(|m| m.expire_time = None), expire_time);
        let never = |m: &mut proto::Revocation| {
            m.expire_time = Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            });
        };
        assert_eq!(refused(never), expire_time);
    }
}
