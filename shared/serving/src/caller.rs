//! Who calls and what is known of the call: the two things a gRPC method takes out of a request beside its message.

use std::net::IpAddr;

use tokio::time::Instant;
use tonic::{Request, Status};

use api::ids::{SessionId, UserId};
use contract::refusal::{Reason, refuse_plainly};
use verifier::{Claims, Scopes};

/// Who calls, from a verified access token; the only source of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user_id: UserId,
    /// The session of the token.
    pub session_id: SessionId,
    /// The account's epoch when the token was issued.
    pub epoch: i64,
    /// What the token allows.
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

/// The caller is a service that presented its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceCaller(());

impl ServiceCaller {
    pub(crate) const fn admitted() -> Self {
        Self(())
    }
}

/// What is known of a call before anyone is authenticated.
#[derive(Debug, Clone)]
pub struct Call {
    /// Finds the call in the logs; echoed as `x-request-id`.
    pub request_id: String,
    /// When the caller stops waiting; never more than the server's maximum after the arrival.
    pub deadline: Instant,
    /// Where it comes from: the client itself, if the proxies before it are trusted.
    pub peer: Option<IpAddr>,
    /// What the client calls itself; at most 256 bytes, empty when it does not say.
    pub user_agent: String,
}

/// The parts of a request whose method needs no credential.
pub fn anonymous<T>(request: Request<T>) -> Result<(Call, T), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match extensions.remove::<Call>() {
        Some(call) => Ok((call, message)),
        None => Err(not_on_the_road()),
    }
}

/// The parts of a request whose method needs an access token.
pub fn authenticated<T>(request: Request<T>) -> Result<(Caller, Call, T), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match (extensions.remove::<Caller>(), extensions.remove::<Call>()) {
        (Some(caller), Some(call)) => Ok((caller, call, message)),
        _ => Err(not_on_the_road()),
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
        _ => Err(not_on_the_road()),
    }
}

/// A request that did not come through [`crate::rpc`]: a bug of this service, never the caller's fault.
fn not_on_the_road() -> Status {
    tracing::error!("a request reached a method without the access policy");
    refuse_plainly(Reason::Internal)
}
