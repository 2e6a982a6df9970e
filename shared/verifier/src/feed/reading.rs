//! What one stream of the feed tells, applied to the verifier.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::Interruption;
use crate::{
    KeySet, Verifier,
    freshness::SILENCE,
    knowledge::Held,
    revocation::{Revocation, RevocationSet},
};
use api::time::moment;
use contract::proto::auth::{
    RevocationHeartbeat, WatchRevocationsResponse, watch_revocations_response::Event,
};

/// What has expired is kept for this long, for heartbeats of a replica whose clock is behind.
const KEPT: TimeDelta = TimeDelta::minutes(1);

pub(super) struct Reading<'a> {
    verifier: &'a Verifier,
    /// Before the request was sent.
    began: Instant,
    /// What the stream has told, on top of what the verifier held if it is resumed; none if nothing can be built upon.
    held: Option<Held>,
    /// Whether the verifier may hold it: a snapshot that was not proven may be the first part of a larger one.
    whole: bool,
    /// The moment of the first heartbeat, on the auth service's clock and at the latest on ours.
    first: Option<(DateTime<Utc>, Instant)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(verifier: &'a Verifier, from_scratch: bool) -> Self {
        let held = verifier.known().held.clone();
        let held = held.filter(|_| !from_scratch);
        Self {
            verifier,
            began: Instant::now(),
            whole: held.is_some(),
            held,
            first: None,
        }
    }

    /// The sequence and the incarnation to ask for.
    pub(super) fn resume_from(&self) -> (i64, String) {
        self.held.as_ref().map_or_else(Default::default, |held| {
            (held.head, held.incarnation.as_ref().to_owned())
        })
    }

    /// Whether this stream has shown that the verifier holds what was published.
    pub(super) fn has_proof(&self) -> bool {
        let proven = self.held.as_ref().and_then(|held| held.current_to);
        proven.is_some_and(|proven| proven >= self.began) && self.whole
    }

    /// Whether nothing is held that a feed could be resumed from.
    pub(super) const fn awaits_snapshot(&self) -> bool {
        self.held.is_none()
    }

    /// Applies one message; gives the ids of the keys when there are new ones to acknowledge.
    pub(super) fn apply(
        &mut self,
        message: WatchRevocationsResponse,
    ) -> Result<Option<Vec<String>>, Interruption> {
        let WatchRevocationsResponse { incarnation, event } = message;
        match event {
            Some(Event::Snapshot(snapshot)) => {
                let revocations = parsed(snapshot.revocations)?;
                self.replace(incarnation, &revocations);
            }
            Some(Event::Delta(delta)) => {
                let revocations = parsed(delta.revocations)?;
                self.extend(&incarnation, &revocations)?;
            }
            Some(Event::Heartbeat(heartbeat)) => self.prove(&incarnation, &heartbeat)?,
            Some(Event::Keys(keys)) => {
                let keys = KeySet::published(keys.keys);
                let kids = keys.kids().map(str::to_owned).collect();
                self.verifier.set_keys(keys);
                return Ok(Some(kids));
            }
            // Of a kind that a later version has.
            None => {}
        }
        if self.is_older_than(2 * SILENCE) {
            return Err(Interruption::Late);
        }
        Ok(None)
    }

    fn replace(&mut self, incarnation: String, revocations: &[Revocation]) {
        let mut set = RevocationSet::default();
        let last = insert(&mut set, revocations);
        self.whole = false;
        self.held = Some(Held {
            revocations: Arc::new(set),
            incarnation: incarnation.into(),
            head: last,
            current_to: None,
            interrupted: true,
        });
    }

    fn extend(
        &mut self,
        incarnation: &str,
        revocations: &[Revocation],
    ) -> Result<(), Interruption> {
        let held = held(&mut self.held, incarnation)?;
        let last = insert(Arc::make_mut(&mut held.revocations), revocations);
        held.head = held.head.max(last);
        if self.whole {
            self.verifier.hold(held);
        }
        Ok(())
    }

    fn prove(
        &mut self,
        incarnation: &str,
        heartbeat: &RevocationHeartbeat,
    ) -> Result<(), Interruption> {
        let as_of = heartbeat.as_of.and_then(moment);
        let as_of = as_of.ok_or(Interruption::Undated)?;
        let proven = self.here(as_of);
        let held = held(&mut self.held, incarnation)?;
        let (count, digest) = held.revocations.digest(as_of);
        if i64::try_from(count) != Ok(heartbeat.count) || digest[..] != heartbeat.digest[..] {
            return Err(Interruption::Mismatch);
        }
        held.current_to = held.current_to.max(Some(proven));
        held.interrupted = false;
        held.head = held.head.max(heartbeat.head_sequence);
        Arc::make_mut(&mut held.revocations).prune(as_of - KEPT);
        self.whole = true;
        self.verifier.hold(held);
        if self.is_older_than(SILENCE) {
            return Err(Interruption::Late);
        }
        Ok(())
    }

    /// The moment `as_of` on our own clock, or an earlier one.
    ///
    /// No two clocks are compared: a heartbeat is as much later than the first one as the auth service's clock says, and
    /// the first one was made when the request was sent, or later. One that was ready before is noticed, since no heartbeat
    /// arrives before it is made. So a feed that arrives, but late, is not taken for fresh.
    fn here(&mut self, as_of: DateTime<Utc>) -> Instant {
        let now = Instant::now();
        let (first, here) = self.first.get_or_insert((as_of, self.began));
        let later = (as_of - *first).to_std().unwrap_or_default();
        *here = now
            .checked_sub(later)
            .map_or(*here, |latest| latest.min(*here));
        here.checked_add(later)
            .map_or(now, |moment| moment.min(now))
    }

    /// Whether this stream has told nothing that is younger, though it had the time.
    fn is_older_than(&self, age: Duration) -> bool {
        let held = self.held.as_ref();
        self.began.elapsed() > age && held.is_some_and(|held| held.is_older_than(age))
    }
}

/// What is held, if it belongs to this incarnation.
fn held<'a>(held: &'a mut Option<Held>, incarnation: &str) -> Result<&'a mut Held, Interruption> {
    let held = held.as_mut().ok_or(Interruption::NoSnapshot)?;
    if *held.incarnation == *incarnation {
        Ok(held)
    } else {
        Err(Interruption::Incarnation)
    }
}

/// Every one of them, or none: one that cannot be read may void anything.
fn parsed(
    messages: Vec<contract::proto::auth::Revocation>,
) -> Result<Vec<Revocation>, Interruption> {
    let parsed = messages.into_iter().map(Revocation::try_from);
    Ok(parsed.collect::<Result<_, _>>()?)
}

/// Adds them, and gives the highest sequence among them.
fn insert(set: &mut RevocationSet, revocations: &[Revocation]) -> i64 {
    let sequences = revocations.iter().map(|revocation| {
        set.insert(revocation);
        revocation.sequence
    });
    sequences.max().unwrap_or_default()
}
