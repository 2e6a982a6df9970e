//! Owners whose rows could not be removed. Each is left alone for a while, so that no other owner waits for it.

use std::{collections::HashMap, error::Error as StdError};

use api::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};

/// How long an owner is left alone after the first failure. It doubles with each failure.
const FIRST_DELAY: TimeDelta = TimeDelta::minutes(1);
/// The longest time that an owner is left alone.
const MAX_DELAY: TimeDelta = TimeDelta::hours(1);
/// The largest number of owners that are set aside. More than these are tried in every sweep.
const MAX_OWNERS: usize = 10_000;
/// Rows that another transaction holds are ordinary; they are logged when they are still held at this attempt.
const HELD_LOGGED_AT: u32 = 3;

/// Why the rows of an owner are still there.
#[derive(Debug)]
pub(super) enum Failure<'a> {
    /// Another transaction holds them.
    Held,
    /// The database refused to remove them.
    Refused(&'a (dyn StdError + 'static)),
}

#[derive(Debug)]
struct Pause {
    failures: u32,
    delay: TimeDelta,
    until: DateTime<Utc>,
}

/// The owners that are left alone, and until when.
#[derive(Debug, Default)]
pub(super) struct SetAside(HashMap<UserId, Pause>);

impl SetAside {
    /// Whether the owner is to be left alone now.
    pub(super) fn contains(&self, owner: UserId, now: DateTime<Utc>) -> bool {
        self.0.get(&owner).is_some_and(|pause| now < pause.until)
    }

    /// How many owners are set aside.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The owner's rows could be removed.
    pub(super) fn remove(&mut self, owner: UserId) {
        self.0.remove(&owner);
    }

    /// The owner's rows could not be removed. It is logged once, until they can be.
    pub(super) fn add(&mut self, owner: UserId, failure: &Failure<'_>, now: DateTime<Utc>) {
        if self.0.len() >= MAX_OWNERS && !self.0.contains_key(&owner) {
            tracing::debug!(%owner, ?failure, "too many owners are set aside");
            return;
        }
        let pause = self.0.entry(owner).or_insert(Pause {
            failures: 0,
            delay: FIRST_DELAY,
            until: now,
        });
        pause.failures += 1;
        pause.until = now + pause.delay;
        pause.delay = (pause.delay * 2).min(MAX_DELAY);
        match failure {
            Failure::Refused(error) if pause.failures == 1 => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(%owner, %error, cause, "rows cannot be removed; others are, and these are tried again");
            }
            Failure::Held if pause.failures == HELD_LOGGED_AT => {
                tracing::warn!(%owner, "rows are held by another transaction and cannot be removed yet");
            }
            Failure::Refused(_) | Failure::Held => {
                tracing::debug!(%owner, ?failure, pause.failures, "rows still cannot be removed");
            }
        }
    }

    /// Forgets owners that have not been tried for long: another process has removed their rows.
    pub(super) fn prune(&mut self, now: DateTime<Utc>) {
        self.0.retain(|_, pause| now < pause.until + MAX_DELAY * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_left_alone_for_twice_as_long_after_each_failure_and_at_most_an_hour() {
        let mut now = DateTime::UNIX_EPOCH;
        let (owner, other) = (UserId::at(now), UserId::at(now));
        let mut aside = SetAside::default();
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            aside.add(owner, &Failure::Held, now);
            let last = now + TimeDelta::minutes(minutes) - TimeDelta::seconds(1);
            assert!(aside.contains(owner, last));
            assert!(!aside.contains(other, now));
            now += TimeDelta::minutes(minutes);
            assert!(!aside.contains(owner, now));
        }
        aside.remove(owner);
        aside.add(owner, &Failure::Held, now);
        assert!(!aside.contains(owner, now + TimeDelta::minutes(1)));
    }

    #[test]
    fn the_owners_set_aside_are_bounded_and_forgotten() {
        let now = DateTime::UNIX_EPOCH;
        let mut aside = SetAside::default();
        for _ in 0..=MAX_OWNERS {
            aside.add(UserId::at(now), &Failure::Held, now);
        }
        assert_eq!(aside.count(), MAX_OWNERS);
        aside.prune(now + TimeDelta::hours(2));
        assert_eq!(aside.count(), MAX_OWNERS);
        aside.prune(now + TimeDelta::hours(3));
        assert_eq!(aside.count(), 0);
    }
}
