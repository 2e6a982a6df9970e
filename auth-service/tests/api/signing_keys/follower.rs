//! A verifier with the keys that the feed sends.

use std::{sync::Arc, time::Duration};

use contract::proto::auth::{
    AcknowledgeKeysRequest, RevocationKind, WatchRevocationsRequest, WatchRevocationsResponse,
    verifier_service_client::VerifierServiceClient, watch_revocations_response::Event,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn},
    time::timeout,
};
use tonic::{Streaming, transport::Channel};
use verifier::{KeySet, PublicKey, Trust, Verifier};

use crate::world::{SERVICE_SECRET, World, with_token};

/// Longest wait for what should happen within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What a follower has received.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub(super) kids: Vec<String>,
    /// The keys whose tokens are revoked.
    pub(super) killed: Vec<String>,
}

/// One verifier of another service.
pub(super) struct Follower {
    pub(super) verifier: Verifier,
    name: &'static str,
    client: VerifierServiceClient<Channel>,
    held: watch::Receiver<Held>,
    following: JoinHandle<()>,
}

impl Follower {
    /// Connects to a replica. It acknowledges its keys only when [`Follower::acknowledge`] is called.
    pub(super) async fn silent(world: &World, name: &'static str) -> Self {
        Self::connect(world, name, false).await
    }

    /// Connects to a replica, and acknowledges all keys as they arrive.
    pub(super) async fn diligent(world: &World, name: &'static str) -> Self {
        Self::connect(world, name, true).await
    }

    // Longer than 40 lines: each part of the connection is used by the next one.
    #[expect(clippy::too_many_lines, reason = "one loop over one stream")]
    async fn connect(world: &World, name: &'static str, diligent: bool) -> Self {
        let trust = Trust {
            issuer: "tandem-auth".to_owned(),
            audience: "tandem".to_owned(),
            leeway: Duration::ZERO,
        };
        let verifier = Verifier::new(
            trust,
            verifier::Revocations::NotConsulted,
            0,
            Arc::new(world.clock.clone()),
        );
        let request = WatchRevocationsRequest {
            verifier_id: name.to_owned(),
            ..WatchRevocationsRequest::default()
        };
        let mut client = world.verifier.clone();
        let request = with_token(SERVICE_SECRET, request);
        let stream = client
            .watch_revocations(request)
            .await
            .unwrap()
            .into_inner();
        let (sender, held) = watch::channel(Held::default());
        let acknowledging = diligent.then(|| client.clone());
        let following = spawn(follow(
            stream,
            verifier.clone(),
            sender,
            name,
            acknowledging,
        ));
        let follower = Self {
            verifier,
            name,
            client,
            held,
            following,
        };
        follower.sees(|held| !held.kids.is_empty()).await;
        follower
    }

    /// Acknowledges all its keys.
    pub(super) async fn acknowledge(&self) {
        let kids = self.held.borrow().kids.clone();
        acknowledge(self.client.clone(), self.name, kids).await;
    }

    /// Waits until it has this key.
    pub(super) async fn learns(&self, kid: &str) {
        self.sees(|held| held.kids.iter().any(|held| held == kid))
            .await;
    }

    /// Waits until it has received something.
    pub(super) async fn sees(&self, expected: impl FnMut(&Held) -> bool) {
        let mut held = self.held.clone();
        let seen = timeout(TIMEOUT, held.wait_for(expected)).await;
        assert!(
            matches!(seen, Ok(Ok(_))),
            "{}: {:?}",
            self.name,
            self.held.borrow()
        );
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.following.abort();
    }
}

async fn follow(
    mut stream: Streaming<WatchRevocationsResponse>,
    verifier: Verifier,
    sender: watch::Sender<Held>,
    name: &'static str,
    acknowledging: Option<VerifierServiceClient<Channel>>,
) {
    while let Ok(Some(message)) = stream.message().await {
        match message.event.unwrap() {
            Event::Keys(keys) => {
                let kids: Vec<_> = keys.keys.iter().map(|key| key.kid.clone()).collect();
                let keys = keys.keys.into_iter();
                verifier.set_keys(KeySet::new(keys.map(|key| PublicKey {
                    kid: key.kid,
                    x: key.x,
                })));
                if let Some(client) = &acknowledging {
                    acknowledge(client.clone(), name, kids.clone()).await;
                }
                sender.send_modify(|held| held.kids = kids);
            }
            Event::Snapshot(snapshot) => add_killed(&sender, snapshot.revocations),
            Event::Delta(delta) => add_killed(&sender, delta.revocations),
            Event::Heartbeat(_) => {}
        }
    }
}

fn add_killed(sender: &watch::Sender<Held>, revocations: Vec<contract::proto::auth::Revocation>) {
    let keys = revocations
        .into_iter()
        .filter(|revocation| revocation.kind() == RevocationKind::Key);
    sender.send_modify(|held| held.killed.extend(keys.map(|key| key.subject)));
}

async fn acknowledge(mut client: VerifierServiceClient<Channel>, name: &str, kids: Vec<String>) {
    let request = AcknowledgeKeysRequest {
        verifier_id: name.to_owned(),
        kids,
    };
    let request = with_token(SERVICE_SECRET, request);
    client.acknowledge_keys(request).await.unwrap();
}
