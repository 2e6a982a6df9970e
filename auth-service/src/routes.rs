//! The generated services of the contract. Each method only passes its request to the subject that handles the RPC: see the
//! `grpc.rs` of that subject.

use std::sync::Arc;

use contract::proto::auth::{
    AcknowledgeKeysRequest, AcknowledgeKeysResponse, ChangePasswordRequest, ChangePasswordResponse,
    CreateApiKeyRequest, CreateApiKeyResponse, DeleteAccountRequest, DeleteAccountResponse,
    DisableAccountRequest, DisableAccountResponse, EnableAccountRequest, EnableAccountResponse,
    ExchangeApiKeyRequest, ExchangeApiKeyResponse, GetAccountRequest, GetAccountResponse,
    GetJsonWebKeySetRequest, GetJsonWebKeySetResponse, IntrospectTokenRequest,
    IntrospectTokenResponse, ListAccountApiKeysRequest, ListAccountApiKeysResponse,
    ListAccountDeletionsRequest, ListAccountDeletionsResponse, ListAccountsRequest,
    ListAccountsResponse, ListApiKeysRequest, ListApiKeysResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, ListSessionsRequest, ListSessionsResponse, ListSigningKeysRequest,
    ListSigningKeysResponse, RefreshTokensRequest, RefreshTokensResponse,
    RevokeAccountApiKeyRequest, RevokeAccountApiKeyResponse, RevokeAccountSessionsRequest,
    RevokeAccountSessionsResponse, RevokeApiKeyRequest, RevokeApiKeyResponse,
    RevokeOtherSessionsRequest, RevokeOtherSessionsResponse, RevokeSessionRequest,
    RevokeSessionResponse, RotateSigningKeyRequest, RotateSigningKeyResponse, SignInRequest,
    SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
    UpdateAccountRequest, UpdateAccountResponse, WatchRevocationsRequest,
    account_service_server::{AccountService, AccountServiceServer},
    admin_service_server::{AdminService, AdminServiceServer},
    auth_service_server::{AuthService, AuthServiceServer},
    verifier_service_server::{VerifierService, VerifierServiceServer},
};
use serving::serve::ServiceSet;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

use crate::{
    accounts::{Accounts, deletions::Deletions},
    admin::Admin,
    api_keys::ApiKeys,
    audit::Audit,
    passwords::Passwords,
    revocations::{Feed, grpc::FeedStream, introspection::Introspection},
    sessions::{Sessions, sign_in::SignIn},
    signing_keys::{KeyAdmin, issuer::TokenIssuer},
};

/// Most bytes of a request.
const MAX_REQUEST_BYTES: usize = serving::serve::MAX_MESSAGE_BYTES;

/// A service that reads requests up to that size, also those compressed with gzip.
macro_rules! reading {
    ($service:expr) => {
        $service
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
    };
}

/// All services of the contract.
pub(crate) fn surface(
    auth: AuthRoutes,
    account: AccountRoutes,
    verifier: VerifierRoutes,
    admin: AdminRoutes,
) -> ServiceSet {
    ServiceSet::default()
        .with(reading!(AuthServiceServer::new(auth)))
        .with(reading!(AccountServiceServer::new(account)))
        .with(reading!(VerifierServiceServer::new(verifier)))
        .with(reading!(AdminServiceServer::new(admin)))
}

/// Serves `tandem.auth.v1.AuthService`.
#[derive(Debug)]
pub(crate) struct AuthRoutes {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) sign_in: SignIn,
    pub(crate) sessions: Sessions,
    pub(crate) api_keys: ApiKeys,
    pub(crate) issuer: Arc<TokenIssuer>,
}

#[tonic::async_trait]
impl AuthService for AuthRoutes {
    async fn sign_up(
        &self,
        request: Request<SignUpRequest>,
    ) -> Result<Response<SignUpResponse>, Status> {
        self.accounts.sign_up_rpc(request).await
    }

    async fn sign_in(
        &self,
        request: Request<SignInRequest>,
    ) -> Result<Response<SignInResponse>, Status> {
        self.sign_in.sign_in_rpc(request).await
    }

    async fn refresh_tokens(
        &self,
        request: Request<RefreshTokensRequest>,
    ) -> Result<Response<RefreshTokensResponse>, Status> {
        self.sessions.refresh_tokens_rpc(request).await
    }

    async fn sign_out(
        &self,
        request: Request<SignOutRequest>,
    ) -> Result<Response<SignOutResponse>, Status> {
        self.sessions.sign_out_rpc(request).await
    }

    async fn exchange_api_key(
        &self,
        request: Request<ExchangeApiKeyRequest>,
    ) -> Result<Response<ExchangeApiKeyResponse>, Status> {
        self.api_keys.exchange_api_key_rpc(request).await
    }

    async fn get_json_web_key_set(
        &self,
        request: Request<GetJsonWebKeySetRequest>,
    ) -> Result<Response<GetJsonWebKeySetResponse>, Status> {
        self.issuer.get_json_web_key_set_rpc(request)
    }
}

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
