//! `Set-Cookie` of an answer, whatever the protocol of its call: the call sets it, and a layer around all protocols adds it.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};

use transport::network::Network;

use super::{OPT_IN, name::CookieInstance, site::Site};

/// What cookies depend on.
#[derive(Debug)]
pub(crate) struct CookieSettings {
    /// Whether the listener speaks TLS.
    pub(crate) tls: bool,
    /// Proxies whose `x-forwarded-proto` is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Tells the cookies of gateways with the same host apart.
    pub(crate) instance: Option<CookieInstance>,
}

/// A request that may opt in, and the cookie of its answer. Clones share it. It is in the extensions of the request.
#[derive(Debug, Clone)]
pub(super) struct CookieExchange {
    /// `None` if the request does not name one host. A call may be made under another URI than that of the request.
    pub(super) site: Option<Site>,
    pub(super) settings: Arc<CookieSettings>,
    cookie: Arc<OnceLock<HeaderValue>>,
}

impl CookieExchange {
    /// Sets the cookie of the answer, unless it is set already.
    pub(super) fn set(&self, cookie: HeaderValue) {
        self.cookie.get_or_init(|| cookie);
    }
}

/// The layer. An answer with a cookie is never kept by a cache.
pub(crate) async fn add_to_answers(
    State(settings): State<Arc<CookieSettings>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(&OPT_IN) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let exchange = CookieExchange {
        site: Site::of(&parts, settings.tls, &settings.trusted_proxies),
        settings,
        cookie: Arc::default(),
    };
    parts.extensions.insert(exchange.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(cookie) = exchange.cookie.get() {
        let headers = response.headers_mut();
        headers.insert(header::SET_COOKIE, cookie.clone());
        let no_store = HeaderValue::from_static("no-store");
        headers.insert(header::CACHE_CONTROL, no_store);
    }
    response
}
