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

/// Flags (1 byte) and length (4 bytes) before each message.
pub(super) const FRAME_HEADER: usize = 5;

/// The frame of a request, whose message is at most `limit` bytes long. Never buffers more than that and one chunk.
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
    if is_one_message(&frame) {
        Ok(frame.into())
    } else {
        Err(Reason::RequestMalformed)
    }
}

fn malformed(_: NotBase64) -> Reason {
    Reason::RequestMalformed
}

/// Flag 1 is a compressed message, which the service inflates or refuses; 0x80 would be trailers.
fn is_one_message(frame: &[u8]) -> bool {
    let Some((header, message)) = frame.split_first_chunk::<FRAME_HEADER>() else {
        return false;
    };
    let [flags, length @ ..] = *header;
    flags <= 1 && u32::from_be_bytes(length) as usize == message.len()
}

#[cfg(test)]
mod tests {
    use super::is_one_message;

    #[test]
    fn only_one_complete_message_is_a_request() {
        assert!(is_one_message(b"\0\0\0\0\0"));
        assert!(is_one_message(b"\0\0\0\0\x02ab"));
        assert!(is_one_message(b"\x01\0\0\0\x02ab"));
        for bad in [
            b"".as_slice(),
            b"\0\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\x02abc",
            b"\x02\0\0\0\x02ab",
            b"\x80\0\0\0\x02ab",
            b"\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert!(!is_one_message(bad), "{bad:?}");
        }
    }
}
