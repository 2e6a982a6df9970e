//! The body of an answer, which holds what its call has taken until it was sent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use contract::{reason::Reason, refusal::refuse_request};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;

use super::{CallKind, Principal, Share, Shares};

/// A message up to this size is always sent. A longer one is replaced by a refusal when its principal has others unsent and would have
/// too many bytes, or all together would. Answers to writes are shorter.
const ALWAYS_SENT_BYTES: usize = 64 * 1024;

/// The shares that calls in flight use.
#[derive(Debug)]
pub struct CallShares {
    /// Places.
    pub places: Arc<Shares>,
    /// Bytes of answers that are not sent yet.
    pub unsent: Arc<Shares>,
}

/// What one call in flight holds.
#[derive(Debug)]
#[must_use]
pub struct CallShare {
    _place: Share,
    unsent: Share,
    kind: CallKind,
}

impl CallShares {
    /// A place for a call of `principal`.
    ///
    /// # Errors
    /// [`Reason::RateLimited`] when the principal has its share of the places, or of the bytes that are not sent yet, or when the last
    /// answer to such a call did not fit in that share and would not fit now; [`Reason::Overloaded`] when there are no more.
    pub fn take(&self, principal: Principal, kind: CallKind) -> Result<CallShare, Reason> {
        let unsent = self.unsent.share(principal);
        unsent.expect(kind)?;
        Ok(CallShare {
            _place: self.places.take(principal)?,
            unsent,
            kind,
        })
    }
}

impl CallShare {
    /// Holds bytes of an answer that is collected before it is sent. The body of [`CallShare::hold`] gives them back.
    ///
    /// # Errors
    /// As [`Share::add_or_be_first`], for more than 64 KiB.
    pub fn hold_unsent(&mut self, bytes: usize) -> Result<(), Reason> {
        if self.unsent.units() + bytes > ALWAYS_SENT_BYTES {
            return self.unsent.add_or_be_first(bytes, self.kind);
        }
        self.unsent.add_always(bytes);
        Ok(())
    }

    /// The same body. It holds the place, and counts the bytes that it has given and that were not taken yet. Once a long message
    /// would be too much, it ends with a refusal in its trailers, if the id of its request is given.
    pub fn hold<B>(self, body: B, request_id: Option<String>) -> HeldBody<B> {
        HeldBody {
            body: Some(body),
            request_id,
            share: self,
        }
    }
}

/// See [`CallShare::hold`].
#[derive(Debug)]
pub struct HeldBody<B> {
    /// `None` after a refusal.
    body: Option<B>,
    request_id: Option<String>,
    share: CallShare,
}

impl<B> HeldBody<B> {
    /// Counts data that is given now. Returns the trailers of the refusal if it is too much.
    fn count(&mut self, bytes: usize) -> Option<HeaderMap> {
        let CallShare { unsent, kind, .. } = &mut self.share;
        match &self.request_id {
            Some(request_id) if bytes > ALWAYS_SENT_BYTES => {
                let reason = unsent.add_or_be_first(bytes, *kind).err()?;
                tracing::debug!(reason = reason.as_str(), "an answer was not sent");
                let mut trailers = HeaderMap::new();
                refuse_request(reason, request_id)
                    .add_header(&mut trailers)
                    .expect("a reason's description is ASCII, and details are base64");
                Some(trailers)
            }
            _ => {
                unsent.add_always(bytes);
                None
            }
        }
    }
}

impl<B> Body for HeldBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let next = Pin::new(body).poll_frame(context);
        // It is polled again when what it gave before was taken.
        let taken = self.share.unsent.units();
        self.share.unsent.give_back(taken);
        let next = ready!(next);
        let length = match &next {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        match self.count(length) {
            Some(trailers) => {
                self.body = None;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            None => Poll::Ready(next),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(SizeHint::default, Body::size_hint)
    }
}
