//! `tandem.auth.v1.AuthService`.

use std::sync::Arc;

use contract::proto::auth::{
    ExchangeApiKeyRequest, ExchangeApiKeyResponse, GetJsonWebKeySetRequest,
    GetJsonWebKeySetResponse, RefreshTokensRequest, RefreshTokensResponse, SignInRequest,
    SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
    auth_service_server::AuthService,
};
use tonic::{Request, Response, Status};

use crate::{
    accounts::Accounts, api_keys::ApiKeys, sessions::Sessions, sessions::sign_in::SignIn,
    signing_keys::issuer::TokenIssuer,
};

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
