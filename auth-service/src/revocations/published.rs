//! The revocations that have been published and are in force.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use verifier::{
    Claims, PublicKey,
    revocation::{Revocation, RevocationSet},
};

use super::{
    FeedEvent, FeedMessage, FeedSettings, Heartbeat, store::FeedChanges, subscription::Since,
};

/// Most revocations in one message: about 400 KiB, where clients accept 4 MiB.
const MAX_IN_MESSAGE: usize = 5_000;
/// Longest time between two revocations of which the later sequence became visible first: both transactions were under
/// way at the same time, and none takes longer.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// The revocations in force and the verification keys, as subscribers hold them.
#[derive(Debug)]
pub(super) struct Published {
    /// `None` until the first read.
    incarnation: Option<Arc<str>>,
    log: BTreeMap<i64, Arc<Revocation>>,
    set: RevocationSet,
    head: i64,
    /// Empty until they are known.
    keys: Arc<[PublicKey]>,
    as_of: DateTime<Utc>,
    /// When the last successful read began.
    last_read: Option<Instant>,
    /// When the last heartbeat was sent.
    last_heartbeat: Option<Instant>,
}

impl Published {
    pub(super) fn new() -> Self {
        Self {
            incarnation: None,
            log: BTreeMap::new(),
            set: RevocationSet::default(),
            head: 0,
            keys: Arc::new([]),
            as_of: DateTime::UNIX_EPOCH,
            last_read: None,
            last_heartbeat: None,
        }
    }

    /// When the last successful read began.
    pub(super) const fn last_read(&self) -> Option<Instant> {
        self.last_read
    }

    /// How many revocations are in force.
    pub(super) fn count(&self) -> usize {
        self.set.count()
    }

    pub(super) fn revokes(&self, claims: &Claims, kid: &str) -> bool {
        self.set.revokes(claims, kid)
    }

    /// Adds what was read by a statement that began at `began`, when the time was `as_of`. Returns the messages for
    /// subscribers.
    pub(super) fn apply(
        &mut self,
        changes: FeedChanges,
        as_of: DateTime<Utc>,
        began: Instant,
        settings: FeedSettings,
    ) -> Vec<FeedMessage> {
        self.as_of = as_of;
        self.last_read = Some(began);
        let mut events = if self.incarnation.as_deref() == Some(&*changes.incarnation) {
            self.add(changes.revocations)
        } else {
            self.reset(changes)
        };
        if self.prepare_heartbeat(began, settings) {
            events.push(FeedEvent::Heartbeat(self.heartbeat()));
        }
        self.messages(events)
    }

    /// The new keys as a message; `None` if they are the same as before.
    pub(super) fn replace_keys(&mut self, keys: Vec<PublicKey>) -> Option<FeedMessage> {
        if *self.keys == *keys {
            return None;
        }
        self.keys = keys.into();
        self.messages(self.known_keys().collect()).pop()
    }

    fn known_keys(&self) -> impl Iterator<Item = FeedEvent> {
        let known = !self.keys.is_empty();
        known
            .then(|| FeedEvent::Keys(Arc::clone(&self.keys)))
            .into_iter()
    }

    /// The first messages for a subscriber that has the feed up to `since`; none before the first read.
    pub(super) fn opening(&self, since: &Since, heartbeat: Duration) -> Vec<FeedMessage> {
        let mut events = match self.missed(since) {
            Some(missed) => deltas(&missed),
            None => self.snapshot(),
        };
        events.extend(self.known_keys());
        if self.last_read.is_some_and(|at| at.elapsed() <= heartbeat) {
            events.push(FeedEvent::Heartbeat(self.heartbeat()));
        }
        self.messages(events)
    }

    /// The revocations that a subscriber lacks; `None` when it needs a snapshot.
    fn missed(&self, since: &Since) -> Option<Vec<Arc<Revocation>>> {
        if self.incarnation.as_deref() != Some(&*since.incarnation) {
            return None;
        }
        let overlap = self.log.get(&since.sequence)?.expire_time - OVERLAP;
        let lacks = |revocation: &&Arc<Revocation>| {
            revocation.sequence > since.sequence || revocation.expire_time >= overlap
        };
        Some(self.log.values().filter(lacks).map(Arc::clone).collect())
    }

    fn snapshot(&self) -> Vec<FeedEvent> {
        let all: Vec<_> = self.log.values().map(Arc::clone).collect();
        let (first, rest) = all.split_at(all.len().min(MAX_IN_MESSAGE));
        let mut events = vec![FeedEvent::Snapshot(first.into())];
        events.extend(deltas(rest));
        events
    }

    fn add(&mut self, found: Vec<Revocation>) -> Vec<FeedEvent> {
        let mut new = Vec::new();
        for revocation in found {
            if self.log.contains_key(&revocation.sequence) {
                continue;
            }
            self.set.insert(&revocation);
            self.head = self.head.max(revocation.sequence);
            let revocation = Arc::new(revocation);
            self.log
                .insert(revocation.sequence, Arc::clone(&revocation));
            new.push(revocation);
        }
        deltas(&new)
    }

    /// Starts again with another history, for which the revocations of the last one mean nothing.
    fn reset(&mut self, changes: FeedChanges) -> Vec<FeedEvent> {
        if self.incarnation.is_some() {
            tracing::warn!(
                "the database has another history: every subscriber gets a new snapshot"
            );
        }
        self.incarnation = Some(changes.incarnation.into());
        self.log.clear();
        self.set = RevocationSet::default();
        self.head = 0;
        self.last_heartbeat = None;
        self.add(changes.revocations);
        let mut events = self.snapshot();
        events.extend(self.known_keys());
        events
    }

    /// Whether a heartbeat is due and valid. A read that took longer than the interval of heartbeats proves too little.
    fn prepare_heartbeat(&mut self, began: Instant, settings: FeedSettings) -> bool {
        let due = self
            .last_heartbeat
            .is_none_or(|at| at.elapsed() + settings.poll > settings.heartbeat);
        if !due || began.elapsed() > settings.heartbeat {
            return false;
        }
        self.last_heartbeat = Some(Instant::now());
        self.set.prune(self.as_of);
        self.log
            .retain(|_, revocation| revocation.expire_time > self.as_of);
        true
    }

    fn heartbeat(&self) -> Heartbeat {
        let (count, digest) = self.set.digest(self.as_of);
        Heartbeat {
            head: self.head,
            count,
            digest,
            as_of: self.as_of,
            age: self.last_read.map_or(Duration::ZERO, |at| at.elapsed()),
        }
    }

    fn messages(&self, events: Vec<FeedEvent>) -> Vec<FeedMessage> {
        let Some(incarnation) = &self.incarnation else {
            return Vec::new();
        };
        let message = |event| FeedMessage {
            incarnation: Arc::clone(incarnation),
            event,
        };
        events.into_iter().map(message).collect()
    }
}

fn deltas(revocations: &[Arc<Revocation>]) -> Vec<FeedEvent> {
    revocations
        .chunks(MAX_IN_MESSAGE)
        .map(|chunk| FeedEvent::Delta(chunk.into()))
        .collect()
}
