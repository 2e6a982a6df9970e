//! The feed of revocations: revoked access tokens and the keys that verify tokens, pushed to verifiers.
//!
//! Whatever ends tokens writes a row in its own transaction ([`store`]). One task of each replica ([`publish`]) reads new rows
//! many times a second, and at once after one was written in this process. It keeps the revocations in force
//! ([`Published`]) and sends them to every subscriber ([`Subscription`]). All replicas read the same table, so they publish
//! the same sequences, and a subscriber can continue at any of them.
//!
//! A heartbeat is a proof that nothing is missing: it is sent only right after the database was read quickly enough. Without
//! the database the feed is silent, and verifiers conclude that they may miss revocations.

pub(crate) mod domain;
pub(crate) mod grpc;
pub(crate) mod introspection;
pub(crate) mod metrics;
mod published;
mod publisher;
pub(crate) mod store;
mod subscribers;
mod subscription;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use tokio::{
    sync::{Notify, broadcast},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use verifier::{
    Claims, PublicKey,
    revocation::{Digest, Revocation},
};

use self::{
    domain::{MAX_ACCESS_TTL, RevocationTtl, RevocationWindow, TOKEN_TTL_STALENESS},
    published::Published,
    store::FeedChanges,
    subscribers::{Subscribers, VerifierId},
    subscription::{Since, Subscription},
};

pub(crate) use self::publisher::{lane_settings, publish};

/// Shortest time between two reads of the database, however many revocations are made.
const MIN_READ_INTERVAL: Duration = Duration::from_millis(5);

/// How the feed is published.
#[derive(Debug, Clone, Copy)]
pub struct FeedSettings {
    /// How often the database is read: every 10 ms to 1 s, and at least as often as there are heartbeats.
    pub poll: Duration,
    /// How often subscribers get a heartbeat: every 100 to 900 ms, so that there is one a second at least.
    pub heartbeat: Duration,
    /// Messages that a subscriber may lag behind before it is dropped: 4 to 65,536.
    pub buffer: usize,
}

/// One message to subscribers.
#[derive(Debug, Clone)]
pub(crate) struct FeedMessage {
    /// Names the history that sequences belong to.
    pub(crate) incarnation: Arc<str>,
    pub(crate) event: FeedEvent,
}

/// What a message is about.
#[derive(Debug, Clone)]
pub(crate) enum FeedEvent {
    /// All revocations in force, or the first part of them; deltas follow with the rest.
    Snapshot(Arc<[Arc<Revocation>]>),
    /// More revocations.
    Delta(Arc<[Arc<Revocation>]>),
    /// All keys that verify tokens.
    Keys(Arc<[PublicKey]>),
    Heartbeat(Heartbeat),
}

/// What a subscriber compares with the set it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// The highest sequence published.
    pub(crate) head: i64,
    /// How many revocations expire after `as_of`, and the exclusive or of their digests.
    pub(crate) count: usize,
    pub(crate) digest: Digest,
    pub(crate) as_of: DateTime<Utc>,
    /// How long ago `as_of` was when the heartbeat was made.
    pub(crate) age: Duration,
}

/// The feed of this replica. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Feed(Arc<FeedState>);

#[derive(Debug)]
struct FeedState {
    settings: FeedSettings,
    ttl: RevocationTtl,
    /// The longest life of the tokens of all keys, and when it was read; none before the first read.
    token_ttl: ArcSwapOption<(Duration, Instant)>,
    published: Mutex<Published>,
    live: broadcast::Sender<FeedMessage>,
    written: Notify,
    subscribers: Subscribers,
    draining: CancellationToken,
}

impl Feed {
    /// A feed that has not been published yet.
    pub(crate) fn new(settings: FeedSettings, ttl: RevocationTtl) -> Self {
        Self(Arc::new(FeedState {
            settings,
            ttl,
            token_ttl: ArcSwapOption::empty(),
            published: Mutex::new(Published::new()),
            live: broadcast::Sender::new(settings.buffer),
            written: Notify::new(),
            subscribers: Subscribers::default(),
            draining: CancellationToken::new(),
        }))
    }

    /// The window of a revocation made now. When it is not known how long tokens live, they live as long as any setting allows.
    pub(crate) fn window(&self, now: DateTime<Utc>) -> RevocationWindow {
        let read = self.0.token_ttl.load();
        let fresh = read
            .as_ref()
            .filter(|read| read.1.elapsed() <= TOKEN_TTL_STALENESS);
        let token_ttl = fresh.map_or(MAX_ACCESS_TTL, |read| read.0);
        self.0.ttl.window(token_ttl, now)
    }

    /// Sets the longest life of the tokens of all keys, as it was read at `as_of`.
    pub(crate) fn set_token_ttl(&self, longest: Duration, as_of: Instant) {
        let read = (longest, as_of);
        self.0.token_ttl.store(Some(Arc::new(read)));
    }

    /// Makes the publisher read at once, because a revocation was written. Without it, the next read finds the row.
    pub(crate) fn notify_written(&self) {
        self.0.written.notify_one();
    }

    /// Replaces the keys that verify tokens, here and at every subscriber.
    pub(crate) fn set_keys(&self, keys: Vec<PublicKey>) {
        let mut published = self.published();
        if let Some(message) = published.replace_keys(keys) {
            self.send(message);
        }
    }

    /// Whether a token with these claims that the key `kid` signed is revoked, as far as this replica knows.
    pub(crate) fn revokes(&self, claims: &Claims, kid: &str) -> bool {
        self.published().revokes(claims, kid)
    }

    /// The subscribers, and the keys they have acknowledged.
    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.0.subscribers
    }

    /// The messages that a verifier lacks who has the feed up to `since`, and then all that follow.
    pub(crate) fn subscribe(&self, verifier: VerifierId, since: &Since) -> Subscription {
        let guard = self.0.subscribers.join(verifier);
        let published = self.published();
        // Both happen under the lock, so that no message is published between them.
        let live = self.0.live.subscribe();
        let opening = published.opening(since, self.0.settings.heartbeat);
        Subscription::new(opening, live, self.0.draining.clone(), guard)
    }

    /// Ends every stream, because the server drains.
    pub(crate) fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Waits until the next read is due.
    async fn wait_for_next_read(&self) {
        sleep(MIN_READ_INTERVAL).await;
        let rest = self.0.settings.poll.saturating_sub(MIN_READ_INTERVAL);
        // A read is due in both cases.
        let _elapsed = timeout(rest, self.0.written.notified()).await;
    }

    /// Adds what was read, and sends it to the subscribers.
    fn apply(&self, changes: FeedChanges, as_of: DateTime<Utc>, began: Instant) {
        let mut published = self.published();
        for message in published.apply(changes, as_of, began, self.0.settings) {
            self.send(message);
        }
    }

    /// Called under the lock of `published`, so that subscribers join between two messages.
    fn send(&self, message: FeedMessage) {
        // Without subscribers, nobody has to be notified.
        let _subscribers = self.0.live.send(message);
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.0
            .published
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
