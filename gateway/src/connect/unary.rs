//! Unary calls.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use contract::{reason::Reason, refusal::refuse_request};
use http::{HeaderValue, header, request::Parts};
use serving::shares::Share;
use tonic::{Code, Status};

use super::{
    Target,
    cache::MaxAge,
    codec::{Codec, Format},
    error::{self, RequestError},
    headers, not_found, status_of,
};
use crate::{
    calls::{self, Call, Message, Refused, UnaryAnswer, gzip},
    json::Undecodable,
    monitoring::GrpcStatus,
};

/// How the messages of a call are encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoding {
    pub(super) codec: Codec,
    /// Whether the request is compressed.
    pub(super) gzip: bool,
    /// Whether the client reads compressed answers.
    accepts_gzip: bool,
}

impl Encoding {
    pub(super) fn new(codec: Codec, gzip: bool, parts: &Parts) -> Self {
        let accepts_gzip = headers::accepts_gzip(&parts.headers, &header::ACCEPT_ENCODING, gzip);
        Self {
            codec,
            gzip,
            accepts_gzip,
        }
    }
}

/// A call by POST.
pub(crate) async fn call(target: Target<'_>, request: Request, format: Format) -> Response {
    let (parts, body) = request.into_parts();
    let gzip = match headers::is_gzip(&parts.headers, &header::CONTENT_ENCODING) {
        Ok(gzip) => gzip,
        Err(error) => return refused(target, &status_of(&error, &parts)),
    };
    let encoding = Encoding::new(format.codec, gzip, &parts);
    answer(target, parts, encoding, |limit, share| {
        calls::read(body, limit, share)
    })
    .await
}

/// Forwards the request that `read` gives, and answers with what the service answers.
pub(super) async fn answer<Reading>(
    target: Target<'_>,
    parts: Parts,
    encoding: Encoding,
    read: impl FnOnce(usize, Share) -> Reading,
) -> Response
where
    Reading: Future<Output = Result<Bytes, Reason>>,
{
    let call = match begin(target, parts) {
        Ok(call) => call,
        Err(status) => return refused(target, &status),
    };
    let receive_by = call.receive_by();
    let id = call.request_id().to_owned();
    let limit = target.state.config.calls.request_limit;
    let decode = |call: &Call, bytes| decode(target, encoding, bytes, limit, call.request_id());
    let mut response = match call.forward(read, decode).await {
        Ok(answer) => {
            let answer = answer.collect().await;
            respond(target, answer, encoding).unwrap_or_else(|Undecodable| {
                refused(target, &refuse_request(Reason::Internal, &id))
            })
        }
        Err(status) => refused(target, &status),
    };
    response.extensions_mut().insert(receive_by);
    response
}

/// The call, if its headers are as the protocol says.
pub(super) fn begin(target: Target<'_>, parts: Parts) -> Result<Call, Status> {
    let asked = headers::check_version(&parts.headers)
        .and_then(|()| headers::timeout(&parts.headers))
        .map_err(|error: RequestError| status_of(&error, &parts))?;
    Call::begin(target.state, target.service, parts, asked)
}

/// The message for the service.
pub(super) fn decode(
    target: Target<'_>,
    encoding: Encoding,
    bytes: Bytes,
    limit: usize,
    request_id: &str,
) -> Result<Message, Refused> {
    let bytes = if encoding.gzip {
        gzip::inflate(bytes, limit)?
    } else {
        bytes
    };
    let payload = encoding.codec.decode(target.rpc, bytes);
    let payload = payload.map_err(|error| Refused::of_error(&error, request_id))?;
    Ok(Message::from_payload(&payload))
}

/// An error of the gateway. What is not offered does not exist for this client.
pub(super) fn refused(target: Target<'_>, status: &Status) -> Response {
    let details = tonic_types::StatusExt::get_details_error_info(status);
    if details.is_some_and(|info| info.reason == Reason::MethodUnknown.as_str()) {
        return not_found(status, target.state);
    }
    error::refusal(status, target.state.catalog.pool())
}

fn respond(
    target: Target<'_>,
    answer: UnaryAnswer,
    encoding: Encoding,
) -> Result<Response, Undecodable> {
    let mut response = match &answer.message {
        Some(message) => {
            let mut response = success(
                encoding.codec.encode(target.rpc, message.clone())?,
                encoding,
            );
            if let Some(max_age) = MaxAge::of(target.rpc, message) {
                response.extensions_mut().insert(max_age);
            }
            response
        }
        None => error::response(&answer.status(), target.state.catalog.pool()),
    };
    let all = response.headers_mut();
    headers::add_visible(all, &answer.headers, "");
    // An answer without a message may have its trailers among the headers.
    if calls::grpc_status(&answer.headers).is_none() {
        headers::add_visible(all, &answer.trailers, "trailer-");
    }
    Ok(response.map(|body| Body::new(answer.place.hold(body, None))))
}

fn success(message: Bytes, encoding: Encoding) -> Response {
    let compressed = encoding.accepts_gzip && message.len() > gzip::WORTH_COMPRESSING;
    let body = if compressed {
        gzip::compress(&message)
    } else {
        message
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    let format = Format {
        codec: encoding.codec,
        streaming: false,
    };
    headers.insert(header::CONTENT_TYPE, format.content_type());
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if compressed {
        let gzip = HeaderValue::from_static("gzip");
        headers.insert(header::CONTENT_ENCODING, gzip);
    }
    response.extensions_mut().insert(GrpcStatus::of(Code::Ok));
    response
}
