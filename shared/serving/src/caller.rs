//! The caller and the call: what a gRPC method takes out of a request besides its message.

use std::net::IpAddr;

use api::ids::{SessionId, UserId};
use contract::refusal::{Reason, refuse_with_reason};
use tokio::time::Instant;
use tonic::{Request, Status};
use verifier::{Claims, Scopes};

/// The account that calls, from a verified access token. The owner of data is taken only from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The session of the token.
    pub session_id: SessionId,
    /// The epoch of the account when the token was issued.
    pub epoch: i64,
    /// The scopes of the token.
    pub scopes: Scopes,
}

impl From<&Claims> for Caller {
    fn from(claims: &Claims) -> Self {
        Self {
            user_id: claims.sub,
            session_id: claims.sid,
            epoch: claims.ep,
            scopes: Scopes::parse(&claims.scope),
        }
    }
}

/// A caller that is a service and has shown its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceCaller(());

impl ServiceCaller {
    pub(crate) const fn verified() -> Self {
        Self(())
    }
}

/// A call before authentication.
#[derive(Debug, Clone)]
pub struct Call {
    /// The id of the call in the logs, also returned as `x-request-id`.
    pub request_id: String,
    /// When the client stops waiting: at most the maximum of the server after the arrival.
    pub deadline: Instant,
    /// The address of the client, also behind proxies if they are trusted.
    pub peer: Option<IpAddr>,
    /// The user agent of the client: at most 256 bytes, empty if it sends none.
    pub user_agent: String,
}

/// The parts of a request whose method needs no credential.
pub fn anonymous<T>(request: Request<T>) -> Result<(Call, T), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match extensions.remove::<Call>() {
        Some(call) => Ok((call, message)),
        None => Err(without_call_layer()),
    }
}

/// The parts of a request whose method needs an access token.
pub fn authenticated<T>(request: Request<T>) -> Result<(Caller, Call, T), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match (extensions.remove::<Caller>(), extensions.remove::<Call>()) {
        (Some(caller), Some(call)) => Ok((caller, call, message)),
        _ => Err(without_call_layer()),
    }
}

/// The parts of a request whose method is for services.
pub fn from_service<T>(request: Request<T>) -> Result<(Call, T), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match (
        extensions.remove::<ServiceCaller>(),
        extensions.remove::<Call>(),
    ) {
        (Some(ServiceCaller(())), Some(call)) => Ok((call, message)),
        _ => Err(without_call_layer()),
    }
}

/// A request did not pass through [`crate::rpc`]: a bug of this service, not a mistake of the client.
fn without_call_layer() -> Status {
    tracing::error!("a request reached a method without the access policy");
    refuse_with_reason(Reason::Internal)
}
