//! `tandem.auth.v1.AdminService`.

use shared::{
    caller::authenticated,
    proto::auth::{
        DisableAccountRequest, DisableAccountResponse, EnableAccountRequest, EnableAccountResponse,
        ListAccountsRequest, ListAccountsResponse, ListAuditEventsRequest, ListAuditEventsResponse,
        ListSigningKeysRequest, ListSigningKeysResponse, RevokeAccountSessionsRequest,
        RevokeAccountSessionsResponse, RotateSigningKeyRequest, RotateSigningKeyResponse,
        admin_service_server::AdminService,
    },
};
use tonic::{Request, Response, Status};

use super::{admin, messages};
use crate::administration::Administration;

/// Serves `AdminService`.
#[derive(Debug)]
pub(crate) struct AdminRpcs {
    pub(crate) administration: Administration,
}

#[tonic::async_trait]
impl AdminService for AdminRpcs {
    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let desk = &self.administration;
        let (slice, email) = admin::list_accounts(&message, caller, desk.tokens(), desk.now())?;
        let page = desk.list_accounts(caller, &call, slice, email).await?;
        Ok(Response::new(admin::accounts(&page)))
    }

    async fn disable_account(
        &self,
        request: Request<DisableAccountRequest>,
    ) -> Result<Response<DisableAccountResponse>, Status> {
        let (caller, call, DisableAccountRequest { account_id }) = authenticated(request)?;
        let id = admin::account_id(&account_id)?;
        let account = self.administration.disable(caller, &call, id).await?;
        Ok(Response::new(DisableAccountResponse {
            account: Some(messages::account(&account)),
        }))
    }

    async fn enable_account(
        &self,
        request: Request<EnableAccountRequest>,
    ) -> Result<Response<EnableAccountResponse>, Status> {
        let (caller, call, EnableAccountRequest { account_id }) = authenticated(request)?;
        let id = admin::account_id(&account_id)?;
        let account = self.administration.enable(caller, &call, id).await?;
        Ok(Response::new(EnableAccountResponse {
            account: Some(messages::account(&account)),
        }))
    }

    async fn revoke_account_sessions(
        &self,
        request: Request<RevokeAccountSessionsRequest>,
    ) -> Result<Response<RevokeAccountSessionsResponse>, Status> {
        let (caller, call, RevokeAccountSessionsRequest { account_id }) = authenticated(request)?;
        let id = admin::account_id(&account_id)?;
        let revoked_count = self.administration.end_sessions(caller, &call, id).await?;
        let answer = RevokeAccountSessionsResponse { revoked_count };
        Ok(Response::new(answer))
    }

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let desk = &self.administration;
        let (slice, id) = admin::list_audit_events(&message, caller, desk.tokens(), desk.now())?;
        let page = desk.list_events(caller, &call, slice, id).await?;
        Ok(Response::new(admin::audit_events(page)))
    }

    async fn list_signing_keys(
        &self,
        request: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        let (caller, call, ListSigningKeysRequest {}) = authenticated(request)?;
        let keys = self.administration.list_signing_keys(caller, &call).await?;
        Ok(Response::new(ListSigningKeysResponse {
            keys: keys.iter().map(admin::signing_key).collect(),
        }))
    }

    async fn rotate_signing_key(
        &self,
        request: Request<RotateSigningKeyRequest>,
    ) -> Result<Response<RotateSigningKeyResponse>, Status> {
        let (caller, call, RotateSigningKeyRequest {}) = authenticated(request)?;
        let key = self
            .administration
            .rotate_signing_key(caller, &call)
            .await?;
        Ok(Response::new(RotateSigningKeyResponse {
            key: Some(admin::signing_key(&key)),
        }))
    }
}
