//! Receives the message of a call before the call takes a place among those in flight, so that a client that sends headers alone
//! holds no place.

use std::time::Duration;

use contract::reason::Reason;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;

use super::{compression, refusal_details::library_reason};
use crate::shares::Share;

/// The largest message that a method may take.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;
/// Bytes that a message may have beside that: the flags and the length before it, and what compression adds to one that cannot be
/// compressed. The method measures the message itself.
const ENVELOPE_BYTES: usize = 1024;

/// The request, with its whole body, which must be there `within` a time from `arrival`. `share` holds its bytes meanwhile.
pub(super) async fn receive(
    request: Request<Body>,
    arrival: Instant,
    within: Duration,
    share: Share,
) -> Result<Request<Body>, Reason> {
    let (head, body) = request.into_parts();
    match timeout_at(arrival + within, whole(body, share)).await {
        Ok(message) => {
            let message = message?;
            compression::check_message(&head.headers, &message)?;
            Ok(Request::from_parts(head, Body::new(Full::new(message))))
        }
        Err(_elapsed) => Err(Reason::DeadlineExceeded),
    }
}

async fn whole(mut body: Body, mut share: Share) -> Result<Bytes, Reason> {
    let mut message = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| library_reason(&error))?;
        let Ok(data) = frame.into_data() else {
            break;
        };
        let length = message.len() + data.len();
        if length > MAX_MESSAGE_BYTES + ENVELOPE_BYTES {
            return Err(Reason::RequestTooLarge);
        }
        share.hold_arrived(length)?;
        message.extend_from_slice(&data);
    }
    Ok(message.into())
}
