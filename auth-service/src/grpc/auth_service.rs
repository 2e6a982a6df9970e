//! `tandem.auth.v1.AuthService`.

use std::time::Duration;

use shared::{
    caller::anonymous,
    proto::auth::{
        ExchangeApiKeyRequest, ExchangeApiKeyResponse, GetJsonWebKeySetRequest,
        GetJsonWebKeySetResponse, RefreshTokensRequest, RefreshTokensResponse, SignInRequest,
        SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
        auth_service_server::AuthService,
    },
};
use tonic::{Request, Response, Status};

use super::{api_key, messages, requests};
use crate::{
    accounts::Accounts, api_keys::ApiKeys, device::Devices, sessions::Sessions,
    signing_keys::SigningKeys,
};

/// How long the published keys may be kept: as long as an access token lives by default.
const KEYS_MAX_AGE: Duration = Duration::from_mins(5);

/// Serves `AuthService`.
#[derive(Debug)]
pub(crate) struct AuthRpcs {
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) devices: Devices,
    pub(crate) api_keys: ApiKeys,
    pub(crate) signing_keys: SigningKeys,
}

#[tonic::async_trait]
impl AuthService for AuthRpcs {
    async fn sign_up(
        &self,
        request: Request<SignUpRequest>,
    ) -> Result<Response<SignUpResponse>, Status> {
        let (call, message) = anonymous(request)?;
        let wish = requests::sign_up(message)?;
        let signed_up = self.accounts.sign_up(&call, wish).await;
        let (account, pair) = self.sessions.meter.sign_up(signed_up)?;
        Ok(Response::new(SignUpResponse {
            account: Some(messages::account(&account)),
            tokens: Some(messages::token_pair(pair)),
        }))
    }

    async fn sign_in(
        &self,
        request: Request<SignInRequest>,
    ) -> Result<Response<SignInResponse>, Status> {
        let device = self.devices.shown(request.metadata());
        let (call, message) = anonymous(request)?;
        let wish = requests::sign_in(message, device)?;
        let signed_in = self.accounts.sign_in(&call, wish).await;
        let (account, pair) = self.sessions.meter.sign_in(signed_in)?;
        Ok(Response::new(SignInResponse {
            account: Some(messages::account(&account)),
            tokens: Some(messages::token_pair(pair)),
        }))
    }

    async fn refresh_tokens(
        &self,
        request: Request<RefreshTokensRequest>,
    ) -> Result<Response<RefreshTokensResponse>, Status> {
        let (call, message) = anonymous(request)?;
        let (token, tag) = requests::refresh_tokens(message)?;
        let pair = self.sessions.refresh(&call, &token, tag).await?;
        Ok(Response::new(RefreshTokensResponse {
            tokens: Some(messages::token_pair(pair)),
        }))
    }

    async fn sign_out(
        &self,
        request: Request<SignOutRequest>,
    ) -> Result<Response<SignOutResponse>, Status> {
        let (call, SignOutRequest { refresh_token }) = anonymous(request)?;
        self.sessions.sign_out(&call, &refresh_token).await?;
        Ok(Response::new(SignOutResponse {}))
    }

    async fn exchange_api_key(
        &self,
        request: Request<ExchangeApiKeyRequest>,
    ) -> Result<Response<ExchangeApiKeyResponse>, Status> {
        let (call, ExchangeApiKeyRequest { api_key }) = anonymous(request)?;
        let exchanged = self.api_keys.exchange(&call, &api_key).await?;
        Ok(Response::new(api_key::exchanged(exchanged)))
    }

    async fn get_json_web_key_set(
        &self,
        request: Request<GetJsonWebKeySetRequest>,
    ) -> Result<Response<GetJsonWebKeySetResponse>, Status> {
        let (_call, GetJsonWebKeySetRequest {}) = anonymous(request)?;
        let published = self.signing_keys.published()?;
        let max_age = prost_types::Duration::try_from(KEYS_MAX_AGE).expect("five minutes fit");
        Ok(Response::new(GetJsonWebKeySetResponse {
            keys: published.iter().map(messages::json_web_key).collect(),
            max_age: Some(max_age),
        }))
    }
}
