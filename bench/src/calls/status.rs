//! The same call again and again, of which only the status is known.

use std::sync::Arc;

use anyhow::Context as _;
use http::Request;
use prost::{Message, bytes::Bytes};

use super::{protocol::Protocol, template::Template};
use crate::{
    deployment::User,
    generator::{Answer, Calls},
    random::Random,
};

/// One call over gRPC, of users chosen at random.
pub(crate) struct StatusCalls {
    users: Arc<Vec<User>>,
    template: Template,
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
            template: Template::new(Protocol::Grpc, uri)?,
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
        (self.template.post_as(&user.bearer, self.body.clone()), ())
    }

    fn check(&self, (): &(), answer: &Answer) -> anyhow::Result<()> {
        let text = || format!("{answer:?}");
        let trailers = answer.trailers.as_ref().unwrap_or(&answer.headers);
        let status = trailers.get("grpc-status").with_context(text)?;
        anyhow::ensure!(status == self.status, text());
        Ok(())
    }
}
