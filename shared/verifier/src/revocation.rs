//! Revocations: what voids access tokens before they expire, as the auth service publishes it and verifiers hold it.
//!
//! Both sides keep a [`RevocationSet`]. It only grows until its entries expire, so the order in which entries arrive and
//! how often they do makes no difference, and equal sets have equal digests: that is how a verifier proves that it holds
//! what was published.

mod set;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};

pub use self::set::RevocationSet;
use api::ids::parse_uuid;
use contract::proto::auth as proto;

/// Longest key id, in bytes (RFC 8725 section 3.10).
const LONGEST_KID: usize = 64;

/// What a revocation voids. The numbers are those of `RevocationKind` in the contract, and are never used again.
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
    /// Its place in the feed; grows, with gaps.
    pub sequence: i64,
    /// What it voids.
    pub kind: RevocationKind,
    /// Which one: a UUID with hyphens, or a key id.
    pub subject: String,
    /// For accounts, the lowest epoch that is still good; 0 for the other kinds.
    pub min_epoch: i64,
    /// When it can be forgotten, because every token it voids has expired.
    pub expire_time: DateTime<Utc>,
}

/// Why a message is no revocation. A verifier that cannot read one does not know what is void, so it must not go on as if
/// there were none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRevocation {
    /// A kind that is not set, or that this version does not know.
    #[error("the kind {0} is not known")]
    Kind(i32),
    /// No UUID, or no key id of 1 to 64 bytes.
    #[error("the subject is none of its kind")]
    Subject,
    /// No expiry, or none that the calendar has.
    #[error("the expiry is missing or out of range")]
    ExpireTime,
}

/// The digest of a set: the exclusive or of its entries' digests.
pub type Digest = [u8; 16];

impl Revocation {
    /// The first 16 bytes of SHA-256 of: kind (1 byte), subject, a zero byte, `min_epoch` and the seconds of
    /// `expire_time` (each 8 bytes, big-endian), as `RevocationHeartbeat.digest` has it. The sequence is left out, so
    /// an entry that was written twice is one entry.
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
        let named = match kind {
            RevocationKind::Session | RevocationKind::Account => parse_uuid(&subject).is_ok(),
            RevocationKind::Key => (1..=LONGEST_KID).contains(&subject.len()),
        };
        if !named {
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

/// A moment as messages carry it.
#[must_use]
pub fn timestamp(moment: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: moment.timestamp(),
        // A leap second has more nanoseconds than the message may carry.
        nanos: i32::try_from(moment.timestamp_subsec_nanos().min(999_999_999))
            .expect("a second has fewer nanoseconds than 2^31"),
    }
}

/// The moment a timestamp names, if the calendar has it.
#[must_use]
pub fn moment(timestamp: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_and_not_passed_over() {
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
