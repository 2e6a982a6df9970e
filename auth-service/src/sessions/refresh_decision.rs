//! What a refresh that changed no row means: one pure function of the session as it is now.
//!
//! The update changed no row, for example because a concurrent refresh of the same client came first. So the row is read
//! again, and the decision is about the row as it is then. (RFC 9700 section 4.14.2, ASVS 10.4.5.)

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::TimeDelta;

use super::store::{Rotation, StoredSession};
use crate::accounts::domain::AccountState;

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The token is the current one after all: refresh again.
    Current,
    /// The response to this client's last refresh was lost: the same pair again, however late, without a write.
    Retry,
    /// Two clients of a session that has never declared a tag refreshed at once: the same pair, but only within the short window.
    Concurrent,
    /// An old copy of the device's own token: this call is refused, and the session goes on.
    Stale,
    /// A second party has this session's tokens: the session ends, and this is recorded.
    Reuse,
    /// The token is newer than the row: the database was restored from a backup. The session ends, without an accusation.
    Restored,
    /// The session was ended, or its account is disabled.
    Revoked,
    /// A deadline of the session has passed.
    Expired,
    /// There is no such session, or it has a new secret.
    Invalid,
}

/// Decides about `presented`, which changed no row, from `row`, which was read afterwards. A `window` of zero disables
/// [`Decision::Concurrent`].
pub(crate) fn decide(
    row: Option<&StoredSession>,
    presented: &Rotation,
    window: TimeDelta,
) -> Decision {
    let Some(row) = row.filter(|row| equal(&row.secret_hash, &presented.secret_hash)) else {
        return Decision::Invalid;
    };
    if row.revoke_time.is_some() || row.epoch_over || row.account_state != AccountState::Active {
        return Decision::Revoked;
    }
    if presented.now >= row.idle_deadline || presented.now >= row.absolute_deadline {
        return Decision::Expired;
    }
    match row.generation.saturating_sub(presented.generation) {
        0 => Decision::Current,
        1 => decide_previous(row, presented, window),
        behind if behind > 1 && same_device(row, presented) => Decision::Stale,
        behind if behind > 1 => Decision::Reuse,
        _ahead => Decision::Restored,
    }
}

/// Decides about the token before the current one: the client that refreshed it presents it, or somebody else.
fn decide_previous(row: &StoredSession, presented: &Rotation, window: TimeDelta) -> Decision {
    if same_device(row, presented) {
        return Decision::Retry;
    }
    // The other client may be of a newer version that sends a tag. Whoever has stolen a token could leave the tag out.
    // If this clock is behind, the age is negative, which is within the window.
    let age = presented.now.signed_duration_since(row.rotate_time);
    if !row.declares_tag && age < window {
        return Decision::Concurrent;
    }
    Decision::Reuse
}

/// Whether the client that presents a token sends the tag that the last refresh or the sign-in came with. After a refresh
/// without a tag, or with another one, nobody does: so the device notices that somebody else has refreshed.
fn same_device(row: &StoredSession, presented: &Rotation) -> bool {
    match (&row.attempt_tag, &presented.attempt_tag) {
        (Some(kept), Some(sent)) => equal(kept, sent),
        _ => false,
    }
}

/// Compares in constant time (ASVS 11.2.4).
fn equal(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests;
