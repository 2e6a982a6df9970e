//! `tandem.auth.v1.VerifierService`.

use contract::proto::auth::{
    AcknowledgeKeysRequest, AcknowledgeKeysResponse, IntrospectTokenRequest,
    IntrospectTokenResponse, ListAccountDeletionsRequest, ListAccountDeletionsResponse,
    WatchRevocationsRequest, verifier_service_server::VerifierService,
};
use tonic::{Request, Response, Status};

use crate::{
    accounts::deletions::Deletions, revocations::Feed, revocations::grpc::FeedStream,
    revocations::introspection::Introspection,
};

/// Serves `tandem.auth.v1.VerifierService`.
#[derive(Debug)]
pub(crate) struct VerifierRoutes {
    pub(crate) feed: Feed,
    pub(crate) introspection: Introspection,
    pub(crate) deletions: Deletions,
}

#[tonic::async_trait]
impl VerifierService for VerifierRoutes {
    type WatchRevocationsStream = FeedStream;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<FeedStream>, Status> {
        self.feed.watch_revocations_rpc(request)
    }

    async fn acknowledge_keys(
        &self,
        request: Request<AcknowledgeKeysRequest>,
    ) -> Result<Response<AcknowledgeKeysResponse>, Status> {
        self.feed.acknowledge_keys_rpc(request)
    }

    async fn list_account_deletions(
        &self,
        request: Request<ListAccountDeletionsRequest>,
    ) -> Result<Response<ListAccountDeletionsResponse>, Status> {
        self.deletions.list_account_deletions_rpc(request).await
    }

    async fn introspect_token(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        self.introspection.introspect_token_rpc(request).await
    }
}
