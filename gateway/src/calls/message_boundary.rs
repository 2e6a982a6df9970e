//! Tracks whether a stream of bytes is between two messages or within one.

use super::message::FRAME_HEADER;

/// Counts the bytes of a stream against the lengths in the message headers.
#[derive(Debug, Default)]
pub(super) struct MessageBoundary {
    /// The bytes of a header that have arrived.
    header: [u8; FRAME_HEADER],
    filled: usize,
    /// How many bytes of the message are missing.
    missing: usize,
}

impl MessageBoundary {
    /// Counts bytes that were sent.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            self.header[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            if self.filled == FRAME_HEADER {
                let [_, length @ ..] = self.header;
                self.missing = u32::from_be_bytes(length) as usize;
                self.filled = 0;
            }
        }
    }

    pub(super) fn is_between_messages(&self) -> bool {
        self.filled == 0 && self.missing == 0
    }
}
