//! Server streams: frames with messages, and one that says how the stream ended.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    response::Response,
};
use contract::{reason::Reason, refusal::Refusal};
use http::{HeaderMap, HeaderValue, header};
use http_body::Frame;
use prost_reflect::DescriptorPool;
use serde::Serialize;
use tonic::{Code, Status};

use super::{
    Target,
    codec::{Codec, Format},
    error::{ErrorBody, RequestError},
    headers, status_of, unary,
};
use crate::{
    calls::{
        self, Answer, AnswerBody, Call, FRAME_HEADER, Message, Refused, TruncatedMessage, gzip,
    },
    monitoring::GrpcStatus,
    rpc_catalog::Rpc,
};

const COMPRESSED: u8 = 1;
/// The flag of the last frame.
const END: u8 = 2;

/// The longest message of a stream. The services send no longer one.
const MAX_MESSAGE: usize = 4 << 20;

/// A call of an RPC that streams. Every answer is HTTP 200: how the call ended is in the last frame.
pub(crate) async fn call(target: Target<'_>, request: Request, format: Format) -> Response {
    let (parts, body) = request.into_parts();
    let gzip = headers::is_gzip(&parts.headers, &headers::CONTENT_ENCODING);
    let sent_gzip = gzip.as_ref().is_ok_and(|gzip| *gzip);
    let accepts_gzip = headers::accepts_gzip(&parts.headers, &headers::ACCEPT_ENCODING, sent_gzip);
    let pool = target.state.catalog.pool();
    let refused = |status: &Status| refused(status, format, pool);
    let gzip = match gzip {
        Ok(gzip) => gzip,
        Err(error) => return refused(&status_of(&error, &parts)),
    };
    let call = match unary::begin(target, parts) {
        Ok(call) => call,
        Err(status) => return refused(&status),
    };
    let receive_by = call.receive_by();
    let limit = target.state.config.calls.request_limit;
    let read = |limit: usize, share| calls::read(body, limit.saturating_add(FRAME_HEADER), share);
    let decode =
        |call: &Call, frame: Bytes| decode(target.rpc, format.codec, gzip, &frame, limit, call);
    let mut response = match call.forward(read, decode).await {
        Ok(answer) => translate(target, answer, format, accepts_gzip),
        Err(status) => refused(&status),
    };
    response.extensions_mut().insert(receive_by);
    response
}

/// The message of the only frame.
fn decode(
    rpc: &Rpc,
    codec: Codec,
    gzip: bool,
    frame: &Bytes,
    limit: usize,
    call: &Call,
) -> Result<Message, Refused> {
    let refused = |error: &dyn Refusal| Refused::of_error(error, call.request_id());
    if frame.is_empty() {
        return Err(refused(&RequestError::NotOneMessage));
    }
    let Some(([flags, length @ ..], rest)) = frame.split_first_chunk::<FRAME_HEADER>() else {
        return Err(Reason::RequestMalformed.into());
    };
    let length = u32::from_be_bytes(*length) as usize;
    if *flags & !COMPRESSED != 0 || rest.len() < length {
        return Err(Reason::RequestMalformed.into());
    }
    if rest.len() > length {
        return Err(refused(&RequestError::NotOneMessage));
    }
    let message = frame.slice(FRAME_HEADER..);
    let message = match (*flags & COMPRESSED != 0, gzip) {
        (false, _) => message,
        (true, true) => gzip::inflate(message, limit)?,
        // The protocol wants this code, although the client is at fault.
        (true, false) => return Err(Reason::Internal.into()),
    };
    let payload = codec
        .decode(rpc, message)
        .map_err(|error| refused(&error))?;
    Ok(Message::from_payload(&payload))
}

fn translate(target: Target<'_>, answer: Answer, format: Format, gzip: bool) -> Response {
    let status = GrpcStatus::default();
    let trailers_only = answer.trailers_only().is_some();
    let body = StreamBody {
        body: Some(answer.body),
        arrived: Vec::new(),
        rpc: target.rpc.clone(),
        codec: format.codec,
        gzip,
        pool: target.state.catalog.pool().clone(),
        // Without a message, the metadata is in the headers already.
        with_metadata: !trailers_only,
        status: status.clone(),
    };
    let body = Body::new(answer.place.hold(body, None));
    let mut response = respond(body, format, status);
    headers::add_visible(response.headers_mut(), &answer.headers, "");
    if gzip {
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(headers::CONTENT_ENCODING, gzip);
    }
    response
}

