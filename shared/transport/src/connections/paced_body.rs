//! The body of an answer, with a limit for how long its client may take to receive it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use tokio::time::Instant;

use super::{answer_timer::AnswerTimer, listener_state::ListenerState};

/// The longest piece in which data is passed on: the largest frame of HTTP/2. The rest is kept here, where it is dropped with the
/// body.
const MAX_PIECE_BYTES: usize = 16 * 1024;

/// When the client must have received an answer; in the extensions of the answer. An answer without it is taken for a stream
/// without an end.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveBy {
    /// When it must have received everything; `None` for a stream whose client has set no limit.
    pub end: Option<Instant>,
    /// Whether the answer is a stream. Each message of a stream must also be received within [`ConnectionLimits::send_timeout`].
    ///
    /// [`ConnectionLimits::send_timeout`]: super::ConnectionLimits::send_timeout
    pub streaming: bool,
}

/// How the pieces of a body reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// HTTP/1.1: hyper asks for the next piece when its buffer has room.
    Whole,
    /// HTTP/2: hyper passes on a piece when the client has room for its first byte, and asks for the next one. So the last byte goes
    /// alone: when it is passed on, the client has room for everything before it, and nothing is left behind in a queue that no
    /// timer watches.
    LastByteAlone,
}

/// The body of an answer. It is polled again when the client has taken what it was given before.
pub(super) struct PacedBody<B> {
    body: B,
    /// Data of the body that was not passed on yet.
    left: Bytes,
    /// When that data, and what was passed on before it, must be taken.
    left_until: Option<Instant>,
    pieces: Pieces,
    receive_by: ReceiveBy,
    timer: AnswerTimer,
    state: Arc<ListenerState>,
}

/// The same answer, whose body has the limits of its [`ReceiveBy`]. To be called by the task that sends it.
pub(super) fn pace<B>(
    answer: Response<B>,
    pieces: Pieces,
    state: Arc<ListenerState>,
) -> Response<PacedBody<B>> {
    let receive_by = answer.extensions().get().copied().unwrap_or(ReceiveBy {
        end: None,
        streaming: true,
    });
    answer.map(|body| PacedBody {
        body,
        left: Bytes::new(),
        left_until: None,
        pieces,
        receive_by,
        timer: AnswerTimer::current(),
        state,
    })
}

impl<B> PacedBody<B> {
    /// When a message that is passed on now must be taken.
    fn message_until(&self) -> Option<Instant> {
        let ReceiveBy { end, streaming } = self.receive_by;
        if !streaming {
            return end;
        }
        let message = Instant::now() + self.state.limits.send_timeout;
        Some(end.map_or(message, |end| end.min(message)))
    }

    fn next_piece(&mut self) -> Bytes {
        let whole = self.left.len();
        let length = match self.pieces {
            Pieces::LastByteAlone if whole > 1 => MAX_PIECE_BYTES.min(whole - 1),
            Pieces::LastByteAlone | Pieces::Whole => MAX_PIECE_BYTES.min(whole),
        };
        self.timer.set(self.left_until);
        self.left.split_to(length)
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.left.is_empty() {
            // Everything was taken. A client that waits for more has until the end of the answer.
            self.timer.set(self.receive_by.end);
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(data) => self.left = data,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            }
            self.left_until = self.message_until();
        }
        let piece = self.next_piece();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.size_hint();
        let left = self.left.len() as u64;
        let mut hint = SizeHint::new();
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + left);
        }
        hint.set_lower(body.lower() + left);
        hint
    }
}

impl<B> Drop for PacedBody<B> {
    fn drop(&mut self) {
        if self.timer.is_over() {
            self.state.counters.unread();
        }
        self.timer.set(None);
    }
}
