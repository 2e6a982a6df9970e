//! The feed of revocations: what voids access tokens, and the keys that verify them, pushed to verifiers.
//!
//! Whatever ends tokens writes a row in its own transaction ([`crate::store::feed`]). One task of each replica
//! ([`publish`]) looks for new rows many times a second, and at once after one was written in this process; it keeps what is in
//! force ([`Published`]) and tells every subscriber ([`Subscription`]). All replicas read the same table, so they publish
//! the same sequences, and a subscriber can go on at any of them.
//!
//! A heartbeat is a proof: it is sent only right after a look at the database that was quick enough. Without the database
//! the feed falls silent, and verifiers know that they know nothing new.

mod observed;
mod published;
mod publisher;
mod subscribers;
mod subscription;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use shared::{
    revocation::{Digest, Revocation},
    token::{Claims, PublicKey},
};
use tokio::{
    sync::{Notify, broadcast},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::store::feed::Voiding;

use published::Published;
pub(crate) use publisher::{lane, publish, sweep};
pub(crate) use subscribers::{Subscribers, VerifierId};
pub(crate) use subscription::{Since, Subscription};

/// Shortest pause between two looks at the database, however many revocations are made.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// How far the clocks of those who issue and those who verify may be from the true time: the longest leeway there is.
const CLOCKS: Duration = Duration::from_secs(5);

/// How the feed is published.
#[derive(Debug, Clone, Copy)]
pub struct FeedSettings {
    /// How often the database is looked at: 10 ms to 1 s, and no more seldom than the heartbeat.
    pub poll: Duration,
    /// How often subscribers get a heartbeat: 100 to 900 ms, so that it is at least every second.
    pub heartbeat: Duration,
    /// Messages a subscriber may lag behind before it is dropped: 4 to 65,536.
    pub buffer: usize,
}

/// How long tokens can live on after something voids them; bounds how long a revocation is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lag {
    /// Longest life of an access token.
    pub(crate) access_ttl: Duration,
    /// Longest time between the moment a call takes as its own and the moment its transaction is over. A token issued by
    /// another call meanwhile is later than the revocation that voids it.
    pub(crate) longest_call: Duration,
}

impl Lag {
    /// What a revocation made now says of time: it is kept until every token that it voids has expired everywhere.
    pub(crate) fn voiding(self, now: DateTime<Utc>) -> Voiding {
        // A second is added for what is cut off below.
        let kept = self.access_ttl + self.longest_call + 2 * CLOCKS + Duration::from_secs(1);
        let kept = TimeDelta::from_std(kept).expect("settings are hours at most");
        Voiding {
            now,
            expire_time: (now + kept).trunc_subsecs(0),
        }
    }
}

/// One message to subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Names the history that sequences belong to.
    pub(crate) incarnation: Arc<str>,
    pub(crate) event: Event,
}

/// What a message is about.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Everything in force, or the first part of it; deltas bring the rest.
    Snapshot(Arc<[Arc<Revocation>]>),
    /// More.
    Delta(Arc<[Arc<Revocation>]>),
    /// All keys that verify tokens.
    Keys(Arc<[PublicKey]>),
    Heartbeat(Heartbeat),
}

/// Proof of holding the same set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// The highest sequence published.
    pub(crate) head: i64,
    /// How many revocations expire after `as_of`, and the exclusive or of their digests.
    pub(crate) count: usize,
    pub(crate) digest: Digest,
    pub(crate) as_of: DateTime<Utc>,
}

/// The feed of this replica. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Feed(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: FeedSettings,
    lag: Lag,
    published: Mutex<Published>,
    live: broadcast::Sender<Message>,
    written: Notify,
    subscribers: Subscribers,
    ending: CancellationToken,
}

impl Feed {
    /// A feed that has not been published yet.
    pub(crate) fn new(settings: FeedSettings, lag: Lag) -> Self {
        Self(Arc::new(Shared {
            settings,
            lag,
            published: Mutex::new(Published::new()),
            live: broadcast::Sender::new(settings.buffer),
            written: Notify::new(),
            subscribers: Subscribers::default(),
            ending: CancellationToken::new(),
        }))
    }

    /// What a revocation made now says of time.
    pub(crate) fn voiding(&self, now: DateTime<Utc>) -> Voiding {
        self.0.lag.voiding(now)
    }

    /// Says that a revocation was written, so that it is published at once. Only a hint: without it, it is published at
    /// the next look.
    pub(crate) fn wake(&self) {
        self.0.written.notify_one();
    }

    /// Replaces the keys that verify tokens, here and at every subscriber.
    pub(crate) fn set_keys(&self, keys: Vec<PublicKey>) {
        let mut published = self.published();
        if let Some(message) = published.replace_keys(keys) {
            self.send(message);
        }
    }

    /// Whether a token that says `claims` and was signed by the key `kid` is void, as far as this replica knows.
    pub(crate) fn revokes(&self, claims: &Claims, kid: &str) -> bool {
        self.published().revokes(claims, kid)
    }

    /// Who subscribes, and which keys they have acknowledged.
    pub(crate) fn subscribers(&self) -> &Subscribers {
        &self.0.subscribers
    }

    /// Everything that a verifier lacks who holds the feed up to `since`, and then all that comes.
    pub(crate) fn subscribe(&self, verifier: VerifierId, since: &Since) -> Subscription {
        let seat = self.0.subscribers.join(verifier);
        let published = self.published();
        // Under the lock: nothing is published between the opening and what follows it.
        let live = self.0.live.subscribe();
        let opening = published.opening(since, self.0.settings.heartbeat);
        Subscription::new(opening, live, self.0.ending.clone(), seat)
    }

    /// Ends every stream: the server drains.
    pub(crate) fn end(&self) {
        self.0.ending.cancel();
    }

    /// Waits for the time of the next look.
    async fn due(&self) {
        sleep(SHORTEST_PAUSE).await;
        let rest = self.0.settings.poll.saturating_sub(SHORTEST_PAUSE);
        // Either way it is time.
        let _elapsed = timeout(rest, self.0.written.notified()).await;
    }

    /// Takes what a look has found, and tells the subscribers.
    fn take(&self, look: crate::store::feed::Look, as_of: DateTime<Utc>, began: Instant) {
        let mut published = self.published();
        for message in published.take(look, as_of, began, self.0.settings) {
            self.send(message);
        }
    }

    /// To whoever listens. Called under the lock of what is published, so that subscribers join between messages.
    fn send(&self, message: Message) {
        // Nobody listens: nobody need be told.
        let _listeners = self.0.live.send(message);
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.0
            .published
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
