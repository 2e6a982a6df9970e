//! What all connections of a listener share.

use std::{convert::Infallible, error::Error, future::pending, sync::Once};

use hyper_util::server::conn::auto::Builder;
use tls::{Protocols, ServerTls};
use tokio_util::sync::CancellationToken;

use super::{answer_timer::StreamExecutor, counts::Counters, limits::ConnectionLimits};

/// What all connections of a listener share.
pub(super) struct ListenerState {
    pub(super) limits: ConnectionLimits,
    pub(super) protocols: Protocols,
    pub(super) tls: Option<ServerTls>,
    pub(super) http: Builder<StreamExecutor>,
    pub(super) counters: Counters,
    /// Done once the warning about a listener without TLS was logged.
    pub(super) plaintext_warning: Once,
    /// Cancelled when connections must take no new calls.
    pub(super) drain: CancellationToken,
    /// Cancelled when connections must end at once.
    pub(super) cut: CancellationToken,
}

/// How a connection has ended.
pub(super) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

impl ListenerState {
    /// Follows the files of the certificate, if there is one.
    pub(super) async fn keep_certificate_current(&self) -> Infallible {
        match &self.tls {
            Some(tls) => tls.keep_current().await,
            None => pending().await,
        }
    }
}

impl std::fmt::Debug for ListenerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListenerState")
            .field("limits", &self.limits)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
