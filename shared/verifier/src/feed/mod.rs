//! The subscription that keeps a verifier's revocations and keys current: `VerifierService.WatchRevocations`.
//!
//! It connects, reads and checks, and starts again for as long as it runs. Whatever the auth service or the network does, the
//! verifier holds what was published last, knows how old that is, and refuses tokens when its bounds require it.
//!
//! - Each heartbeat must show that the verifier holds what was published. If it does not, a new snapshot is requested.
//! - If the feed sends nothing for 2 s, its connection is closed: where a network drops packets, a broken connection stays open.
//! - After an interruption, the next replica of the auth service is tried.
//! - A feed is resumed at its last position, unless its incarnation has changed.
//! - Applied keys are acknowledged, so that the auth service may sign with them.

mod attempt_span;
mod backoff;
mod interruption;
mod stream;

use std::{convert::Infallible, future::pending};

use contract::proto::auth::{
    AcknowledgeKeysRequest, WatchRevocationsRequest, WatchRevocationsResponse,
    verifier_service_client::VerifierServiceClient,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use secrecy::{ExposeSecret as _, SecretString};
pub use tls::Upstream;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Streaming,
    metadata::{Ascii, MetadataValue, errors::InvalidMetadataValue},
    transport::Channel,
};

use self::{
    attempt_span::{AttemptSpan, AttemptTracer},
    backoff::Backoff,
    interruption::Interruption,
    stream::FeedStream,
};
use crate::{Verifier, freshness::SILENCE_TIMEOUT};

/// The largest message that is read, in bytes: a snapshot of about 800,000 revocations.
const MAX_MESSAGE_SIZE: usize = 64 * 1024 * 1024;

/// The RPC of the feed.
#[cfg(feature = "telemetry")]
const WATCH_RPC: &str = "tandem.auth.v1.VerifierService/WatchRevocations";

/// Keeps `verifier` current, until `stop`.
///
/// `auth` is the replicas of the auth service, at least one. The name of one may resolve to several; it is resolved at each
/// attempt. The caller keeps their TLS certificates current.
/// `service_secret` authenticates this service to the auth service. `verifier_id` names this process, 1 to 100 characters.
/// `ready` is true while every valid token is accepted. It is false until a first snapshot was proven and keys have arrived, and
/// after the strictest of the verifier's bounds has passed. No call waits for any of this.
pub async fn subscribe(
    verifier: Verifier,
    auth: Vec<impl Into<Upstream>>,
    service_secret: SecretString,
    verifier_id: String,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let subscription = Subscription {
        verifier: &verifier,
        auth: auth.into_iter().map(Into::into).collect(),
        service_secret,
        verifier_id,
        tracer: AttemptTracer::default(),
    };
    subscription.run(&ready, &stop).await;
}

/// [`subscribe`], with a span for each attempt: the auth service's span of the RPC is in the same trace. `auth` is the replicas
/// of the auth service, and the service secret.
#[cfg(feature = "telemetry")]
pub async fn subscribe_traced(
    tracing: telemetry::trace::Tracing,
    verifier: Verifier,
    (auth, service_secret): (Vec<impl Into<Upstream>>, SecretString),
    verifier_id: String,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let subscription = Subscription {
        verifier: &verifier,
        auth: auth.into_iter().map(Into::into).collect(),
        service_secret,
        verifier_id,
        tracer: AttemptTracer(tracing),
    };
    subscription.run(&ready, &stop).await;
}

/// Keeps `ready` at whether the verifier is ready.
async fn report_readiness(verifier: &Verifier, ready: &watch::Sender<bool>) -> Infallible {
    let mut changes = verifier.changes();
    loop {
        changes.mark_unchanged();
        let until = verifier
            .fresh_until()
            .filter(|until| *until > Instant::now());
        let fresh = until.is_some();
        ready.send_if_modified(|before| std::mem::replace(before, fresh) != fresh);
        let expiry = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _changed = changes.changed() => {}
            () = expiry => {}
        }
    }
}

struct Subscription<'a> {
    verifier: &'a Verifier,
    auth: Vec<Upstream>,
    service_secret: SecretString,
    verifier_id: String,
    tracer: AttemptTracer,
}