/// A stream that ends before its first message.
pub(super) fn refused(status: &Status, format: Format, pool: &DescriptorPool) -> Response {
    let end = end_frame(status, None, pool);
    let answer = respond(Body::from(end), format, GrpcStatus::of(status.code()));
    calls::marked(answer, status)
}

fn respond(body: Body, format: Format, status: GrpcStatus) -> Response {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, format.content_type());
    response.extensions_mut().insert(status);
    response
}

/// The content of the last frame.
#[derive(Serialize)]
struct End<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, Vec<&'a str>>,
}

fn end_frame(status: &Status, trailers: Option<&HeaderMap>, pool: &DescriptorPool) -> Bytes {
    let mut metadata: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in trailers.into_iter().flatten() {
        if let (false, Ok(value)) = (name.as_str().starts_with("grpc-"), value.to_str()) {
            metadata.entry(name.as_str()).or_default().push(value);
        }
    }
    let end = End {
        error: (status.code() != Code::Ok).then(|| ErrorBody::new(status, pool)),
        metadata,
    };
    let end = serde_json::to_vec(&end).expect("the end of a stream has only texts and JSON");
    frame(END, &end)
}

fn frame(flags: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("messages are bounded far below 4 GiB");
    let mut frame = Vec::with_capacity(FRAME_HEADER + message.len());
    frame.push(flags);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// Sends each message of the service as soon as it is complete, then the last frame. A stream that is cut within a message is
/// aborted without that frame, so that nobody takes it for complete.
struct StreamBody {
    /// `None` after the last frame.
    body: Option<AnswerBody>,
    /// What has arrived of the next messages.
    arrived: Vec<u8>,
    rpc: Rpc,
    codec: Codec,
    gzip: bool,
    pool: DescriptorPool,
    with_metadata: bool,
    status: GrpcStatus,
}

impl StreamBody {
    /// The next message in its frame. The stream ends if it is not a message of this RPC.
    fn next_message(&mut self) -> Option<Bytes> {
        let (header, rest) = self.arrived.split_first_chunk::<FRAME_HEADER>()?;
        let [flags, length @ ..] = *header;
        let length = u32::from_be_bytes(length) as usize;
        // The gateway does not say that it reads compressed answers.
        if flags != 0 || length > MAX_MESSAGE {
            return self.fail();
        }
        let message = Bytes::copy_from_slice(rest.get(..length)?);
        self.arrived.drain(..FRAME_HEADER + length);
        match self.codec.encode(&self.rpc, message) {
            Ok(message) if self.gzip && message.len() > gzip::WORTH_COMPRESSING => {
                Some(frame(COMPRESSED, &gzip::compress(&message)))
            }
            Ok(message) => Some(frame(0, &message)),
            Err(_undecodable) => self.fail(),
        }
    }

    fn fail(&mut self) -> Option<Bytes> {
        let status = self.body.as_mut()?.undecodable();
        Some(self.finish(&calls::trailers(&status)))
    }

    fn finish(&mut self, trailers: &HeaderMap) -> Bytes {
        self.body = None;
        self.arrived = Vec::new();
        let status = Status::from_header_map(trailers).expect("the trailers have a status");
        self.status.set_code(status.code());
        let metadata = self.with_metadata.then_some(trailers);
        end_frame(&status, metadata, &self.pool)
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = TruncatedMessage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedMessage>>> {
        loop {
            if let Some(message) = self.next_message() {
                return Poll::Ready(Some(Ok(Frame::data(message))));
            }
            let Some(body) = self.body.as_mut() else {
                return Poll::Ready(None);
            };
            let Some(next) = ready!(Pin::new(body).poll_frame(context)) else {
                return Poll::Ready(None);
            };
            match next?.into_data() {
                Ok(data) => self.arrived.extend_from_slice(&data),
                Err(other) => {
                    let trailers = other.into_trailers().unwrap_or_default();
                    let end = self.finish(&trailers);
                    return Poll::Ready(Some(Ok(Frame::data(end))));
                }
            }
        }
    }
}
