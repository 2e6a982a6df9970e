//! The verifiers that read the feed of this replica, and the keys that each has acknowledged.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use api::text;
use contract::refusal::Problem;
use tokio::sync::Notify;

/// Most characters in the name of a verifier.
const MAX_NAME_LENGTH: usize = 100;

/// The name that a verifier gives itself; it is the same in all its calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct VerifierId(String);

impl VerifierId {
    /// Parses the field of a message: 1 to 100 characters, no control characters.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        text::line(raw, 1..=MAX_NAME_LENGTH).map(Self)
    }
}

/// The verifiers connected to this replica. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscribers(Arc<SubscriberState>);

#[derive(Debug, Default)]
struct SubscriberState {
    connected: Mutex<HashMap<VerifierId, Connected>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Connected {
    /// Open streams: a verifier that reconnects may have two for a while.
    streams: usize,
    /// Ids of the keys it accepts.
    kids: HashSet<String>,
}

/// The verifier counts as connected until this is dropped.
#[derive(Debug)]
pub(super) struct SubscriberGuard {
    subscribers: Subscribers,
    verifier: VerifierId,
}

impl Subscribers {
    pub(super) fn join(&self, verifier: VerifierId) -> SubscriberGuard {
        self.connected()
            .entry(verifier.clone())
            .or_default()
            .streams += 1;
        SubscriberGuard {
            subscribers: self.clone(),
            verifier,
        }
    }

    /// Records which keys a verifier accepts now. A verifier that is not connected here is ignored: nothing waits for it.
    pub(crate) fn acknowledge(&self, verifier: &VerifierId, kids: Vec<String>) {
        if let Some(connected) = self.connected().get_mut(verifier) {
            connected.kids = kids.into_iter().collect();
        }
        self.0.changed.notify_one();
    }

    /// Resolves when a verifier has acknowledged keys or left since the last call. Only one task may wait.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Whether every verifier connected to this replica accepts the key; true when there is none.
    pub(crate) fn all_acknowledged(&self, kid: &str) -> bool {
        self.connected()
            .values()
            .all(|connected| connected.kids.contains(kid))
    }

    /// How many verifiers are connected to this replica.
    pub(crate) fn count(&self) -> usize {
        self.connected().len()
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<VerifierId, Connected>> {
        self.0
            .connected
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Drop for SubscriberGuard {
    fn drop(&mut self) {
        let mut all = self.subscribers.connected();
        if let Some(connected) = all.get_mut(&self.verifier) {
            connected.streams -= 1;
            if connected.streams == 0 {
                all.remove(&self.verifier);
                self.subscribers.0.changed.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifier(name: &str) -> VerifierId {
        VerifierId::parse(name).unwrap()
    }

    #[test]
    fn a_key_is_acknowledged_when_every_connected_verifier_accepts_it() {
        let subscribers = Subscribers::default();
        assert!(subscribers.all_acknowledged("new"));
        let one = subscribers.join(verifier("one"));
        let two = subscribers.join(verifier("two"));
        subscribers.acknowledge(&verifier("one"), vec!["old".to_owned(), "new".to_owned()]);
        subscribers.acknowledge(&verifier("two"), vec!["old".to_owned()]);
        assert!(subscribers.all_acknowledged("old"));
        assert!(!subscribers.all_acknowledged("new"));
        drop(two);
        assert!(subscribers.all_acknowledged("new"));
        subscribers.acknowledge(&verifier("one"), Vec::new());
        assert!(!subscribers.all_acknowledged("new"));
        drop(one);
        assert!(subscribers.all_acknowledged("new"));
    }

    #[test]
    fn a_verifier_that_reconnects_is_connected_until_its_last_stream_ends() {
        let subscribers = Subscribers::default();
        let old = subscribers.join(verifier("one"));
        subscribers.acknowledge(&verifier("one"), vec!["key".to_owned()]);
        let new = subscribers.join(verifier("one"));
        drop(old);
        assert!(subscribers.all_acknowledged("key"));
        assert!(!subscribers.all_acknowledged("another"));
        drop(new);
        let _anew = subscribers.join(verifier("one"));
        assert!(!subscribers.all_acknowledged("key"));
    }

    #[test]
    fn a_verifier_that_is_not_connected_acknowledges_nothing() {
        let subscribers = Subscribers::default();
        subscribers.acknowledge(&verifier("one"), vec!["key".to_owned()]);
        let _guard = subscribers.join(verifier("one"));
        assert!(!subscribers.all_acknowledged("key"));
    }

    #[test]
    fn a_name_has_1_to_100_characters_and_no_control_characters() {
        for good in ["a".to_owned(), "é".repeat(100), "task-service 1".to_owned()] {
            assert!(VerifierId::parse(&good).is_ok());
        }
        for bad in [String::new(), "a".repeat(101), "a\nb".to_owned()] {
            assert!(VerifierId::parse(&bad).is_err());
        }
    }
}
