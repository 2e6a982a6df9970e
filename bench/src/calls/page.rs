//! `ListTasks` with one page token again and again.

use std::net::SocketAddr;

use contract::proto::task::ListTasksRequest;
use http::Request;
use prost::bytes::Bytes;

use super::{TASK_SERVICE, protocol::Protocol, reads::PAGE, rows::Rows, template::Template};
use crate::{
    deployment::User,
    generator::{Answer, Calls},
    random::Random,
};

/// One page of one user.
pub(crate) struct Page {
    template: Template,
    body: Bytes,
    user: User,
}

impl Page {
    /// The page of this token, which must have all its rows.
    pub(crate) fn new(address: SocketAddr, user: &User, token: &str) -> anyhow::Result<Self> {
        let request = ListTasksRequest {
            page_size: i32::try_from(PAGE)?,
            page_token: token.to_owned(),
            ..ListTasksRequest::default()
        };
        Ok(Self {
            template: Template::grpc(address, TASK_SERVICE, "ListTasks")?,
            body: Protocol::Grpc.message(&request),
            user: user.clone(),
        })
    }
}

impl Calls for Page {
    type Expected = ();

    fn next(&self, _: &mut Random) -> (Request<Bytes>, ()) {
        let body = self.body.clone();
        (self.template.post_as(&self.user.bearer, body), ())
    }

    fn check(&self, (): &(), answer: &Answer) -> anyhow::Result<()> {
        let rows = Rows {
            number: usize::try_from(PAGE)?,
            user: &self.user.id,
            task: None,
        };
        Protocol::Grpc.check(&rows, answer)
    }
}
