//! A subscriber of the feed that checks every heartbeat against the revocations it has received.

use std::time::Duration;

use api::time::moment;
use contract::proto::auth::{
    JsonWebKey, Revocation, RevocationHeartbeat, WatchRevocationsRequest, WatchRevocationsResponse,
    verifier_service_client::VerifierServiceClient, watch_revocations_response::Event,
};
use tokio::time::timeout;
use tonic::{Request, Status, Streaming, transport::Channel};
use verifier::revocation::{Revocation as Entry, RevocationSet};

use crate::world::{SERVICE_SECRET, World, with_token};

/// Longest wait for an expected message.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The feed settings of most tests: short intervals, so that the tests are fast.
pub(crate) const QUICK: [(&str, &str); 2] =
    [("auth.feed.poll", "20ms"), ("auth.feed.heartbeat", "100ms")];

/// A request as a service sends it.
pub(crate) fn of_service<T>(message: T) -> Request<T> {
    with_token(SERVICE_SECRET, message)
}

/// The request of a verifier that has received nothing yet.
pub(crate) fn watch(verifier_id: &str) -> WatchRevocationsRequest {
    WatchRevocationsRequest {
        since_sequence: 0,
        incarnation: String::new(),
        verifier_id: verifier_id.to_owned(),
    }
}

/// One stream, and what it has received.
pub(crate) struct Watcher {
    stream: Streaming<WatchRevocationsResponse>,
    pub(crate) incarnation: String,
    pub(crate) held: Vec<Revocation>,
    pub(crate) keys: Vec<JsonWebKey>,
    /// Number of snapshots received.
    pub(crate) snapshots: usize,
    /// The last heartbeat.
    pub(crate) heartbeat: Option<RevocationHeartbeat>,
}

impl Watcher {
    pub(crate) async fn begin(world: &World) -> Self {
        Self::open(world.verifier.clone(), watch("watcher")).await
    }

    pub(crate) async fn open(
        mut client: VerifierServiceClient<Channel>,
        request: WatchRevocationsRequest,
    ) -> Self {
        let answer = client.watch_revocations(of_service(request)).await;
        Self {
            stream: answer.unwrap().into_inner(),
            incarnation: String::new(),
            held: Vec::new(),
            keys: Vec::new(),
            snapshots: 0,
            heartbeat: None,
        }
    }

    /// Opens a stream that continues from here, with the revocations received so far.
    pub(crate) async fn resume(self, world: &World) -> Self {
        let request = WatchRevocationsRequest {
            since_sequence: self.head(),
            incarnation: self.incarnation.clone(),
            verifier_id: "watcher".to_owned(),
        };
        Self {
            incarnation: self.incarnation,
            held: self.held,
            ..Self::open(world.verifier.clone(), request).await
        }
    }

    /// The highest sequence received.
    pub(crate) fn head(&self) -> i64 {
        self.held.iter().map(|one| one.sequence).max().unwrap_or(0)
    }

    /// The next message; heartbeats are checked.
    pub(crate) async fn next(&mut self) -> Result<Event, Status> {
        let message = timeout(TIMEOUT, self.stream.message()).await;
        let message = message.expect("the feed is silent")?;
        let message = message.expect("the feed ended without a reason");
        Ok(self.apply(message))
    }

    /// Whether no message arrives for this long.
    pub(crate) async fn silent_for(&mut self, limit: Duration) -> bool {
        match timeout(limit, self.stream.message()).await {
            Err(_elapsed) => true,
            Ok(message) => {
                self.apply(message.unwrap().unwrap());
                false
            }
        }
    }

    /// Reads until the next heartbeat.
    pub(crate) async fn next_heartbeat(&mut self) -> RevocationHeartbeat {
        loop {
            if let Event::Heartbeat(heartbeat) = self.next().await.unwrap() {
                return heartbeat;
            }
        }
    }

    /// Reads until the revocation of this subject.
    pub(crate) async fn revocation(&mut self, subject: &str) -> Revocation {
        let reading = async {
            while !self.held.iter().any(|one| one.subject == subject) {
                self.next().await.unwrap();
            }
        };
        let in_time = timeout(TIMEOUT, reading).await;
        in_time.unwrap_or_else(|_elapsed| panic!("the revocation of {subject} did not arrive"));
        let found = self.held.iter().find(|one| one.subject == subject);
        found.unwrap().clone()
    }

    /// Reads until the stream ends.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }

    fn apply(&mut self, message: WatchRevocationsResponse) -> Event {
        let event = message.event.unwrap();
        match &event {
            Event::Snapshot(snapshot) => {
                self.incarnation.clone_from(&message.incarnation);
                self.held.clone_from(&snapshot.revocations);
                self.snapshots += 1;
            }
            Event::Delta(delta) => self.held.extend(delta.revocations.clone()),
            Event::Keys(keys) => self.keys.clone_from(&keys.keys),
            Event::Heartbeat(heartbeat) => {
                self.check(heartbeat);
                self.heartbeat = Some(heartbeat.clone());
            }
        }
        if self.incarnation.is_empty() {
            self.incarnation.clone_from(&message.incarnation);
        }
        assert_eq!(message.incarnation, self.incarnation);
        event
    }

    /// Asserts that a heartbeat matches the revocations received.
    fn check(&self, heartbeat: &RevocationHeartbeat) {
        let mut set = RevocationSet::default();
        for one in &self.held {
            set.insert(&Entry::try_from(one.clone()).unwrap());
        }
        let (count, digest) = set.digest(moment(heartbeat.as_of.unwrap()).unwrap());
        assert_eq!(
            (heartbeat.count, heartbeat.digest.as_slice()),
            (i64::try_from(count).unwrap(), digest.as_slice()),
            "the received revocations differ from the published ones: {:?}",
            self.held
        );
    }
}
