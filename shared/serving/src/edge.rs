//! What is decided about a request before it is a call.

use std::convert::Infallible;

use http::{Request, Response};
use hyper::body::Incoming;
use tonic::{body::Body, service::Routes};
use tower::{ServiceExt as _, service_fn};
use transport::{connections::HttpService, unread};

use crate::rpc::{CallLayer, refuse_other};

/// Passes requests that are gRPC to `calls`, and answers the others.
pub(crate) fn service(calls: CallLayer<Routes>) -> impl HttpService<ResponseBody = Body> {
    service_fn(move |request| answer(calls.clone(), request))
}

async fn answer(
    calls: CallLayer<Routes>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (request, unread) = unread::watch(request);
    let (parts, body) = request.into_parts();
    let answer = if let Some(refusal) = refuse_other(&parts) {
        drop(body);
        refusal
    } else {
        let request = Request::from_parts(parts, Body::new(body));
        calls.oneshot(request).await?
    };
    // A client that is still sending gets its answer too.
    Ok(unread.discard_before(answer, Body::new).await)
}
