//! Resolves the names of a service's upstreams at an interval. If a lookup fails, the last result stays in use.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Weak},
    time::Duration,
};

use http::Uri;
use tokio::{
    net::lookup_host,
    time::{sleep, timeout},
};

use super::{channel, port, replicas::Replicas};
use crate::config::Config;

/// The longest one lookup may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Follows every upstream that is a name, as long as `replicas` is in use.
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
        let found = timeout(LOOKUP_TIMEOUT, lookup_host((host.as_str(), port))).await;
        let Some(replicas) = replicas.upgrade() else {
            return;
        };
        match found {
            Ok(Ok(addresses)) => {
                let addresses: BTreeSet<SocketAddr> = addresses.collect();
                if !addresses.is_empty() {
                    let channel = |address| channel(&service, Some(address), &config);
                    replicas.set_addresses(number, addresses, channel);
                }
            }
            Ok(Err(error)) => tracing::warn!(%host, %error, "cannot resolve the name of a service"),
            Err(_elapsed) => {
                tracing::warn!(%host, "cannot resolve the name of a service: no answer in time");
            }
        }
        drop(replicas);
        sleep(config.upstreams.resolve_interval).await;
    }
}

/// The host and port to look up; `None` if the host is an address.
fn name(uri: &Uri) -> Option<(String, u16)> {
    let host = uri.host()?;
    let unbracketed = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = unbracketed.parse::<IpAddr>().is_err();
    is_name.then(|| (host.to_owned(), port(uri)))
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
