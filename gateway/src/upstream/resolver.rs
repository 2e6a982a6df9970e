//! Asks again and again which addresses a service's name stands for, and keeps the last good answer.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use http::Uri;
use shared::tls;
use tokio::{
    net::lookup_host,
    time::{sleep, timeout},
};

use super::{channel, replicas::Replicas};
use crate::Config;

/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Follows every upstream that is a name, for as long as `replicas` are used.
pub(super) fn follow<'a>(
    replicas: &Arc<Replicas>,
    services: impl Iterator<Item = (&'a Uri, tls::Upstream)>,
    config: &Config,
) {
    for (number, (uri, service)) in services.enumerate() {
        if let Some(name) = name(uri) {
            let (replicas, config) = (Arc::downgrade(replicas), config.clone());
            tokio::spawn(follow_one(replicas, number, service, name, config));
        }
    }
}

async fn follow_one(
    replicas: Weak<Replicas>,
    number: usize,
    service: tls::Upstream,
    (host, port): (String, u16),
    config: Config,
) {
    loop {
        let found = timeout(LIMIT, lookup_host((host.as_str(), port))).await;
        let Some(replicas) = replicas.upgrade() else {
            return;
        };
        match found {
            Ok(Ok(addresses)) => {
                let addresses: BTreeSet<SocketAddr> = addresses.collect();
                if !addresses.is_empty() {
                    let channel = |one| channel(&service, Some(one), &config);
                    replicas.set(number, addresses, channel);
                }
            }
            Ok(Err(error)) => tracing::warn!(%host, %error, "a service's name is not resolved"),
            Err(_elapsed) => tracing::warn!(%host, "a service's name is not resolved in time"),
        }
        drop(replicas);
        sleep(config.resolve_interval).await;
    }
}

/// The host and port to look up; none if the host is an address.
fn name(uri: &Uri) -> Option<(String, u16)> {
    let host = uri.host()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = uri.port_u16().unwrap_or(port);
    (bare.parse::<IpAddr>().is_err()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_looked_up() {
        let name = |uri: &'static str| name(&Uri::from_static(uri));
        assert_eq!(name("http://127.0.0.1:1"), None);
        assert_eq!(name("http://[::1]:1"), None);
        assert_eq!(name("http://auth:50051"), Some(("auth".to_owned(), 50051)));
        assert_eq!(name("http://auth"), Some(("auth".to_owned(), 80)));
        assert_eq!(name("https://auth"), Some(("auth".to_owned(), 443)));
    }
}
