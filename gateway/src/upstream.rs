//! The two services behind the gateway, and which paths are whose.

use http::Uri;
use tonic::transport::{Channel, Endpoint};

use crate::Config;

/// A channel to each service. They open when first needed, reopen when lost, and are cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Upstreams {
    pub(crate) auth: Channel,
    pub(crate) task: Channel,
}

impl Upstreams {
    pub(crate) fn connect(config: &Config) -> Self {
        Self {
            auth: channel(&config.auth_upstream, config),
            task: channel(&config.task_upstream, config),
        }
    }

    /// The service that serves this path, decided by its proto package. The version is part of the package, so a longer
    /// name with the same beginning is another package and not routed.
    pub(crate) fn of(&self, path: &str) -> Option<&Channel> {
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
fn channel(uri: &Uri, config: &Config) -> Channel {
    Endpoint::from(uri.clone())
        .connect_timeout(config.connect_timeout)
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .tcp_nodelay(true)
        .connect_lazy()
}
