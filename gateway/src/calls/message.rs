//! The message of a call, in the frame in which gRPC sends it.

use axum::body::Bytes;
use contract::reason::Reason;

/// Flags (1 byte) and length (4 bytes) before each message.
pub(crate) const FRAME_HEADER: usize = 5;

/// One message in its frame.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    frame: Bytes,
    /// Whether the headers of the call say that its messages may be compressed with gzip.
    pub(super) gzip: bool,
}

impl Message {
    /// The message of a complete frame. `gzip`: whether the headers say how it may be compressed.
    ///
    /// # Errors
    /// [`Reason::RequestMalformed`] if this is not exactly one message; [`Reason::CompressionUnsupported`] if it is compressed, and
    /// the headers do not say how.
    pub(crate) fn from_frame(frame: Bytes, gzip: bool) -> Result<Self, Reason> {
        match frame.split_first_chunk::<FRAME_HEADER>() {
            Some(([flags, length @ ..], message))
                if *flags <= 1 && u32::from_be_bytes(*length) as usize == message.len() =>
            {
                if *flags == 1 && !gzip {
                    return Err(Reason::CompressionUnsupported);
                }
                Ok(Self { frame, gzip })
            }
            // Flag 0x80 would be trailers.
            _ => Err(Reason::RequestMalformed),
        }
    }

    /// This message, encoded as protobuf.
    pub(crate) fn encode(message: &impl prost::Message) -> Self {
        let mut frame = vec![0; FRAME_HEADER];
        message
            .encode(&mut frame)
            .expect("a vector grows as needed");
        Self::with_header(frame)
    }

    /// The message with these bytes of protobuf.
    pub(crate) fn from_payload(payload: &[u8]) -> Self {
        let mut frame = Vec::with_capacity(FRAME_HEADER + payload.len());
        frame.resize(FRAME_HEADER, 0);
        frame.extend_from_slice(payload);
        Self::with_header(frame)
    }

    fn with_header(mut frame: Vec<u8>) -> Self {
        let length = u32::try_from(frame.len() - FRAME_HEADER)
            .expect("messages are bounded far below 4 GiB");
        frame[1..FRAME_HEADER].copy_from_slice(&length.to_be_bytes());
        Self {
            frame: frame.into(),
            gzip: false,
        }
    }

    /// Its bytes without the frame, compressed or not.
    pub(crate) fn payload(&self) -> Bytes {
        self.frame.slice(FRAME_HEADER..)
    }

    /// Whether its bytes are compressed with gzip.
    pub(crate) fn is_compressed(&self) -> bool {
        self.frame[0] == 1
    }

    pub(super) fn into_frame(self) -> Bytes {
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_complete_message_is_a_request() {
        let parse = |frame: &'static [u8]| Message::from_frame(Bytes::from_static(frame), true);
        assert_eq!(parse(b"\0\0\0\0\0").unwrap().payload(), "");
        assert_eq!(parse(b"\0\0\0\0\x02ab").unwrap().payload(), "ab");
        assert!(parse(b"\x01\0\0\0\x02ab").unwrap().is_compressed());
        for bad in [
            b"".as_slice(),
            b"\0\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\x02abc",
            b"\x02\0\0\0\x02ab",
            b"\x80\0\0\0\x02ab",
            b"\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(parse(bad).unwrap_err(), Reason::RequestMalformed, "{bad:?}");
        }
    }

    #[test]
    fn a_compressed_message_needs_a_header_that_says_how() {
        let frame = Bytes::from_static(b"\x01\0\0\0\x02ab");
        let refused = Message::from_frame(frame, false);
        assert_eq!(refused.unwrap_err(), Reason::CompressionUnsupported);
    }

    #[test]
    fn a_payload_gets_its_frame() {
        assert_eq!(Message::from_payload(b"ab").into_frame(), "\0\0\0\0\x02ab");
        assert_eq!(Message::encode(&()).into_frame(), "\0\0\0\0\0");
    }
}
