//! Whether a call may reach its method: transport headers and the access policy.

use contract::refusal::{Reason, refuse_with_reason};
use http::{Request, header::AUTHORIZATION};
use tonic::{Status, body::Body};
use verifier::{Purpose, bearer};

use super::{call_headers::OpenedCall, context::CallContext};
use crate::{
    access::{Access, Rpc},
    caller::{Call, Caller, ServiceCaller},
    shares::Principal,
};

/// A call that may reach its method.
pub(super) struct Admitted {
    pub(super) call: Call,
    /// Whose share it uses.
    pub(super) principal: Principal,
    /// The request, with the call and its verified caller in its extensions.
    pub(super) request: Request<Body>,
}

impl CallContext {
    /// Admits a call, or returns its refusal. `seen` receives the caller as soon as it is verified, so that the log names the
    /// caller also when the call is refused after that.
    pub(super) fn admit(
        &self,
        rpc: Option<Rpc>,
        opened: OpenedCall,
        mut request: Request<Body>,
        seen: &mut Option<Caller>,
    ) -> Result<Admitted, Status> {
        let OpenedCall { call, problem } = opened;
        if let Some(problem) = problem {
            return Err(problem);
        }
        let mut principal = Principal::of_address(call.peer);
        match rpc.map(|rpc| (rpc.access, rpc.purpose)) {
            Some((Access::Token(scope), purpose)) => {
                let caller = self.caller(&request, purpose)?;
                *seen = Some(caller);
                principal = Principal::User(caller.user_id);
                if !caller.scopes.contains(scope) {
                    return Err(refuse_with_reason(Reason::ScopeMissing));
                }
                request.extensions_mut().insert(caller);
            }
            Some((Access::Service, _)) => {
                let service = self.service(&request)?;
                request.extensions_mut().insert(service);
                principal = Principal::Service;
            }
            Some((Access::Public, _)) | None => {}
        }
        request.extensions_mut().insert(call.clone());
        Ok(Admitted {
            call,
            principal,
            request,
        })
    }

    /// Checks that the request holds the secret of a service.
    fn service(&self, request: &Request<Body>) -> Result<ServiceCaller, Status> {
        if self.secrets.accepts(credential(request)?) {
            return Ok(ServiceCaller::verified());
        }
        Err(refuse_with_reason(Reason::TokenInvalid))
    }

    /// The account of the access token in the request.
    fn caller(&self, request: &Request<Body>, purpose: Purpose) -> Result<Caller, Status> {
        let token = credential(request).inspect_err(|_refused| {
            let header = request.headers().get(AUTHORIZATION);
            self.metrics.token_unreadable(header.is_none());
        })?;
        let verified = self.verifier.verify(token, purpose);
        self.metrics.token_checked(&verified);
        let claims = verified.map_err(|error| refuse_with_reason(error.into()))?;
        Ok(Caller::from(&*claims))
    }
}

/// The bearer token of the request (RFC 6750).
fn credential(request: &Request<Body>) -> Result<&str, Status> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Err(refuse_with_reason(Reason::TokenMissing)),
        (Some(header), None) => header,
        (Some(_), Some(_)) => return Err(refuse_with_reason(Reason::TokenInvalid)),
    };
    header
        .to_str()
        .ok()
        .and_then(bearer)
        .ok_or_else(|| refuse_with_reason(Reason::TokenInvalid))
}
