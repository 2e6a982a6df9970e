//! `RefreshTokens`, each with the token of the answer before.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use contract::proto::auth::{RefreshTokensRequest, RefreshTokensResponse};
use http::Request;
use prost::{Message as _, bytes::Bytes};

use super::{AUTH_SERVICE, protocol::Protocol, template::Template};
use crate::{
    deployment::User,
    generator::{Answer, Calls},
    random::Random,
};

/// Sessions that are refreshed in turn. A session is out of the queue while its call is under way.
pub(crate) struct Refreshes {
    template: Template,
    sessions: Mutex<VecDeque<Session>>,
}

struct Session {
    id: String,
    refresh_token: String,
}

impl Refreshes {
    pub(crate) fn new(address: SocketAddr, users: &[User]) -> anyhow::Result<Self> {
        let session = |user: &User| Session {
            id: user.session_id.clone(),
            refresh_token: user.refresh_token.clone(),
        };
        Ok(Self {
            template: Template::grpc(address, AUTH_SERVICE, "RefreshTokens")?,
            sessions: Mutex::new(users.iter().map(session).collect()),
        })
    }

    fn sessions(&self) -> MutexGuard<'_, VecDeque<Session>> {
        // Each change is one step, so a panic elsewhere leaves the queue whole.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls for Refreshes {
    /// The id of the session.
    type Expected = String;

    fn next(&self, _: &mut Random) -> (Request<Bytes>, String) {
        let session = self.sessions().pop_front();
        let session = session.expect("there are more sessions than callers");
        let message = RefreshTokensRequest {
            refresh_token: session.refresh_token,
            ..RefreshTokensRequest::default()
        };
        let body = Protocol::Grpc.message(&message);
        (self.template.post(body), session.id)
    }

    fn check(&self, id: &String, answer: &Answer) -> anyhow::Result<()> {
        let refreshed = RefreshTokensResponse::decode(Protocol::message_of(answer)?)?;
        let tokens = refreshed.tokens.context("no tokens")?;
        anyhow::ensure!(tokens.session_id == *id, "another session");
        anyhow::ensure!(!tokens.access_token.is_empty(), "no access token");
        self.sessions().push_back(Session {
            id: tokens.session_id,
            refresh_token: tokens.refresh_token,
        });
        Ok(())
    }
}
