//! `tandem.auth.v1.VerifierService`.

use futures_util::{StreamExt as _, stream::BoxStream};
use shared::{
    caller::from_service,
    proto::auth::{
        AcknowledgeKeysRequest, AcknowledgeKeysResponse, IntrospectTokenRequest,
        IntrospectTokenResponse, WatchRevocationsRequest, WatchRevocationsResponse,
        verifier_service_server::VerifierService,
    },
    refusal::refuse_request,
};
use tonic::{Request, Response, Status};

use super::verifier;
use crate::{feed::Feed, introspection::Introspection};

/// Serves `VerifierService`.
#[derive(Debug)]
pub(crate) struct VerifierRpcs {
    pub(crate) feed: Feed,
    pub(crate) introspection: Introspection,
}

#[tonic::async_trait]
impl VerifierService for VerifierRpcs {
    type WatchRevocationsStream = BoxStream<'static, Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        let (call, message) = from_service(request)?;
        let (id, since) = verifier::watch_revocations(message)?;
        let messages = self.feed.subscribe(id, &since).messages().map(move |next| {
            next.map(verifier::message)
                .map_err(|end| refuse_request(end.reason(), &call.request_id))
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn acknowledge_keys(
        &self,
        request: Request<AcknowledgeKeysRequest>,
    ) -> Result<Response<AcknowledgeKeysResponse>, Status> {
        let (_call, message) = from_service(request)?;
        let (id, kids) = verifier::acknowledge_keys(message)?;
        self.feed.subscribers().acknowledge(&id, kids);
        Ok(Response::new(AcknowledgeKeysResponse {}))
    }

    async fn introspect_token(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        let (call, IntrospectTokenRequest { token }) = from_service(request)?;
        let claims = self.introspection.introspect(&call, &token).await?;
        Ok(Response::new(verifier::introspected(claims)))
    }
}
