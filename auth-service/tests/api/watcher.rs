//! A reader of the feed that believes nothing without proof.

use std::time::Duration;

use shared::{
    proto::auth::{
        JsonWebKey, Revocation, RevocationHeartbeat, WatchRevocationsRequest,
        WatchRevocationsResponse, verifier_service_client::VerifierServiceClient,
        watch_revocations_response::Event,
    },
    revocation::{Revocation as Entry, RevocationSet, moment},
};
use tokio::time::timeout;
use tonic::{Request, Status, Streaming, transport::Channel};

use crate::world::{SERVICE_SECRET, World, with_token};

/// Longest wait for a message that must come.
const LIMIT: Duration = Duration::from_secs(20);
/// The feed of most tests: quick, so that they are.
pub(crate) const QUICK: [(&str, &str); 2] =
    [("auth.feed.poll", "20ms"), ("auth.feed.heartbeat", "100ms")];

/// The message as a service sends it.
pub(crate) fn of_service<T>(message: T) -> Request<T> {
    with_token(SERVICE_SECRET, message)
}

/// Someone who holds nothing yet.
pub(crate) fn watch(verifier_id: &str) -> WatchRevocationsRequest {
    WatchRevocationsRequest {
        since_sequence: 0,
        incarnation: String::new(),
        verifier_id: verifier_id.to_owned(),
    }
}

/// One stream, and what it has told.
pub(crate) struct Watcher {
    stream: Streaming<WatchRevocationsResponse>,
    pub(crate) incarnation: String,
    pub(crate) held: Vec<Revocation>,
    pub(crate) keys: Vec<JsonWebKey>,
    /// How many snapshots there were.
    pub(crate) snapshots: usize,
    /// The last proof.
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

    /// Goes on where this one is, with what it holds.
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

    /// The highest sequence held.
    pub(crate) fn head(&self) -> i64 {
        self.held.iter().map(|one| one.sequence).max().unwrap_or(0)
    }

    /// The next message; heartbeats are checked.
    pub(crate) async fn next(&mut self) -> Result<Event, Status> {
        let message = timeout(LIMIT, self.stream.message()).await;
        let message = message.expect("the feed is silent")?;
        let message = message.expect("the feed ended without a reason");
        Ok(self.apply(message))
    }

    /// Whether nothing at all is told for this long.
    pub(crate) async fn silent_for(&mut self, limit: Duration) -> bool {
        match timeout(limit, self.stream.message()).await {
            Err(_elapsed) => true,
            Ok(message) => {
                self.apply(message.unwrap().unwrap());
                false
            }
        }
    }

    /// Reads on until a proof comes.
    pub(crate) async fn proven(&mut self) -> RevocationHeartbeat {
        loop {
            if let Event::Heartbeat(heartbeat) = self.next().await.unwrap() {
                return heartbeat;
            }
        }
    }

    /// Reads on until there is a revocation of this subject.
    pub(crate) async fn revocation(&mut self, subject: &str) -> Revocation {
        loop {
            if let Some(found) = self.held.iter().find(|one| one.subject == subject) {
                return found.clone();
            }
            self.next().await.unwrap();
        }
    }

    /// Reads on until the stream ends.
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

    /// A heartbeat is true of what is held.
    fn check(&self, heartbeat: &RevocationHeartbeat) {
        let mut set = RevocationSet::default();
        for one in &self.held {
            set.insert(&Entry::try_from(one.clone()).unwrap());
        }
        let (count, digest) = set.digest(moment(heartbeat.as_of.unwrap()).unwrap());
        assert_eq!(
            (heartbeat.count, heartbeat.digest.as_slice()),
            (i64::try_from(count).unwrap(), digest.as_slice()),
            "what is held is not what was published: {:?}",
            self.held
        );
    }
}
