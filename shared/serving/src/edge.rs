//! What is decided about a request before it is a call.

use std::convert::Infallible;

use http::{Request, Response};
use hyper::body::Incoming;
use tonic::{body::Body, service::Routes};
use tower::{ServiceExt as _, service_fn};
use transport::connections::HttpService;

use crate::rpc::{CallLayer, refuse_other};

/// Passes requests that are gRPC to `calls`, and answers the others.
pub(crate) fn service(calls: CallLayer<Routes>) -> impl HttpService<ResponseBody = Body> {
    service_fn(move |request| answer(calls.clone(), request))
}

async fn answer(
    calls: CallLayer<Routes>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    if let Some(refusal) = refuse_other(&parts) {
        return Ok(refusal);
    }
    let request = Request::from_parts(parts, Body::new(body));
    calls.oneshot(request).await
}
