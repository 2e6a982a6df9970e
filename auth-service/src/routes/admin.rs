//! `tandem.auth.v1.AdminService`.

use contract::proto::auth::{
    DisableAccountRequest, DisableAccountResponse, EnableAccountRequest, EnableAccountResponse,
    ListAccountApiKeysRequest, ListAccountApiKeysResponse, ListAccountsRequest,
    ListAccountsResponse, ListAuditEventsRequest, ListAuditEventsResponse, ListSigningKeysRequest,
    ListSigningKeysResponse, RevokeAccountApiKeyRequest, RevokeAccountApiKeyResponse,
    RevokeAccountSessionsRequest, RevokeAccountSessionsResponse, RotateSigningKeyRequest,
    RotateSigningKeyResponse, admin_service_server::AdminService,
};
use tonic::{Request, Response, Status};

use crate::{admin::Admin, audit::Audit, signing_keys::KeyAdmin};

/// Serves `tandem.auth.v1.AdminService`.
#[derive(Debug)]
pub(crate) struct AdminRoutes {
    pub(crate) admin: Admin,
    pub(crate) audit: Audit,
    pub(crate) keys: KeyAdmin,
}

#[tonic::async_trait]
impl AdminService for AdminRoutes {
    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        self.admin.list_accounts_rpc(request).await
    }

    async fn disable_account(
        &self,
        request: Request<DisableAccountRequest>,
    ) -> Result<Response<DisableAccountResponse>, Status> {
        self.admin.disable_account_rpc(request).await
    }

    async fn enable_account(
        &self,
        request: Request<EnableAccountRequest>,
    ) -> Result<Response<EnableAccountResponse>, Status> {
        self.admin.enable_account_rpc(request).await
    }

    async fn revoke_account_sessions(
        &self,
        request: Request<RevokeAccountSessionsRequest>,
    ) -> Result<Response<RevokeAccountSessionsResponse>, Status> {
        self.admin.revoke_account_sessions_rpc(request).await
    }

    async fn list_account_api_keys(
        &self,
        request: Request<ListAccountApiKeysRequest>,
    ) -> Result<Response<ListAccountApiKeysResponse>, Status> {
        self.admin.list_account_api_keys_rpc(request).await
    }

    async fn revoke_account_api_key(
        &self,
        request: Request<RevokeAccountApiKeyRequest>,
    ) -> Result<Response<RevokeAccountApiKeyResponse>, Status> {
        self.admin.revoke_account_api_key_rpc(request).await
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        self.audit.list_audit_events_rpc(request).await
    }

    async fn list_signing_keys(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        self.keys.list_signing_keys_rpc(request).await
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        self.keys.rotate_signing_key_rpc(request).await
    }
}
