//! The subscription that tells a verifier what has been revoked and which keys sign: `VerifierService.WatchRevocations`.
//!
//! It connects, reads, proves, and starts again for as long as it runs: whatever the auth service or the network does,
//! the verifier holds what was told last, knows how old that is, and refuses when its bounds say so.
//!
//! - Each heartbeat must show that the verifier holds what was published. If it does not, everything is asked for anew.
//! - A feed that tells nothing for 2 s is left, and its connection with it: a network that swallows packets keeps
//!   connections open.
//! - Of several replicas of the auth service, the one after the one that was lost is asked next.
//! - A feed is resumed where it was left, unless its incarnation is another one.
//! - Keys that are applied are acknowledged, so that the auth service may sign with them.

mod backoff;
mod interruption;
mod reading;

use std::{convert::Infallible, future::pending};

use futures_util::{FutureExt as _, future::BoxFuture};
use secrecy::{ExposeSecret as _, SecretString};
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

use self::{backoff::Backoff, interruption::Interruption, reading::Reading};
use super::{Verifier, freshness::SILENCE};
use contract::proto::auth::{
    AcknowledgeKeysRequest, WatchRevocationsRequest, WatchRevocationsResponse,
    verifier_service_client::VerifierServiceClient,
};
use telemetry::trace::{Span, SpanKind, Tracing};
use tls::Upstream;

/// Largest message read, in bytes: a snapshot of about 800,000 revocations.
const LARGEST: usize = 64 * 1024 * 1024;

/// The RPC that the feed is.
const WATCH: &str = "tandem.auth.v1.VerifierService/WatchRevocations";

/// Keeps `verifier` as the auth service publishes, until `stop`.
///
/// `auth` is its replicas, at least one; the name of one may stand for several too, and is resolved each time. Whoever gives
/// them TLS keeps it current.
/// `service_secret` is what the auth service knows services by, `verifier_id` a name of this process, 1 to 100 characters.
/// `ready` tells whether every good token is accepted: false until a first snapshot was proven and keys have come, and
/// whenever the strictest of the verifier's bounds has passed. No call waits for any of this.
pub async fn subscribe(
    verifier: Verifier,
    auth: Vec<impl Into<Upstream>>,
    service_secret: SecretString,
    verifier_id: String,
    ready: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let (tracing, auth) = (Tracing::off(), (auth, service_secret));
    subscribe_traced(tracing, verifier, auth, verifier_id, ready, stop).await;
}

/// [`subscribe`], each attempt traced: the auth service's span of it is in the same trace. `auth` is its replicas, and what
/// they know services by.
pub async fn subscribe_traced(
    tracing: Tracing,
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
        tracing,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        never = tell(&verifier, &ready) => match never {},
        never = subscription.follow() => match never {},
    }
}

/// Keeps `ready` telling whether the verifier is.
async fn tell(verifier: &Verifier, ready: &watch::Sender<bool>) -> Infallible {
    let mut changes = verifier.changes();
    loop {
        changes.mark_unchanged();
        let until = verifier
            .fresh_until()
            .filter(|until| *until > Instant::now());
        let fresh = until.is_some();
        ready.send_if_modified(|before| std::mem::replace(before, fresh) != fresh);
        let over = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _changed = changes.changed() => {}
            () = over => {}
        }
    }
}

struct Subscription<'a> {
    verifier: &'a Verifier,
    auth: Vec<Upstream>,
    service_secret: SecretString,
    verifier_id: String,
    tracing: Tracing,
}

impl Subscription<'_> {
    async fn follow(&self) -> Infallible {
        let mut backoff = Backoff::default();
        let mut from_scratch = false;
        let mut told = false;
        for auth in self.auth.iter().cycle() {
            let mut reading = Reading::new(self.verifier, from_scratch);
            let interruption = self.watch(auth, &mut reading).await;
            self.verifier.interrupt();
            let proven = reading.has_proof();
            // A silence was pause enough; one that ends is to be heard at once.
            if proven || matches!(interruption, Interruption::Silent) {
                backoff = Backoff::default();
            }
            told &= !proven;
            if told {
                tracing::debug!(%interruption, "the revocation feed is still interrupted");
            } else {
                tracing::warn!(%interruption, "the revocation feed is interrupted");
                told = true;
            }
            // A snapshot that was asked for and never came must be asked for again.
            from_scratch = interruption.needs_snapshot() || reading.awaits_snapshot();
            sleep(backoff.next()).await;
        }
        // Without an auth service nothing is ever told.
        pending().await
    }

    /// One attempt, traced, and why it came to its end.
    async fn watch(&self, auth: &Upstream, reading: &mut Reading<'_>) -> Interruption {
        let mut span = self.tracing.begin(SpanKind::Client, WATCH);
        if let Some(span) = &mut span {
            span.set("rpc.system.name", "grpc");
            span.set("rpc.method", WATCH);
        }
        let Err(interruption) = self.read(auth, reading, span.as_ref()).await;
        if let Some(mut span) = span {
            span.fail(interruption.name());
        }
        interruption
    }

    async fn read(
        &self,
        auth: &Upstream,
        reading: &mut Reading<'_>,
        span: Option<&Span>,
    ) -> Result<Infallible, Interruption> {
        let channel = within_silence(auth.connect()).await??;
        let mut stream = within_silence(self.open(channel.clone(), reading, span)).await??;
        let mut acknowledged: BoxFuture<'_, ()> = pending().boxed();
        let mut silent = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                message = stream.message() => {
                    let message = message?.ok_or(Interruption::Ended)?;
                    if let Some(kids) = reading.apply(message)? {
                        acknowledged = self.acknowledge(channel.clone(), kids).boxed();
                    }
                    silent = Instant::now() + SILENCE;
                }
                () = &mut acknowledged => acknowledged = pending().boxed(),
                () = sleep_until(silent) => return Err(Interruption::Silent),
            }
        }
    }

    async fn open(
        &self,
        channel: Channel,
        reading: &Reading<'_>,
        span: Option<&Span>,
    ) -> Result<Streaming<WatchRevocationsResponse>, Interruption> {
        let (since_sequence, incarnation) = reading.resume_from();
        let mut request = self.request(WatchRevocationsRequest {
            since_sequence,
            incarnation,
            verifier_id: self.verifier_id.clone(),
        })?;
        if let Some(span) = span {
            let here = span.traceparent().header();
            let here = MetadataValue::try_from(here.as_bytes());
            let here = here.expect("hexadecimal digits and dashes are metadata");
            request.metadata_mut().insert("traceparent", here);
        }
        let mut client = VerifierServiceClient::new(channel).max_decoding_message_size(LARGEST);
        Ok(client.watch_revocations(request).await?.into_inner())
    }

    /// Says which keys are accepted, until the auth service has noted it.
    async fn acknowledge(&self, channel: Channel, kids: Vec<String>) {
        let mut client = VerifierServiceClient::new(channel);
        let mut backoff = Backoff::default();
        loop {
            let request = self.request(AcknowledgeKeysRequest {
                verifier_id: self.verifier_id.clone(),
                kids: kids.clone(),
            });
            let Ok(mut request) = request else { return };
            request.set_timeout(SILENCE);
            match client.acknowledge_keys(request).await {
                Ok(_noted) => return,
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

async fn within_silence<F: Future>(future: F) -> Result<F::Output, Interruption> {
    let in_time = timeout(SILENCE, future).await;
    in_time.map_err(|_elapsed| Interruption::Silent)
}