impl Subscription<'_> {
    async fn run(&self, ready: &watch::Sender<bool>, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            never = report_readiness(self.verifier, ready) => match never {},
            never = self.follow() => match never {},
        }
    }

    async fn follow(&self) -> Infallible {
        let mut backoff = Backoff::default();
        let mut needs_snapshot = false;
        let mut logged = false;
        for auth in self.auth.iter().cycle() {
            let mut stream = FeedStream::new(self.verifier, needs_snapshot);
            let interruption = self.watch(auth, &mut stream).await;
            self.verifier.interrupt_feed();
            let proven = stream.has_proof();
            // A silent feed has already delayed the next attempt; a proven one is resumed without delay.
            if proven || matches!(interruption, Interruption::Silent) {
                backoff = Backoff::default();
            }
            logged &= !proven;
            if logged {
                tracing::debug!(%interruption, "the revocation feed is still interrupted");
            } else {
                tracing::warn!(%interruption, "the revocation feed is interrupted");
                logged = true;
            }
            // A snapshot that was requested and did not arrive must be requested again.
            needs_snapshot = interruption.needs_snapshot() || stream.awaits_snapshot();
            sleep(backoff.next()).await;
        }
        // There is no auth service to follow.
        pending().await
    }

    /// One attempt; returns why it ended.
    async fn watch(&self, auth: &Upstream, stream: &mut FeedStream<'_>) -> Interruption {
        let span = self.tracer.begin();
        let Err(interruption) = self.read(auth, stream, &span).await;
        span.end(&interruption);
        interruption
    }

    async fn read(
        &self,
        auth: &Upstream,
        stream: &mut FeedStream<'_>,
        span: &AttemptSpan,
    ) -> Result<Infallible, Interruption> {
        let channel = within_silence_timeout(auth.connect()).await??;
        let opening = self.open(channel.clone(), stream, span);
        let mut messages = within_silence_timeout(opening).await??;
        let mut acknowledging: BoxFuture<'_, ()> = pending().boxed();
        let mut silent_at = Instant::now() + SILENCE_TIMEOUT;
        loop {
            tokio::select! {
                message = messages.message() => {
                    let message = message?.ok_or(Interruption::Ended)?;
                    if let Some(kids) = stream.apply(message)? {
                        acknowledging = self.acknowledge(channel.clone(), kids).boxed();
                    }
                    silent_at = Instant::now() + SILENCE_TIMEOUT;
                }
                () = &mut acknowledging => acknowledging = pending().boxed(),
                () = sleep_until(silent_at) => return Err(Interruption::Silent),
            }
        }
    }

    async fn open(
        &self,
        channel: Channel,
        stream: &FeedStream<'_>,
        span: &AttemptSpan,
    ) -> Result<Streaming<WatchRevocationsResponse>, Interruption> {
        let (since_sequence, incarnation) = stream.resume_from();
        let mut request = self.request(WatchRevocationsRequest {
            since_sequence,
            incarnation,
            verifier_id: self.verifier_id.clone(),
        })?;
        span.propagate(&mut request);
        let client = VerifierServiceClient::new(channel);
        let mut client = client.max_decoding_message_size(MAX_MESSAGE_SIZE);
        Ok(client.watch_revocations(request).await?.into_inner())
    }

    /// Reports which keys are accepted, and tries until the auth service has recorded it.
    async fn acknowledge(&self, channel: Channel, kids: Vec<String>) {
        let mut client = VerifierServiceClient::new(channel);
        let mut backoff = Backoff::default();
        loop {
            let request = self.request(AcknowledgeKeysRequest {
                verifier_id: self.verifier_id.clone(),
                kids: kids.clone(),
            });
            let Ok(mut request) = request else { return };
            request.set_timeout(SILENCE_TIMEOUT);
            match client.acknowledge_keys(request).await {
                Ok(_recorded) => return,
                Err(status) => {
                    tracing::debug!(code = ?status.code(), "keys could not be acknowledged");
                }
            }
            sleep(backoff.next()).await;
        }
    }

    fn request<M>(&self, message: M) -> Result<Request<M>, InvalidMetadataValue> {
        let bearer = format!("Bearer {}", self.service_secret.expose_secret());
        let mut bearer = MetadataValue::<Ascii>::try_from(bearer)?;
        bearer.set_sensitive(true);
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }
}

async fn within_silence_timeout<F: Future>(future: F) -> Result<F::Output, Interruption> {
    let in_time = timeout(SILENCE_TIMEOUT, future).await;
    in_time.map_err(|_elapsed| Interruption::Silent)
}
