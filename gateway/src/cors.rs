//! Which pages of other sites may call (WHATWG Fetch, CORS protocol).
//!
//! The headers of gRPC-web are exposed: without that a browser hides the status of a trailers-only answer from the page.
//! The origin `*` is allowed for public documents only. Credentials are not allowed, and `tandem-session` is not among the headers: cookies
//! are for pages of the gateway itself.

use std::{
    task::{Context, Poll, ready},
    time::Duration,
};

use api::{grpc_timeout::GRPC_TIMEOUT, request_id::X_REQUEST_ID};
use axum::{extract::Request, response::Response};
use futures_util::future::Either;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER},
};
use settings::WebOrigin;
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, Any, Cors, CorsLayer};

use crate::rest::REASON;

/// Chromium caches a preflight for at most this long.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);

/// Answers preflights, and marks answers for pages of exactly these origins. `Vary` is always set, so that a cache never
/// serves the answer for one origin to another.
pub(crate) fn layer(origins: &[WebOrigin]) -> Preflights {
    let origins = origins.iter().map(|origin| {
        HeaderValue::from_str(origin.as_str()).expect("the text of a URI is a header value")
    });
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            CONTENT_TYPE,
            AUTHORIZATION,
            GRPC_TIMEOUT,
            HeaderName::from_static("x-grpc-web"),
            HeaderName::from_static("connect-protocol-version"),
            HeaderName::from_static("connect-timeout-ms"),
            HeaderName::from_static("x-user-agent"),
            HeaderName::from_static("tandem-device-token"),
            X_REQUEST_ID,
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
            // Tracing libraries for pages send it; the gateway ignores it.
            HeaderName::from_static("baggage"),
        ])
        .expose_headers([
            HeaderName::from_static("grpc-status"),
            HeaderName::from_static("grpc-message"),
            HeaderName::from_static("grpc-status-details-bin"),
            HeaderName::from_static("tandem-revocation-staleness-ms"),
            X_REQUEST_ID,
            // Of REST.
            RETRY_AFTER,
            REASON,
        ])
        .max_age(PREFLIGHT_MAX_AGE);
    Preflights(layer)
}

/// For documents that are the same for everybody.
pub(crate) fn public() -> Preflights {
    let layer = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .max_age(PREFLIGHT_MAX_AGE);
    Preflights(layer)
}

/// CORS for every request but an OPTIONS that is no preflight. That one is answered by its route, as any method that the route does
/// not have.
#[derive(Debug, Clone)]
pub(crate) struct Preflights(CorsLayer);

impl<S: Clone> Layer<S> for Preflights {
    type Service = OnlyPreflights<S>;

    fn layer(&self, inner: S) -> OnlyPreflights<S> {
        OnlyPreflights {
            cors: self.0.layer(inner.clone()),
            plain: inner,
        }
    }
}

/// See [`Preflights`].
#[derive(Debug, Clone)]
pub(crate) struct OnlyPreflights<S> {
    cors: Cors<S>,
    plain: S,
}

impl<S> Service<Request> for OnlyPreflights<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, <Cors<S> as Service<Request>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.plain.poll_ready(context))?;
        self.cors.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == Method::OPTIONS && !is_preflight(request.headers()) {
            Either::Left(self.plain.call(request))
        } else {
            Either::Right(self.cors.call(request))
        }
    }
}

/// WHATWG Fetch, "CORS-preflight request".
fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
