//! The answer of a service, read whole, without its refresh token.

use axum::body::Bytes;
use contract::refusal::Reason;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

use super::{CookieCall, CookieError, error::Unreadable};

/// The longest answer with tokens; they have about 2 KiB.
const MAX_ANSWER: usize = 64 * 1024;
/// Flags (1 byte) and length (4 bytes) before a message.
const FRAME_HEADER: usize = 5;

/// Why there is no answer of the service for the browser.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call failed on the way.
    Lost(Reason),
    /// The gateway refuses it because of its cookie.
    Cookie(CookieError),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Lost(reason)
    }
}

impl From<CookieError> for Failure {
    fn from(error: CookieError) -> Self {
        Self::Cookie(error)
    }
}

impl CookieCall {
    /// Takes the refresh token out of an answer, which must have arrived by `end_by`.
    ///
    /// # Errors
    /// The answer is not complete, or could still have the refresh token in it.
    pub(crate) async fn rewrite(
        &self,
        answer: Response<Body>,
        end_by: Option<Instant>,
    ) -> Result<Response<Body>, Failure> {
        if let Some(status) = Status::from_header_map(answer.headers()) {
            self.delete_after(&reason(&status));
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        let (frames, trailers) = read(body, end_by).await?;
        let status = Status::from_header_map(&trailers);
        let status = status.ok_or(Failure::Lost(Reason::UpstreamUnavailable))?;
        let body = if status.code() == Code::Ok {
            frame(&self.keep(message(&frames)?)?)
        } else {
            self.delete_after(&reason(&status));
            Bytes::new()
        };
        let trailers = std::future::ready(Some(Ok(trailers)));
        let body = Body::new(Full::new(body).with_trailers(trailers));
        Ok(Response::from_parts(parts, body))
    }
}

/// The frames and the trailers of an answer.
async fn read(body: Body, end_by: Option<Instant>) -> Result<(Bytes, HeaderMap), Failure> {
    let whole = Limited::new(body, MAX_ANSWER).collect();
    let whole = match end_by {
        Some(end) => match timeout_at(end, whole).await {
            Ok(whole) => whole,
            Err(_elapsed) => return Err(Failure::Lost(Reason::DeadlineExceeded)),
        },
        None => whole.await,
    };
    let whole = whole.map_err(|error| {
        tracing::warn!(error, "cannot read an answer with tokens");
        Failure::Lost(Reason::UpstreamUnavailable)
    })?;
    let trailers = whole.trailers().cloned().unwrap_or_default();
    Ok((whole.to_bytes(), trailers))
}

/// The one message of a unary answer. The gateway has not asked for a compressed one.
fn message(frames: &Bytes) -> Result<Bytes, CookieError> {
    let whole = frames.split_first_chunk::<FRAME_HEADER>();
    if let Some(([0, length @ ..], message)) = whole
        && u32::from_be_bytes(*length) as usize == message.len()
    {
        return Ok(frames.slice(FRAME_HEADER..));
    }
    let unreadable = Unreadable("the answer is not one message that is not compressed");
    Err(CookieError::AnswerUnreadable(unreadable))
}

fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("answers with tokens are bounded");
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

/// The reason of a refusal; empty if it has none.
fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map_or_else(String::new, |info| info.reason)
}
