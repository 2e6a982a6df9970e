//! The rest of a request's body that nobody reads.
//!
//! An answer can be ready before its request has arrived, for example a refusal because of a header. Some clients that are still
//! sending lose such an answer: over HTTP/2 because their stream is reset (RFC 9113, section 8.1), over HTTP/1.1 because their
//! connection is closed while bytes are on their way. Others do not notice its end before they have sent everything. So the rest of a
//! small body is read and dropped before the answer is sent. Meanwhile nothing is held but the answer itself, which is small: what its
//! body holds, such as a place among the calls in flight, is released before.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, header::EXPECT};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Buf, Bytes};
use tokio::{sync::oneshot, time::timeout};

/// The most bytes of one body that are read and dropped: more than the largest message of a call (2 MiB) has as base64.
const MAX_UNREAD_BYTES: u64 = 3 * 1024 * 1024;
/// The longest that an answer waits for them.
const ANSWER_DELAY: Duration = Duration::from_millis(500);
/// The longest that they are read, after the answer if need be.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(2);
/// Answers that are larger do not wait.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The body of a request. If it is dropped before its end, its [`Unread`] gets the rest.
#[derive(Debug)]
pub struct WatchedBody<B: Body> {
    /// `None` after its end.
    watched: Option<(B, oneshot::Sender<B>)>,
}

/// What will be left of the body of a request.
#[derive(Debug)]
pub struct Unread<B>(
    /// `None` for a client that waits for permission to send its body: there is nothing to read.
    Option<oneshot::Receiver<B>>,
);

/// Watches the body of a request that has just arrived.
pub fn watch<B: Body>(request: Request<B>) -> (Request<WatchedBody<B>>, Unread<B>) {
    let (sender, receiver) = oneshot::channel();
    let waits = request.headers().contains_key(EXPECT);
    let unread = Unread((!waits).then_some(receiver));
    let watched = request.map(|body| WatchedBody {
        watched: Some((body, sender)),
    });
    (watched, unread)
}

impl<B> Unread<B>
where
    B: Body<Data: Send> + Send + Unpin + 'static,
{
    /// Reads and drops what is left of the request's body, if it is small and arrives soon; then returns the answer, whose bytes
    /// `pack` makes a body. Returns it at once if nothing is left, and if the answer is not small.
    pub async fn discard_before<A>(
        self,
        answer: Response<A>,
        pack: impl FnOnce(Full<Bytes>) -> A,
    ) -> Response<A>
    where
        A: Body<Data = Bytes> + Unpin,
    {
        let Some(rest) = self.0.and_then(|mut rest| rest.try_recv().ok()) else {
            return answer;
        };
        let length = answer.body().size_hint().exact();
        if length.is_none_or(|length| length > MAX_ANSWER_BYTES) {
            return answer;
        }
        let (parts, body) = answer.into_parts();
        let kept = keep(body).await;
        let mut discarding = Box::pin(timeout(UNREAD_TIMEOUT, discard(rest)));
        if timeout(ANSWER_DELAY, &mut discarding).await.is_err() {
            tokio::spawn(discarding);
        }
        Response::from_parts(parts, pack(Full::new(kept)))
    }
}

/// The bytes of a small body. Everything else that it holds is released.
async fn keep<A>(mut body: A) -> Bytes
where
    A: Body<Data = Bytes> + Unpin,
{
    let mut kept = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(&data);
        }
    }
    kept.into()
}

async fn discard<B: Body + Unpin>(mut body: B) {
    if body.size_hint().lower() > MAX_UNREAD_BYTES {
        return;
    }
    let mut left = MAX_UNREAD_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Buf::remaining) as u64;
        match left.checked_sub(bytes) {
            Some(fewer) => left = fewer,
            None => return,
        }
    }
}

