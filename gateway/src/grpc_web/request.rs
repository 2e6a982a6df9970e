//! Reads the one message of a request, within its limits.
//!
//! gRPC-web has neither client streaming nor request trailers, so a request is exactly one frame. It is read completely
//! before the service is called, so that a slow browser costs the service nothing.

use axum::body::{Body, Bytes};
use contract::reason::Reason;
use http_body_util::BodyExt;
use serving::shares::Share;

use super::{
    format::Format,
    text::{Decoder, NotBase64},
};
use crate::calls::FRAME_HEADER;

/// The body of a request, whose message is at most `limit` bytes long. Never buffers more than that and one chunk.
/// `share` holds its bytes while it arrives.
pub(super) async fn read(
    mut body: Body,
    format: Format,
    limit: usize,
    mut share: Share,
) -> Result<Bytes, Reason> {
    let max = limit.saturating_add(FRAME_HEADER);
    let mut frame = Vec::new();
    let mut decoder = Decoder::default();
    while let Some(next) = body.frame().await {
        // When the connection is lost, nobody reads the answer.
        let next = next.map_err(|_broken| Reason::RequestMalformed)?;
        let Ok(chunk) = next.into_data() else {
            continue;
        };
        match format {
            Format::Binary => frame.extend_from_slice(&chunk),
            Format::Text => decoder.decode(&chunk, &mut frame).map_err(malformed)?,
        }
        if frame.len() > max {
            return Err(Reason::RequestTooLarge);
        }
        share.hold_arrived(frame.len())?;
    }
    decoder.finish(&mut frame).map_err(malformed)?;
    Ok(frame.into())
}

fn malformed(_: NotBase64) -> Reason {
    Reason::RequestMalformed
}
