//! Who sends a request.

use axum::extract::FromRequestParts;
use contract::reason::Reason;
use http::{header, request::Parts};
use serde_json::Value;
use tonic::{Code, Status};

use super::problem::Problem;
use crate::{
    calls::{self, Exchange},
    state::GatewayState,
};

/// The client of a request, and what it can call.
pub(super) struct Client {
    state: GatewayState,
    exchange: Exchange,
    parts: Parts,
}

impl Client {
    /// Calls an RPC for it. `sent`: the fields of its body, for the text of a refusal.
    pub(super) async fn call<Req, Res>(
        &self,
        path: &'static str,
        request: &Req,
        sent: &Value,
    ) -> Result<Res, Problem>
    where
        Req: prost::Message,
        Res: prost::Message + Default,
    {
        let answer = calls::unary(&self.state, &self.exchange, path, &self.parts, request).await;
        answer.map_err(|status| Problem::of_status(&status, sent))
    }

    pub(super) fn uri(&self) -> &http::Uri {
        &self.parts.uri
    }
}

impl FromRequestParts<GatewayState> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &GatewayState) -> Result<Self, Problem> {
        Ok(Self {
            state: state.clone(),
            exchange: exchange(parts).clone(),
            parts: parts.clone(),
        })
    }
}

/// A client that sends a bearer token. Only the service can say whether it is a good one.
pub(super) struct User(pub(super) Client);

impl User {
    /// What was read of a request for the RPC at `path`. If it could not be read, the token is judged first, so that nobody learns
    /// anything about a request without a good token: the service judges it before an empty message, which is never valid.
    pub(super) async fn judged<T>(
        &self,
        path: &'static str,
        read: Result<T, Problem>,
    ) -> Result<T, Problem> {
        let problem = match read {
            Ok(read) => return Ok(read),
            Err(problem) => problem,
        };
        let Client {
            state,
            exchange,
            parts,
        } = &self.0;
        let judged = calls::unary(state, exchange, path, parts, &()).await;
        let judged: Result<(), Status> = judged;
        match judged {
            Err(status) if status.code() != Code::InvalidArgument => {
                Err(Problem::of_status(&status, &Value::Null))
            }
            _the_token_is_good => Err(problem),
        }
    }
}

impl FromRequestParts<GatewayState> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &GatewayState) -> Result<Self, Problem> {
        let given = parts.headers.get(header::AUTHORIZATION);
        let given = given.and_then(|value| value.to_str().ok());
        let bearer = given.and_then(|value| value.split_once(' '));
        if bearer.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()
        }) {
            Client::from_request_parts(parts, state).await.map(Self)
        } else {
            Err(Problem::because(Reason::TokenMissing))
        }
    }
}

/// What the calls for this request share.
pub(super) fn exchange(parts: &Parts) -> &Exchange {
    let exchange = parts.extensions.get();
    exchange.expect("every route of the API is bounded")
}
