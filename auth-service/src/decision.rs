//! What a refresh that changed no row means: one pure function over the session as it is now.
//!
//! The update has lost before this is asked, perhaps to a concurrent refresh of the same client; so the row is read
//! again, and decided on as it is then. (RFC 9700 section 4.14.2, ASVS 10.4.5.)

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::TimeDelta;

use crate::store::{
    ACTIVE,
    session::{Rotation, Stored},
};

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The token is the current one after all: refresh once more.
    Current,
    /// The answer to this client's last refresh was lost: the same pair again, however late, without a write.
    Retry,
    /// A client that has never declared a tag refreshed twice at once: the same pair, within the short window only.
    Concurrent,
    /// A second party holds this session's tokens: the session ends, and it is recorded.
    Reuse,
    /// The token is newer than the row: the database was restored from a backup. The session ends, and nobody is blamed.
    Restored,
    /// The session was ended, or its account is closed.
    Revoked,
    /// The session is past a deadline.
    Expired,
    /// There is no such session, or it has got a new secret since.
    Invalid,
}

/// Decides about `presented`, which changed no row, from `row`, read afterwards. `window` is the short one; zero closes it.
pub(crate) fn decide(row: Option<&Stored>, presented: &Rotation, window: TimeDelta) -> Decision {
    let Some(row) = row.filter(|row| same(&row.secret_hash, &presented.secret_hash)) else {
        return Decision::Invalid;
    };
    if row.revoke_time.is_some() || row.account_state != ACTIVE {
        return Decision::Revoked;
    }
    if presented.now >= row.idle_deadline || presented.now >= row.absolute_deadline {
        return Decision::Expired;
    }
    match row.generation.saturating_sub(presented.generation) {
        0 => Decision::Current,
        1 => decide_previous(row, presented, window),
        behind if behind > 1 => Decision::Reuse,
        _ahead => Decision::Restored,
    }
}

/// Who presents the token before the current one: the client that has refreshed it, or somebody else?
fn decide_previous(row: &Stored, presented: &Rotation, window: TimeDelta) -> Decision {
    let same_attempt = match (&row.attempt_tag, &presented.attempt_tag) {
        (Some(kept), Some(sent)) => same(kept, sent),
        _ => false,
    };
    if same_attempt {
        return Decision::Retry;
    }
    // Whoever sends a tag declares one: then it is not this client that has refreshed without.
    let knows_no_tags = !row.declares_tag && presented.attempt_tag.is_none();
    // A clock that is behind makes the age negative, which is young.
    let age = presented.now.signed_duration_since(row.rotate_time);
    if knows_no_tags && age < window {
        return Decision::Concurrent;
    }
    Decision::Reuse
}

/// In constant time (ASVS 11.2.4).
fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests;
