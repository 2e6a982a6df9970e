//! The end of streams whose connection is past its age: they are told DRAINING, so that their clients begin anew elsewhere,
//! and do not see a broken connection.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame, SizeHint};
use tonic::{Status, body::Body};

use contract::refusal::{Reason, refuse_request};
use transport::connections::StreamsEnd;

/// The same answer, whose body ends when the connection's streams must.
pub(super) fn end_with(
    answer: Response<Body>,
    ends: StreamsEnd,
    request_id: String,
) -> Response<Body> {
    if answer.body().is_end_stream() {
        return answer;
    }
    answer.map(|body| {
        Body::new(Ending {
            body,
            ends: Some(ends.now().boxed()),
            request_id,
        })
    })
}

/// A body that ends by itself, or when it is told to.
struct Ending {
    body: Body,
    /// None when it has been told.
    ends: Option<BoxFuture<'static, ()>>,
    request_id: String,
}

impl http_body::Body for Ending {
    type Data = <Body as http_body::Body>::Data;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let Some(ends) = &mut self.ends else {
            return Poll::Ready(None);
        };
        if ends.poll_unpin(context).is_pending() {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        self.ends = None;
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        refuse_request(Reason::Draining, &self.request_id)
            .add_header(&mut trailers)
            .expect("a reason's description is ASCII, and details are base64");
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ends.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
