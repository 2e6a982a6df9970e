//! The same call again and again, of which only the status is known.

use std::sync::Arc;

use anyhow::Context as _;
use http::{HeaderMap, Method, Request, Uri, header::AUTHORIZATION};
use prost::{Message, bytes::Bytes};

use super::protocol::Protocol;
use crate::{
    deployment::User,
    generator::{Answer, Calls},
    random::Random,
};

/// One call over gRPC, of users chosen at random.
pub(crate) struct StatusCalls {
    users: Arc<Vec<User>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// The number of the status that is right.
    status: &'static str,
}

impl StatusCalls {
    pub(crate) fn new(
        uri: &str,
        message: &impl Message,
        status: &'static str,
        users: &Arc<Vec<User>>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            users: Arc::clone(users),
            uri: uri.parse()?,
            headers: Protocol::Grpc.headers(),
            body: Protocol::Grpc.message(message),
            status,
        })
    }
}

impl Calls for StatusCalls {
    type Expected = ();

    fn next(&self, random: &mut Random) -> (Request<Bytes>, ()) {
        let user = random.below(self.users.len() as u64);
        let user = &self.users[usize::try_from(user).expect("users are in memory")];
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, user.bearer.clone());
        *request.headers_mut() = headers;
        (request, ())
    }

    fn check(&self, (): &(), answer: &Answer) -> anyhow::Result<()> {
        let text = || format!("{answer:?}");
        let trailers = answer.trailers.as_ref().unwrap_or(&answer.headers);
        let status = trailers.get("grpc-status").with_context(text)?;
        anyhow::ensure!(status == self.status, text());
        Ok(())
    }
}