impl<B: Body> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        if let Some((body, unread)) = self.watched.take()
            && !body.is_end_stream()
        {
            let _nobody_waits = unread.send(body);
        }
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some((body, _)) = &mut self.watched else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.watched = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let body = self.watched.as_ref().map(|(body, _)| body);
        body.is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.watched.as_ref().map(|(body, _)| body);
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use tokio::sync::mpsc::{self, Sender};

    use super::*;

    /// Only a test that fails waits this long.
    const TEST_TIMEOUT: Duration = Duration::from_secs(30);

    /// Bytes as they are sent by the other end, which sees when nobody reads them any more.
    #[derive(Debug)]
    struct Sent {
        frames: mpsc::Receiver<Bytes>,
        length: SizeHint,
    }

    impl Body for Sent {
        type Data = Bytes;
        type Error = hyper::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
            let frame = self.frames.poll_recv(context);
            frame.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        }

        fn size_hint(&self) -> SizeHint {
            self.length
        }
    }

    /// An answer that holds something.
    struct Holding(
        Full<Bytes>,
        #[expect(dead_code, reason = "held")] Option<Arc<()>>,
    );

    impl Body for Holding {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
            Pin::new(&mut self.0).poll_frame(context)
        }

        fn size_hint(&self) -> SizeHint {
            self.0.size_hint()
        }
    }

    /// A request that is answered before its body, of this length, has arrived. What the answer holds is seen through the last.
    fn answered(
        headers: http::HeaderMap,
        length: SizeHint,
        answer: &'static [u8],
    ) -> (
        Sender<Bytes>,
        impl Future<Output = Response<Holding>>,
        Weak<()>,
    ) {
        let (sender, frames) = mpsc::channel(1);
        let mut request = Request::new(Sent { frames, length });
        *request.headers_mut() = headers;
        let (request, unread) = watch(request);
        drop(request);
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        let answer = Response::new(Holding(Full::from(answer), Some(held)));
        let answer = unread.discard_before(answer, |kept| Holding(kept, None));
        (sender, answer, seen)
    }

    #[tokio::test]
    async fn an_answer_waits_for_the_end_of_the_body_and_holds_nothing() {
        let (sender, answer, held) = answered(http::HeaderMap::new(), SizeHint::default(), b"no");
        let answer = tokio::spawn(answer);
        for _ in 0..20 {
            sender.send(Bytes::from_static(b"rest")).await.unwrap();
        }
        assert!(held.upgrade().is_none() && !answer.is_finished());
        drop(sender);
        let answer = timeout(TEST_TIMEOUT, answer).await.unwrap().unwrap();
        let kept = answer.into_body().collect().await.unwrap();
        assert_eq!(kept.to_bytes(), "no");
    }

    #[tokio::test]
    async fn it_waits_neither_for_a_body_without_an_end_nor_for_a_client_that_sends_nothing() {
        let (sender, answer, _) = answered(http::HeaderMap::new(), SizeHint::default(), b"");
        let answer = tokio::spawn(answer);
        let chunk = Bytes::from(vec![0; 1024 * 1024]);
        let mut chunks = 0;
        while sender.send(chunk.clone()).await.is_ok() {
            chunks += 1;
        }
        // The one that is too much is read, and one more may wait in the channel.
        assert!((4..=5).contains(&chunks), "{chunks}");
        answer.await.unwrap();

        let (sender, answer, _) = answered(http::HeaderMap::new(), SizeHint::default(), b"");
        timeout(TEST_TIMEOUT, answer).await.unwrap();
        timeout(TEST_TIMEOUT, sender.closed()).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_announced_as_large_or_waits_for_permission_is_not_read() {
        let large = SizeHint::with_exact(MAX_UNREAD_BYTES + 1);
        let (sender, answer, _) = answered(http::HeaderMap::new(), large, b"");
        answer.await;
        assert!(sender.is_closed());

        let mut headers = http::HeaderMap::new();
        headers.insert(EXPECT, "100-continue".parse().unwrap());
        let (sender, answer, _) = answered(headers, SizeHint::default(), b"");
        answer.await;
        assert!(sender.is_closed());
    }
}
