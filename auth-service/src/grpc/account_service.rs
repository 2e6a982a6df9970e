//! `tandem.auth.v1.AccountService`.

use shared::{
    caller::authenticated,
    proto::auth::{
        ChangePasswordRequest, ChangePasswordResponse, CreateApiKeyRequest, CreateApiKeyResponse,
        DeleteAccountRequest, DeleteAccountResponse, GetAccountRequest, GetAccountResponse,
        ListApiKeysRequest, ListApiKeysResponse, ListSessionsRequest, ListSessionsResponse,
        RevokeApiKeyRequest, RevokeApiKeyResponse, RevokeOtherSessionsRequest,
        RevokeOtherSessionsResponse, RevokeSessionRequest, RevokeSessionResponse,
        UpdateAccountRequest, UpdateAccountResponse, account_service_server::AccountService,
    },
};
use tonic::{Request, Response, Status};

use super::{api_key, messages, requests};
use crate::{accounts::Accounts, api_keys::ApiKeys, sessions::Sessions};

/// Serves `AccountService`.
#[derive(Debug)]
pub(crate) struct AccountRpcs {
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) api_keys: ApiKeys,
}

#[tonic::async_trait]
impl AccountService for AccountRpcs {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let (caller, call, GetAccountRequest {}) = authenticated(request)?;
        let account = self.accounts.get(caller, &call).await?;
        Ok(Response::new(GetAccountResponse {
            account: Some(messages::account(&account)),
        }))
    }

    async fn update_account(
        &self,
        request: Request<UpdateAccountRequest>,
    ) -> Result<Response<UpdateAccountResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let change = requests::update_account(message)?;
        let account = self.accounts.update(caller, &call, change).await?;
        Ok(Response::new(UpdateAccountResponse {
            account: Some(messages::account(&account)),
        }))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let wish = requests::change_password(message)?;
        let pair = self.accounts.change_password(caller, &call, wish).await?;
        Ok(Response::new(ChangePasswordResponse {
            tokens: Some(messages::token_pair(pair)),
        }))
    }

    async fn delete_account(
        &self,
        request: Request<DeleteAccountRequest>,
    ) -> Result<Response<DeleteAccountResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let current = requests::delete_account(message)?;
        self.accounts.delete(caller, &call, current).await?;
        Ok(Response::new(DeleteAccountResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let (caller, call, ListSessionsRequest {}) = authenticated(request)?;
        let listed = self.sessions.list(caller, &call).await?;
        let message = |session| messages::session(session, caller.session_id);
        Ok(Response::new(ListSessionsResponse {
            sessions: listed.into_iter().map(message).collect(),
        }))
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Result<Response<RevokeSessionResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let id = requests::revoke_session(&message)?;
        self.sessions.revoke(caller, &call, id).await?;
        Ok(Response::new(RevokeSessionResponse {}))
    }

    async fn revoke_other_sessions(
        &self,
        request: Request<RevokeOtherSessionsRequest>,
    ) -> Result<Response<RevokeOtherSessionsResponse>, Status> {
        let (caller, call, RevokeOtherSessionsRequest {}) = authenticated(request)?;
        let revoked_count = self.sessions.revoke_others(caller, &call).await?;
        Ok(Response::new(RevokeOtherSessionsResponse { revoked_count }))
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let wish = api_key::create(&message, self.api_keys.now())?;
        let created = self.api_keys.create(caller, &call, wish).await?;
        Ok(Response::new(api_key::created(created)))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let (caller, call, ListApiKeysRequest {}) = authenticated(request)?;
        let listed = self.api_keys.list(caller, &call).await?;
        Ok(Response::new(ListApiKeysResponse {
            api_keys: listed.iter().map(api_key::shown).collect(),
        }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let id = api_key::revoke(&message)?;
        self.api_keys.revoke(caller, &call, id).await?;
        Ok(Response::new(RevokeApiKeyResponse {}))
    }
}
