//! `ListTasks` with one page token again and again.

use std::net::SocketAddr;

use contract::proto::task::ListTasksRequest;
use http::{HeaderMap, Method, Request, Uri, header::AUTHORIZATION};
use prost::bytes::Bytes;

use super::{protocol::Protocol, reads::PAGE, rows::Rows};
use crate::{
    deployment::User,
    generator::{Answer, Calls},
    random::Random,
};

/// One page of one user.
pub(crate) struct Page {
    uri: Uri,
    headers: HeaderMap,
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
        let mut headers = Protocol::Grpc.headers();
        headers.insert(AUTHORIZATION, user.bearer.clone());
        Ok(Self {
            uri: format!("http://{address}/tandem.task.v1.TaskService/ListTasks").parse()?,
            headers,
            body: Protocol::Grpc.message(&request),
            user: user.clone(),
        })
    }
}

impl Calls for Page {
    type Expected = ();

    fn next(&self, _: &mut Random) -> (Request<Bytes>, ()) {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        (request, ())
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
