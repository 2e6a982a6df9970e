//! The two services behind the gateway, and which paths are whose.

use std::{convert::Infallible, future::pending};

use http::Uri;
use shared::tls::{ClientTls, NoTls, Upstream};

use crate::{Config, resending::Resending};

/// A channel to each service. They open when first needed, reopen when lost, and are cheap to clone. A call that was lost
/// unseen is sent again.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) auth: Resending,
    pub(crate) task: Resending,
}

impl Upstreams {
    pub(crate) fn connect(config: &Config) -> Result<Self, NoTls> {
        Ok(Self {
            auth: channel(&config.auth_upstream, config)?,
            task: channel(&config.task_upstream, config)?,
        })
    }

    /// The service that serves this path, decided by its proto package. The version is part of the package, so a longer
    /// name with the same beginning is another package and not routed.
    pub(crate) fn of(&self, path: &str) -> Option<&Resending> {
        if path.starts_with("/tandem.auth.v1.") {
            Some(&self.auth)
        } else if path.starts_with("/tandem.task.v1.") {
            Some(&self.task)
        } else {
            None
        }
    }
}

/// Pings go out only while calls do: gRPC servers may take pings of idle clients for abuse.
fn channel(uri: &Uri, config: &Config) -> Result<Resending, NoTls> {
    let service = Upstream::new(uri, config.upstream_tls.as_ref())?;
    let service = service.with(|endpoint| {
        endpoint
            .connect_timeout(config.connect_timeout)
            .http2_keep_alive_interval(config.connections.keepalive_interval)
            .keep_alive_timeout(config.connections.keepalive_timeout)
            .tcp_nodelay(true)
    });
    Ok(service.connect_lazy().into())
}

/// Keeps the certificates towards the services current: connections that are opened from then on see the new ones.
pub(crate) async fn keep_current(tls: Option<ClientTls>) -> Infallible {
    match tls {
        Some(tls) => tls.keep_current().await,
        None => pending().await,
    }
}
