//! `tandem.auth.v1.AccountService`.

use std::sync::Arc;

use contract::proto::auth::{
    ChangePasswordRequest, ChangePasswordResponse, CreateApiKeyRequest, CreateApiKeyResponse,
    DeleteAccountRequest, DeleteAccountResponse, GetAccountRequest, GetAccountResponse,
    ListApiKeysRequest, ListApiKeysResponse, ListSessionsRequest, ListSessionsResponse,
    RevokeApiKeyRequest, RevokeApiKeyResponse, RevokeOtherSessionsRequest,
    RevokeOtherSessionsResponse, RevokeSessionRequest, RevokeSessionResponse, UpdateAccountRequest,
    UpdateAccountResponse, account_service_server::AccountService,
};
use tonic::{Request, Response, Status};

use crate::{accounts::Accounts, api_keys::ApiKeys, passwords::Passwords, sessions::Sessions};

/// Serves `tandem.auth.v1.AccountService`.
#[derive(Debug)]
pub(crate) struct AccountRoutes {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) passwords: Passwords,
    pub(crate) sessions: Sessions,
    pub(crate) api_keys: ApiKeys,
}

#[tonic::async_trait]
impl AccountService for AccountRoutes {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        self.accounts.get_account_rpc(request).await
    }

    async fn update_account(
        &self,
        request: Request<UpdateAccountRequest>,
    ) -> Result<Response<UpdateAccountResponse>, Status> {
        self.accounts.update_account_rpc(request).await
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        self.passwords.change_password_rpc(request).await
    }

    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        self.accounts.delete_account_rpc(request).await
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        self.sessions.list_sessions_rpc(request).await
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        self.sessions.revoke_session_rpc(request).await
    }

    async fn revoke_other_sessions(
        &self,
        request: Request<RevokeOtherSessionsRequest>,
    ) -> Result<Response<RevokeOtherSessionsResponse>, Status> {
        self.sessions.revoke_other_sessions_rpc(request).await
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        self.api_keys.create_api_key_rpc(request).await
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        self.api_keys.list_api_keys_rpc(request).await
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        self.api_keys.revoke_api_key_rpc(request).await
    }
}
