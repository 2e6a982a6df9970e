//! `/api/auth/…` and `/protected`.

use axum::Json;
use contract::proto::auth::{
    Account, GetAccountRequest, GetAccountResponse, RefreshTokensRequest, RefreshTokensResponse,
    SignInRequest, SignInResponse, SignOutRequest, SignOutResponse, SignUpRequest, SignUpResponse,
    TokenPair,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    body::Object,
    client::{Client, User},
    credentials::{self, RefreshToken, SignIn, SignUp},
    problem::Problem,
    responses::{Common, Protected},
    time,
};

const SIGN_UP: &str = "/tandem.auth.v1.AuthService/SignUp";
const SIGN_IN: &str = "/tandem.auth.v1.AuthService/SignIn";
const REFRESH: &str = "/tandem.auth.v1.AuthService/RefreshTokens";
const SIGN_OUT: &str = "/tandem.auth.v1.AuthService/SignOut";
const GET_ACCOUNT: &str = "/tandem.auth.v1.AccountService/GetAccount";

/// An access token and a refresh token of one session (the names of RFC 6749).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// For how many seconds the access token is good.
    expires_in: i64,
    /// For one refresh.
    refresh_token: String,
    /// For how many seconds the refresh token is good.
    refresh_expires_in: i64,
    #[schema(format = "uuid")]
    session_id: String,
}

/// An account, and the tokens of its new session.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session {
    #[schema(format = "uuid")]
    user_id: String,
    email: String,
    display_name: String,
    #[serde(flatten)]
    tokens: Tokens,
}

/// Whose token this is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Whose {
    #[schema(format = "uuid")]
    user_id: String,
}

/// Creates an account, and its first session.
#[utoipa::path(
    post, path = "/api/auth/sign-up", operation_id = "sign_up", tag = "auth", request_body = SignUp,
    responses((status = 201, description = "The account and its tokens.", body = Session), Common)
)]
pub(super) async fn sign_up(
    client: Client,
    Object(fields): Object,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let (request, sent): (SignUpRequest, _) = credentials::sign_up(fields)?;
    let answer: SignUpResponse = client.call(SIGN_UP, &request, &sent).await?;
    let session = Session::of(answer.account, answer.tokens);
    Ok((StatusCode::CREATED, Json(session)))
}

/// Starts a session.
#[utoipa::path(
    post, path = "/api/auth/sign-in", operation_id = "sign_in", tag = "auth", request_body = SignIn,
    responses((status = 200, description = "The account and its tokens.", body = Session), Common)
)]
pub(super) async fn sign_in(
    client: Client,
    Object(fields): Object,
) -> Result<Json<Session>, Problem> {
    let (request, sent): (SignInRequest, _) = credentials::sign_in(fields)?;
    let answer: SignInResponse = client.call(SIGN_IN, &request, &sent).await?;
    Ok(Json(Session::of(answer.account, answer.tokens)))
}

/// Exchanges a refresh token for the next tokens.
#[utoipa::path(
    post, path = "/api/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshToken,
    responses((status = 200, description = "The next tokens.", body = Tokens), Common)
)]
pub(super) async fn refresh(
    client: Client,
    Object(fields): Object,
) -> Result<Json<Tokens>, Problem> {
    let (refresh_token, sent) = credentials::refresh_token(fields)?;
    let request = RefreshTokensRequest {
        refresh_token,
        ..RefreshTokensRequest::default()
    };
    let answer: RefreshTokensResponse = client.call(REFRESH, &request, &sent).await?;
    Ok(Json(answer.tokens.unwrap_or_default().into()))
}

/// Ends the session of a refresh token. Succeeds for an unknown token too (RFC 7009).
#[utoipa::path(
    post, path = "/api/auth/sign-out", operation_id = "sign_out", tag = "auth", request_body = RefreshToken,
    responses((status = 204, description = "The session has ended."), Common)
)]
pub(super) async fn sign_out(
    client: Client,
    Object(fields): Object,
) -> Result<StatusCode, Problem> {
    let (refresh_token, sent) = credentials::refresh_token(fields)?;
    let request = SignOutRequest { refresh_token };
    let _: SignOutResponse = client.call(SIGN_OUT, &request, &sent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a token is good, and whose it is.
#[utoipa::path(
    get, path = "/protected", operation_id = "protected", tag = "auth",
    responses((status = 200, description = "The token is good.", body = Whose), Common, Protected),
    security(("BearerAuth" = []))
)]
pub(super) async fn protected(user: User) -> Result<Json<Whose>, Problem> {
    let request = GetAccountRequest::default();
    let answer: GetAccountResponse = user.0.call(GET_ACCOUNT, &request, &Value::Null).await?;
    let user_id = answer.account.unwrap_or_default().id;
    Ok(Json(Whose { user_id }))
}

impl Session {
    fn of(account: Option<Account>, tokens: Option<TokenPair>) -> Self {
        let account = account.unwrap_or_default();
        Self {
            user_id: account.id,
            email: account.email,
            display_name: account.display_name,
            tokens: tokens.unwrap_or_default().into(),
        }
    }
}

impl From<TokenPair> for Tokens {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: pair.token_type,
            expires_in: time::seconds(pair.access_token_expires_in),
            refresh_token: pair.refresh_token,
            refresh_expires_in: time::seconds(pair.refresh_token_expires_in),
            session_id: pair.session_id,
        }
    }
}
