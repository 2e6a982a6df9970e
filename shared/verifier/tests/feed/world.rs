//! A verifier that follows a scripted feed.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock as _;
use secrecy::SecretString;
use testing::TestClock;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Endpoint;
use verifier::{
    Claims, Freshness, Purpose, Revocations, TokenError, Trust, Verifier, feed,
    revocation::{Revocation, RevocationKind},
};

use crate::{
    issuer::{self, Issuer},
    scripted_server::{ScriptedServer, Watch},
};

pub(crate) const SECRET: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea";
/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_mins(10);
/// How long a test waits for an expected event.
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) issuer: Issuer,
    pub(crate) verifier: Verifier,
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) server: ScriptedServer,
    pub(crate) stop: CancellationToken,
    _stop: DropGuard,
}

impl World {
    /// With bounds that no test reaches.
    pub(crate) fn new() -> Self {
        Self::bounded(LONG, LONG)
    }

    pub(crate) fn bounded(reads: Duration, writes: Duration) -> Self {
        Self::listed_after(&[], reads, writes)
    }

    /// With an auth service listed after these replicas.
    pub(crate) fn listed_after(others: &[SocketAddr], reads: Duration, writes: Duration) -> Self {
        let clock = TestClock::at("2026-01-01T00:00:00Z");
        let trust = Trust {
            issuer: "tandem-auth".to_owned(),
            audience: "tandem".to_owned(),
            leeway: Duration::ZERO,
        };
        let bounds = Revocations::Followed(Freshness { reads, writes });
        let verifier = Verifier::new(trust, bounds, 1000, Arc::new(clock.clone()));
        let server = ScriptedServer::serve();
        let replicas = others.iter().chain([&server.address]);
        let replicas = replicas.map(|one| Endpoint::new(format!("http://{one}")).unwrap());
        let (ready_sender, is_ready) = watch::channel(false);
        let stop = CancellationToken::new();
        tokio::spawn(feed::subscribe(
            verifier.clone(),
            replicas.collect(),
            SecretString::from(SECRET),
            "verifier-1".to_owned(),
            ready_sender,
            stop.clone(),
        ));
        Self {
            clock,
            issuer: Issuer::new(7),
            verifier,
            ready: is_ready,
            server,
            _stop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// The next stream that the verifier opens.
    pub(crate) async fn watch(&mut self) -> Watch {
        let watch = tokio::time::timeout(EVENT_TIMEOUT, self.server.watches.recv()).await;
        watch.expect("the verifier subscribes").unwrap()
    }

    /// The next stream, after these revocations, the issuer's key and a proof have been sent and applied.
    pub(crate) async fn following(&mut self, revocations: &[Revocation]) -> Watch {
        let mut watch = self.watch().await;
        watch.keys([self.issuer.published()]);
        watch.snapshot(revocations);
        watch.heartbeat(self.now());
        self.until_ready(true).await;
        watch
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn claims(&self, number: u128) -> Claims {
        issuer::claims(number, self.now().timestamp())
    }

    /// A valid token of the session with this number.
    pub(crate) fn token(&self, number: u128) -> String {
        self.issuer.sign(&self.claims(number))
    }

    pub(crate) fn verify(&self, token: &str) -> Result<(), TokenError> {
        self.verify_for(token, Purpose::Write)
    }

    pub(crate) fn verify_for(&self, token: &str, purpose: Purpose) -> Result<(), TokenError> {
        self.verifier.verify(token, purpose).map(|_| ())
    }

    /// Waits until the verifier gives this answer for `token`.
    pub(crate) async fn until(&self, token: &str, answer: Result<(), TokenError>) {
        let mut changes = self.verifier.changes();
        let answered = async {
            while self.verify(token) != answer {
                changes.changed().await.unwrap();
            }
        };
        let in_time = tokio::time::timeout(EVENT_TIMEOUT, answered).await;
        let found = self.verify(token);
        assert!(in_time.is_ok(), "{found:?} and never {answer:?}");
    }

    /// Waits for this readiness, and returns how long that took.
    pub(crate) async fn until_ready(&self, ready: bool) -> Duration {
        let began = Instant::now();
        let mut current = self.ready.clone();
        let changed = current.wait_for(|current| *current == ready);
        tokio::time::timeout(EVENT_TIMEOUT, changed)
            .await
            .unwrap_or_else(|_| panic!("never ready = {ready}"))
            .unwrap();
        began.elapsed()
    }

    pub(crate) fn session(&self, sequence: i64, number: u128) -> Revocation {
        self.revocation(
            sequence,
            RevocationKind::Session,
            &issuer::session(number).to_string(),
            0,
        )
    }

    pub(crate) fn account(&self, sequence: i64, number: u128, min_epoch: i64) -> Revocation {
        let subject = issuer::account(number).to_string();
        self.revocation(sequence, RevocationKind::Account, &subject, min_epoch)
    }

    pub(crate) fn revocation(
        &self,
        sequence: i64,
        kind: RevocationKind,
        subject: &str,
        min_epoch: i64,
    ) -> Revocation {
        Revocation {
            sequence,
            kind,
            subject: subject.to_owned(),
            min_epoch,
            expire_time: self.now() + TimeDelta::seconds(305),
        }
    }
}
