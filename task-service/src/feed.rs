//! How the service learns which tokens are revoked and which keys sign.

use secrecy::SecretString;
use telemetry::trace::Tracing;
use tls::{self, ClientTls, Upstream};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verifier::{Verifier, feed};

/// Who keeps the verifier up to date.
#[derive(Debug)]
pub(crate) enum Feed {
    /// This service, by a subscription to the auth service.
    Subscribed(Box<Subscription>),
    /// Whoever passed the verifier in.
    External,
}

/// The auth service, and the credentials of this service there.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) auth: Vec<Upstream>,
    pub(crate) tls: Option<ClientTls>,
    pub(crate) service_secret: SecretString,
    pub(crate) verifier_id: String,
}

impl Feed {
    /// Keeps `verifier` up to date until `stop`. `ready` is true while the verifier is up to date.
    pub(crate) fn follow(
        self,
        (tracing, verifier): (Tracing, Verifier),
        ready: &watch::Sender<bool>,
        background: &TaskTracker,
        stop: &CancellationToken,
    ) {
        match self {
            Self::Subscribed(subscription) => {
                let Subscription {
                    auth,
                    tls,
                    service_secret,
                    verifier_id,
                } = *subscription;
                let (ready, stop) = (ready.clone(), stop.clone());
                let reload = async move { tls::keep_current(tls.as_ref()).await };
                background.spawn(stop.clone().run_until_cancelled_owned(reload));
                let auth = (auth, service_secret);
                background.spawn(feed::subscribe_traced(
                    tracing,
                    verifier,
                    auth,
                    verifier_id,
                    ready,
                    stop,
                ));
            }
            Self::External => {
                ready.send_replace(true);
            }
        }
    }
}
