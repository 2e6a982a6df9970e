//! RPCs for services.

use std::{sync::Arc, time::Duration};

use clock::SystemClock;
use contract::proto::auth::{
    AcknowledgeKeysRequest, AcknowledgeKeysResponse, IntrospectTokenRequest,
    IntrospectTokenResponse, ListAccountDeletionsRequest, ListAccountDeletionsResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
    verifier_service_server::{VerifierService, VerifierServiceServer},
};
use futures_util::stream::{self, BoxStream};
use serving::{
    access::PolicyError,
    caller::{Call, authenticated, from_service},
    health::Health,
    serve::{Server, ServerLimits, ServiceSet},
    service_secrets::ServiceSecrets,
};
use testing::reason;
use tonic::{Code, Request, Response, Status};
use verifier::{Revocations, Trust, Verifier};

pub(crate) const SECRET: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea";

/// Checks only that the access policy was applied.
pub(crate) struct PolicyOnly;

#[tonic::async_trait]
impl VerifierService for PolicyOnly {
    type WatchRevocationsStream = BoxStream<'static, Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        from_service(request)?;
        Ok(Response::new(Box::pin(stream::empty())))
    }

    async fn acknowledge_keys(
        &self,
        request: Request<AcknowledgeKeysRequest>,
    ) -> Result<Response<AcknowledgeKeysResponse>, Status> {
        from_service(request)?;
        Ok(Response::new(AcknowledgeKeysResponse {}))
    }

    async fn list_account_deletions(
        &self,
        request: Request<ListAccountDeletionsRequest>,
    ) -> Result<Response<ListAccountDeletionsResponse>, Status> {
        from_service(request)?;
        Ok(Response::new(ListAccountDeletionsResponse::default()))
    }

    async fn introspect_token(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        from_service(request)?;
        Ok(Response::new(IntrospectTokenResponse::default()))
    }
}

fn server(secrets: ServiceSecrets) -> Result<Server, PolicyError> {
    let surface = ServiceSet::default()
        .with(VerifierServiceServer::new(PolicyOnly))
        .with_secrets(secrets);
    let health = Health::new(surface.names().iter().copied());
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let limits = ServerLimits {
        max_in_flight: 8,
        principal_share: 100,
        body_timeout: Duration::from_secs(5),
        answer_grace: Duration::from_secs(2),
        max_unsent_bytes: 1 << 30,
        deadline: Duration::from_secs(1),
        pause: Duration::ZERO,
        drain: Duration::from_secs(1),
        connections: testing::limits::of_connections(),
        reflection: false,
        trusted_proxies: Vec::new(),
    };
    let verifier = Verifier::new(trust, Revocations::NotConsulted, 0, Arc::new(SystemClock));
    Server::new(surface, health, verifier, limits)
}

#[test]
fn a_server_without_service_secrets_does_not_start_with_rpcs_for_services() {
    let refused = server(ServiceSecrets::default()).unwrap_err();
    assert!(
        matches!(&refused, PolicyError::NoServiceSecret(path)
            if path.starts_with("/tandem.auth.v1.VerifierService/")),
        "{refused:?}"
    );
    assert!(server(ServiceSecrets::parse(SECRET).unwrap()).is_ok());
}

/// A call that passed through the layer, but not as one of a service.
fn call() -> Call {
    Call {
        request_id: "bypassed".to_owned(),
        deadline: tokio::time::Instant::now() + Duration::from_secs(1),
        peer: None,
        user_agent: String::new(),
    }
}

#[tokio::test]
async fn a_request_that_bypassed_the_access_policy_is_refused_by_methods_for_services() {
    let mut public = Request::new(AcknowledgeKeysRequest::default());
    public.extensions_mut().insert(call());
    for request in [Request::new(AcknowledgeKeysRequest::default()), public] {
        let refused = PolicyOnly.acknowledge_keys(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal);
        assert_eq!(reason(&refused), "INTERNAL");
    }
}

#[test]
fn a_request_that_bypassed_the_access_policy_is_refused_by_methods_for_users() {
    let mut public = Request::new(());
    public.extensions_mut().insert(call());
    let refused = authenticated(public).unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    assert_eq!(reason(&refused), "INTERNAL");
}
