//! Applies the messages of one stream of the feed to the verifier.

use std::{sync::Arc, time::Duration};

use api::time::moment;
use chrono::{DateTime, TimeDelta, Utc};
use contract::proto::auth::{
    RevocationHeartbeat, WatchRevocationsResponse, watch_revocations_response::Event,
};
use tokio::time::Instant;

use super::interruption::Interruption;
use crate::{
    KeySet, Verifier,
    freshness::SILENCE_TIMEOUT,
    revocation::{Revocation, RevocationSet},
    state::FeedState,
};

/// Expired revocations are kept for this long, for heartbeats of a replica whose clock is behind.
const EXPIRED_RETENTION: TimeDelta = TimeDelta::minutes(1);

/// The greatest age of a heartbeat that does not say its age: an older auth service sends one at least every second, and begins a
/// stream with the last one.
const UNKNOWN_AGE: Duration = Duration::from_secs(1);

pub(super) struct FeedStream<'a> {
    verifier: &'a Verifier,
    /// A moment before the request was sent.
    began: Instant,
    /// What the stream has published, added to what the verifier held if it is resumed; none before a snapshot.
    held: Option<FeedState>,
    /// Whether the verifier may use it: an unproven snapshot may be the first part of a larger one.
    complete: bool,
    /// The moment of the first heartbeat by the auth service's clock, and the earliest moment that it can be by this process's clock.
    first: Option<(DateTime<Utc>, Instant)>,
    /// Whether a heartbeat of this stream has shown that the verifier holds what was published.
    proven: bool,
}

impl<'a> FeedStream<'a> {
    pub(super) fn new(verifier: &'a Verifier, from_scratch: bool) -> Self {
        let held = verifier.state().feed.clone();
        let held = held.filter(|_| !from_scratch);
        Self {
            verifier,
            began: Instant::now(),
            complete: held.is_some(),
            held,
            first: None,
            proven: false,
        }
    }

    /// The sequence and the incarnation to ask for.
    pub(super) fn resume_from(&self) -> (i64, String) {
        self.held.as_ref().map_or_else(Default::default, |held| {
            (held.head, held.incarnation.as_ref().to_owned())
        })
    }

    /// Whether this stream has shown that the verifier holds what was published.
    pub(super) const fn has_proof(&self) -> bool {
        self.proven && self.complete
    }

    /// Whether there is nothing from which a feed could be resumed.
    pub(super) const fn awaits_snapshot(&self) -> bool {
        self.held.is_none()
    }

    /// Applies one message. Returns key ids if the message had keys, which must be acknowledged.
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
            // An event of a later version.
            None => {}
        }
        if self.is_older_than(2 * SILENCE_TIMEOUT) {
            return Err(Interruption::Late);
        }
        Ok(None)
    }

    fn replace(&mut self, incarnation: String, revocations: &[Revocation]) {
        let mut set = RevocationSet::default();
        let last = insert(&mut set, revocations);
        self.complete = false;
        self.held = Some(FeedState {
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
        let held = of_incarnation(&mut self.held, incarnation)?;
        let last = insert(Arc::make_mut(&mut held.revocations), revocations);
        held.head = held.head.max(last);
        if self.complete {
            self.verifier.set_feed_state(held);
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
        let proven = self.local_time(as_of, age(heartbeat));
        let held = of_incarnation(&mut self.held, incarnation)?;
        let (count, digest) = held.revocations.digest(as_of);
        if i64::try_from(count) != Ok(heartbeat.count) || digest[..] != heartbeat.digest[..] {
            return Err(Interruption::Mismatch);
        }
        held.current_to = held.current_to.max(Some(proven));
        held.interrupted = false;
        held.head = held.head.max(heartbeat.head_sequence);
        Arc::make_mut(&mut held.revocations).prune(as_of - EXPIRED_RETENTION);
        self.complete = true;
        self.proven = true;
        self.verifier.set_feed_state(held);
        if self.is_older_than(SILENCE_TIMEOUT) {
            return Err(Interruption::Late);
        }
        Ok(())
    }

    /// The moment `as_of` by the clock of this process, or an earlier one.
    ///
    /// The two clocks are not compared. The auth service's clock says how much later than the first heartbeat this one was made. The
    /// message of the first one was made when the request was sent, or later, and says how old its proof was then. If it was made
    /// earlier, that is noticed, because no heartbeat arrives before it is made. So neither a proof from before a reconnect nor a
    /// feed whose messages arrive late counts as fresh.
    fn local_time(&mut self, as_of: DateTime<Utc>, age: Duration) -> Instant {
        let now = Instant::now();
        let earliest = self.began.checked_sub(age).unwrap_or(self.began);
        let (first, local) = self.first.get_or_insert((as_of, earliest));
        let later = (as_of - *first).to_std().unwrap_or_default();
        *local = now
            .checked_sub(later)
            .map_or(*local, |latest| latest.min(*local));
        local
            .checked_add(later)
            .map_or(now, |moment| moment.min(now))
    }

    /// Whether the last proof is older than `age`, although the stream has lasted longer than that.
    fn is_older_than(&self, age: Duration) -> bool {
        let held = self.held.as_ref();
        self.began.elapsed() > age && held.is_some_and(|held| held.is_older_than(age))
    }
}

/// How old the proof was when its message was made.
fn age(heartbeat: &RevocationHeartbeat) -> Duration {
    let age = heartbeat.age.map(Duration::try_from);
    age.and_then(Result::ok).unwrap_or(UNKNOWN_AGE)
}

/// What is held, if it belongs to this incarnation.
fn of_incarnation<'a>(
    held: &'a mut Option<FeedState>,
    incarnation: &str,
) -> Result<&'a mut FeedState, Interruption> {
    let held = held.as_mut().ok_or(Interruption::NoSnapshot)?;
    if *held.incarnation == *incarnation {
        Ok(held)
    } else {
        Err(Interruption::Incarnation)
    }
}

/// All of them, or an error: a revocation that cannot be read may revoke any token.
fn parsed(
    messages: Vec<contract::proto::auth::Revocation>,
) -> Result<Vec<Revocation>, Interruption> {
    let parsed = messages.into_iter().map(Revocation::try_from);
    Ok(parsed.collect::<Result<_, _>>()?)
}

/// Adds them, and returns the highest sequence among them.
fn insert(set: &mut RevocationSet, revocations: &[Revocation]) -> i64 {
    let sequences = revocations.iter().map(|revocation| {
        set.insert(revocation);
        revocation.sequence
    });
    sequences.max().unwrap_or_default()
}
