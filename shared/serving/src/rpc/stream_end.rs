//! Ends the streams of a connection that is past its age with DRAINING, so that their clients start them again on another
//! connection and do not see a broken one.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use contract::refusal::{Reason, refuse_request};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame, SizeHint};
use tonic::{Status, body::Body};
use transport::connections::StreamsEnd;

/// The same answer, but its body ends when the streams of the connection must end.
pub(super) fn end_with(
    answer: Response<Body>,
    end: StreamsEnd,
    request_id: String,
) -> Response<Body> {
    if answer.body().is_end_stream() {
        return answer;
    }
    answer.map(|body| {
        Body::new(EndedBody {
            body,
            end: Some(end.now().boxed()),
            request_id,
        })
    })
}

/// A body that ends by itself, or with DRAINING when `end` resolves.
struct EndedBody {
    body: Body,
    /// `None` after it has resolved.
    end: Option<BoxFuture<'static, ()>>,
    request_id: String,
}

impl http_body::Body for EndedBody {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let Some(end) = &mut self.end else {
            return Poll::Ready(None);
        };
        if end.poll_unpin(context).is_pending() {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        self.end = None;
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        refuse_request(Reason::Draining, &self.request_id)
            .add_header(&mut trailers)
            .expect("a reason's description is ASCII, and details are base64");
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
