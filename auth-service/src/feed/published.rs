//! What has been published and is in force.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    revocation::{Revocation, RevocationSet},
    token::{Claims, PublicKey},
};
use tokio::time::Instant;

use super::{Event, FeedSettings, Heartbeat, Message, Since};
use crate::store::feed::Look;

/// Revocations of one message: some 400 KiB, where clients take 4 MiB.
const MOST_IN_MESSAGE: usize = 5_000;
/// A revocation that a reader lacks although it holds a later one was written about when that one was: both were under way
/// at once, for at most this long.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// The revocations in force and the verification keys, as subscribers hold them.
#[derive(Debug)]
pub(super) struct Published {
    /// `None` until the first look.
    incarnation: Option<Arc<str>>,
    log: BTreeMap<i64, Arc<Revocation>>,
    set: RevocationSet,
    head: i64,
    /// None until they are known.
    keys: Arc<[PublicKey]>,
    as_of: DateTime<Utc>,
    /// When the last look that succeeded began.
    looked: Option<Instant>,
    /// When the last heartbeat was sent.
    beaten: Option<Instant>,
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
            looked: None,
            beaten: None,
        }
    }

    /// When the last look that succeeded began.
    pub(super) const fn looked(&self) -> Option<Instant> {
        self.looked
    }

    /// How many revocations are held.
    pub(super) fn count(&self) -> usize {
        self.set.count()
    }

    pub(super) fn revokes(&self, claims: &Claims, kid: &str) -> bool {
        self.set.revokes(claims, kid)
    }

    /// Takes what a look has found that began at `began`, when the time was `as_of`; gives what subscribers must know.
    pub(super) fn take(
        &mut self,
        look: Look,
        as_of: DateTime<Utc>,
        began: Instant,
        settings: FeedSettings,
    ) -> Vec<Message> {
        self.as_of = as_of;
        self.looked = Some(began);
        let mut events = if self.incarnation.as_deref() == Some(&*look.incarnation) {
            self.add(look.revocations)
        } else {
            self.begin_anew(look)
        };
        if self.beat(began, settings) {
            events.push(Event::Heartbeat(self.heartbeat()));
        }
        self.messages(events)
    }

    /// The keys as a message, unless they are the same.
    pub(super) fn replace_keys(&mut self, keys: Vec<PublicKey>) -> Option<Message> {
        if *self.keys == *keys {
            return None;
        }
        self.keys = keys.into();
        self.messages(self.known_keys().collect()).pop()
    }

    fn known_keys(&self) -> impl Iterator<Item = Event> {
        let known = !self.keys.is_empty();
        known
            .then(|| Event::Keys(Arc::clone(&self.keys)))
            .into_iter()
    }

    /// What a new subscriber must know who holds the feed up to `since`; nothing before the first look.
    pub(super) fn opening(&self, since: &Since, heartbeat: Duration) -> Vec<Message> {
        let mut events = match self.missed(since) {
            Some(missed) => deltas(&missed),
            None => self.snapshot(),
        };
        events.extend(self.known_keys());
        if self.looked.is_some_and(|at| at.elapsed() <= heartbeat) {
            events.push(Event::Heartbeat(self.heartbeat()));
        }
        self.messages(events)
    }

    /// What a reader lacks that goes on; `None` when only a snapshot will do.
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

    fn snapshot(&self) -> Vec<Event> {
        let all: Vec<_> = self.log.values().map(Arc::clone).collect();
        let (first, rest) = all.split_at(all.len().min(MOST_IN_MESSAGE));
        let mut events = vec![Event::Snapshot(first.into())];
        events.extend(deltas(rest));
        events
    }

    fn add(&mut self, found: Vec<Revocation>) -> Vec<Event> {
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

    /// Another history: what was held of the last one says nothing about this one.
    fn begin_anew(&mut self, look: Look) -> Vec<Event> {
        if self.incarnation.is_some() {
            tracing::warn!("the database has another history: subscribers get everything anew");
        }
        self.incarnation = Some(look.incarnation.into());
        self.log.clear();
        self.set = RevocationSet::default();
        self.head = 0;
        self.beaten = None;
        self.add(look.revocations);
        let mut events = self.snapshot();
        events.extend(self.known_keys());
        events
    }

    /// Whether a heartbeat is due and true: a look that took longer than a heartbeat may last proves too little.
    fn beat(&mut self, began: Instant, settings: FeedSettings) -> bool {
        let due = self
            .beaten
            .is_none_or(|at| at.elapsed() + settings.poll > settings.heartbeat);
        if !due || began.elapsed() > settings.heartbeat {
            return false;
        }
        self.beaten = Some(Instant::now());
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
        }
    }

    fn messages(&self, events: Vec<Event>) -> Vec<Message> {
        let Some(incarnation) = &self.incarnation else {
            return Vec::new();
        };
        let message = |event| Message {
            incarnation: Arc::clone(incarnation),
            event,
        };
        events.into_iter().map(message).collect()
    }
}

fn deltas(revocations: &[Arc<Revocation>]) -> Vec<Event> {
    revocations
        .chunks(MOST_IN_MESSAGE)
        .map(|chunk| Event::Delta(chunk.into()))
        .collect()
}
