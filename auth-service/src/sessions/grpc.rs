//! The RPCs of sessions: messages in, messages out. Every violation of a request is reported at once.

use api::{ids::SessionId, time::timestamp};
use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    proto::auth::{
        self, ListSessionsRequest, ListSessionsResponse, RefreshTokensRequest,
        RefreshTokensResponse, RevokeOtherSessionsRequest, RevokeOtherSessionsResponse,
        RevokeSessionRequest, RevokeSessionResponse, SignInResponse, SignOutRequest,
        SignOutResponse,
    },
    refusal::Violations,
};
use serving::caller::{anonymous, authenticated};
use tonic::{Request, Response, Status};

use super::{
    Sessions,
    device::{ShownToken, shown_token},
    domain::{AttemptTag, NewDevice},
    sign_in::{SignIn, SignInRequest},
    store::OpenSession,
    tokens::TokenPair,
};
use crate::{accounts::email::Email, error::Error, passwords::domain::required};

/// The type of access tokens (RFC 6750).
const TOKEN_TYPE: &str = "Bearer";

impl SignIn {
    pub(crate) async fn sign_in_rpc(
        &self,
        request: Request<auth::SignInRequest>,
    ) -> Result<Response<SignInResponse>, Status> {
        let device = shown_token(request.metadata(), &self.sessions.tokens, &self.verifier);
        let (call, message) = anonymous(request)?;
        let sign_in = parse_sign_in(message, device)?;
        let (account, pair) = self.sign_in(&call, sign_in).await?;
        Ok(Response::new(SignInResponse {
            account: Some((&account).into()),
            tokens: Some(pair.into()),
        }))
    }
}

impl Sessions {
    pub(crate) async fn refresh_tokens_rpc(
        &self,
        request: Request<RefreshTokensRequest>,
    ) -> Result<Response<RefreshTokensResponse>, Status> {
        let (call, message) = anonymous(request)?;
        let (token, tag) = parse_refresh(message)?;
        let pair = self.refresh(&call, &token, tag).await?;
        Ok(Response::new(RefreshTokensResponse {
            tokens: Some(pair.into()),
        }))
    }

    pub(crate) async fn sign_out_rpc(
        &self,
        request: Request<SignOutRequest>,
    ) -> Result<Response<SignOutResponse>, Status> {
        let (call, SignOutRequest { refresh_token }) = anonymous(request)?;
        self.sign_out(&call, &refresh_token).await?;
        Ok(Response::new(SignOutResponse {}))
    }

    pub(crate) async fn list_sessions_rpc(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (caller, call, ListSessionsRequest {}) = authenticated(request)?;
        let listed = self.list(caller, &call).await?;
        let message = |session| session_message(session, caller.session_id);
        Ok(Response::new(ListSessionsResponse {
            sessions: listed.into_iter().map(message).collect(),
        }))
    }

    pub(crate) async fn revoke_session_rpc(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        let (caller, call, RevokeSessionRequest { session_id }) = authenticated(request)?;
        let id = SessionId::parse(&session_id);
        let id = id.map_err(|problem| Error::field("session_id", problem))?;
        self.revoke(caller, &call, id).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }

    pub(crate) async fn revoke_other_sessions_rpc(
        &self,
        request: Request<RevokeOtherSessionsRequest>,
    ) -> Result<Response<RevokeOtherSessionsResponse>, Status> {
        let (caller, call, RevokeOtherSessionsRequest {}) = authenticated(request)?;
        let revoked_count = self.revoke_others(caller, &call).await?;
        Ok(Response::new(RevokeOtherSessionsResponse { revoked_count }))
    }
}

/// `device` is the token that the device showed.
fn parse_sign_in(
    message: auth::SignInRequest,
    device: Option<ShownToken>,
) -> Result<SignInRequest, Error> {
    let auth::SignInRequest {
        email,
        password,
        device_label,
        attempt_tag,
    } = message;
    let mut violations = Violations::default();
    let email = violations.take("email", Email::parse_existing(&email));
    let password = violations.take("password", required(password));
    let client = NewDevice::parse(&device_label, &attempt_tag, &mut violations);
    let build = || {
        Some(SignInRequest {
            email: email?,
            password: password?,
            client: client?,
            device,
        })
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

/// A missing refresh token is as invalid as any other, so it is no field violation.
fn parse_refresh(message: RefreshTokensRequest) -> Result<(String, Option<AttemptTag>), Error> {
    let RefreshTokensRequest {
        refresh_token,
        attempt_tag,
    } = message;
    let tag = AttemptTag::parse(&attempt_tag);
    let tag = tag.map_err(|problem| Error::field("attempt_tag", problem))?;
    Ok((refresh_token, tag))
}

impl From<TokenPair> for auth::TokenPair {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            access_token_expire_time: Some(timestamp(pair.access_token_expire_time)),
            refresh_token: pair.refresh_token,
            refresh_token_expire_time: Some(timestamp(pair.idle_deadline)),
            session_expire_time: Some(timestamp(pair.absolute_deadline)),
            session_id: pair.session_id.to_string(),
            token_type: TOKEN_TYPE.to_owned(),
            access_token_expires_in: Some(time_left(pair.access_token_expire_time, pair.now)),
            refresh_token_expires_in: Some(time_left(pair.idle_deadline, pair.now)),
        }
    }
}

/// From the answer to a deadline; a deadline that has passed leaves nothing.
fn time_left(deadline: DateTime<Utc>, now: DateTime<Utc>) -> prost_types::Duration {
    let left = (deadline - now).max(TimeDelta::zero());
    prost_types::Duration {
        seconds: left.num_seconds(),
        nanos: left.subsec_nanos(),
    }
}

/// `current` is the session of the caller.
fn session_message(session: OpenSession, current: SessionId) -> auth::Session {
    auth::Session {
        id: session.id.to_string(),
        device_label: session.device_label,
        user_agent: session.user_agent,
        ip: session.ip.unwrap_or_default(),
        create_time: Some(timestamp(session.create_time)),
        last_refresh_time: Some(timestamp(session.rotate_time)),
        expire_time: Some(timestamp(session.idle_deadline)),
        current: session.id == current,
    }
}
