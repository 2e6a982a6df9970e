//! Creates and ends tokens at one replica of the auth service, as users and operators do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use contract::proto::auth::{
    ChangePasswordRequest, CreateApiKeyRequest, DeleteAccountRequest, DisableAccountRequest,
    ExchangeApiKeyRequest, RefreshTokensRequest, RevokeAccountSessionsRequest, RevokeApiKeyRequest,
    RevokeOtherSessionsRequest, RevokeSessionRequest, SignInRequest, SignOutRequest, SignUpRequest,
    TokenPair, account_service_client::AccountServiceClient,
    admin_service_client::AdminServiceClient, auth_service_client::AuthServiceClient,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tonic::{Request, Status, transport::Channel};
use verifier::key_id;

use super::cause::Cause;
use crate::{
    caller::PASSWORD,
    programs::Programs,
    replicas::{ADMIN, ServiceReplicas, kill_key},
};

/// The clients of one replica of the auth service, where users sign up and tokens are ended.
#[derive(Debug, Clone)]
pub(super) struct AuthReplica {
    auth: AuthServiceClient<Channel>,
    account: AccountServiceClient<Channel>,
    admin: AdminServiceClient<Channel>,
    programs: Arc<Programs>,
    users: Arc<AtomicUsize>,
    /// The signing key that was killed last.
    killed: Arc<Mutex<String>>,
}

/// A token that will be ended, and what is needed to end it.
#[derive(Debug)]
pub(super) struct MeasuredToken {
    pub(super) token: String,
    /// The account it belongs to.
    account_id: String,
    /// The token of the call that ends it: another one of the owner, or that of an administrator.
    by: String,
    session_id: String,
    /// A valid refresh token, or a used one when reuse is the cause.
    refresh_token: String,
    api_key_id: String,
}

impl AuthReplica {
    pub(super) fn new(replicas: &ServiceReplicas) -> Self {
        let [channel, _other] = &replicas.auth;
        Self {
            auth: AuthServiceClient::new(channel.clone()),
            account: AccountServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel.clone()),
            programs: Arc::clone(&replicas.programs),
            users: Arc::default(),
            killed: Arc::default(),
        }
    }

    /// Signs up a new user, with what this cause needs.
    pub(super) async fn prepare(&self, cause: Cause) -> anyhow::Result<MeasuredToken> {
        let number = self.users.fetch_add(1, Ordering::Relaxed);
        let email = format!("bench-{number}@example.test");
        let mut measured = self.sign_up(&email).await?;
        match cause {
            Cause::SignedOut | Cause::AccountDeleted => {}
            Cause::KeyKilled => measured.token = self.newly_signed(&email).await?,
            Cause::SessionRevoked | Cause::OtherSessionsRevoked | Cause::PasswordChanged => {
                let other = self.sign_in(&email).await?;
                (measured.token, measured.session_id) = (other.access_token, other.session_id);
            }
            Cause::RefreshTokenReused => {
                let next = self.refresh(&measured.refresh_token, 1).await?;
                measured.token = next.access_token;
            }
            Cause::AccountDisabled | Cause::SessionsRevokedByAdmin => {
                measured.by = self.sign_in(ADMIN).await?.access_token;
            }
            Cause::ApiKeyRevoked => {
                (measured.token, measured.api_key_id) = self.api_key(&measured.by).await?;
            }
        }
        Ok(measured)
    }

    async fn sign_up(&self, email: &str) -> anyhow::Result<MeasuredToken> {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let made = self.auth.clone().sign_up(request).await?.into_inner();
        let own = made.tokens.context("an answer without tokens")?;
        Ok(MeasuredToken {
            account_id: made.account.context("an answer without an account")?.id,
            by: own.access_token.clone(),
            token: own.access_token,
            session_id: own.session_id,
            refresh_token: own.refresh_token,
            api_key_id: String::new(),
        })
    }

    /// Ends the token. Returns when the call was answered.
    pub(super) async fn end(
        &self,
        cause: Cause,
        measured: MeasuredToken,
    ) -> anyhow::Result<Instant> {
        if cause == Cause::KeyKilled {
            let kid = key_id(&measured.token).context("a token names its key")?;
            self.killed.lock().await.clone_from(&kid);
            return kill_key(&self.programs, &kid).await;
        }
        match self.call(cause, measured).await {
            Ok(()) if cause != Cause::RefreshTokenReused => Ok(Instant::now()),
            Ok(()) => anyhow::bail!("a refresh token was accepted twice"),
            Err(status) if cause == Cause::RefreshTokenReused => {
                let answered = Instant::now();
                let reason = testing::reason(&status);
                anyhow::ensure!(reason == "REFRESH_TOKEN_REUSED", "{reason}");
                Ok(answered)
            }
            Err(status) => Err(status.into()),
        }
    }

    async fn call(&self, cause: Cause, measured: MeasuredToken) -> Result<(), Status> {
        let by = measured.by.clone();
        let mut account = self.account.clone();
        match cause {
            Cause::SignedOut => {
                let refresh_token = measured.refresh_token;
                let request = SignOutRequest { refresh_token };
                self.auth.clone().sign_out(request).await.map(drop)
            }
            Cause::RefreshTokenReused => self.refresh(&measured.refresh_token, 2).await.map(drop),
            Cause::SessionRevoked => {
                let session_id = measured.session_id;
                let request = bearing(&by, RevokeSessionRequest { session_id });
                account.revoke_session(request).await.map(drop)
            }
            Cause::OtherSessionsRevoked => {
                let request = bearing(&by, RevokeOtherSessionsRequest {});
                account.revoke_other_sessions(request).await.map(drop)
            }
            Cause::ApiKeyRevoked => {
                let id = measured.api_key_id;
                let request = bearing(&by, RevokeApiKeyRequest { id });
                account.revoke_api_key(request).await.map(drop)
            }
            _ => self.end_all(cause, &by, measured.account_id).await,
        }
    }

    /// Ends every token of an account.
    async fn end_all(&self, cause: Cause, by: &str, account_id: String) -> Result<(), Status> {
        let (mut account, mut admin) = (self.account.clone(), self.admin.clone());
        let current_password = PASSWORD.to_owned();
        match cause {
            Cause::PasswordChanged => {
                let request = ChangePasswordRequest {
                    current_password,
                    new_password: format!("{PASSWORD}, and a longer one"),
                    revoke_api_keys: false,
                };
                let request = bearing(by, request);
                account.change_password(request).await.map(drop)
            }
            Cause::AccountDeleted => {
                let request = bearing(by, DeleteAccountRequest { current_password });
                account.delete_account(request).await.map(drop)
            }
            Cause::AccountDisabled => {
                let request = bearing(by, DisableAccountRequest { account_id });
                admin.disable_account(request).await.map(drop)
            }
            _ => {
                let request = bearing(
                    by,
                    RevokeAccountSessionsRequest {
                        account_id,
                        revoke_api_keys: false,
                    },
                );
                admin.revoke_account_sessions(request).await.map(drop)
            }
        }
    }

    async fn sign_in(&self, email: &str) -> anyhow::Result<TokenPair> {
        let request = SignInRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        let answer = self.auth.clone().sign_in(request).await?.into_inner();
        answer.tokens.context("an answer without tokens")
    }

    /// A token that is not signed by the key that was killed last. The replica uses that key until it reads the keys again.
    async fn newly_signed(&self, email: &str) -> anyhow::Result<String> {
        let killed = self.killed.lock().await;
        loop {
            let token = self.sign_in(email).await?.access_token;
            if key_id(&token).as_ref() != Some(&*killed) {
                return Ok(token);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn refresh(&self, refresh_token: &str, attempt: u8) -> Result<TokenPair, Status> {
        let request = RefreshTokensRequest {
            refresh_token: refresh_token.to_owned(),
            attempt_tag: vec![attempt; 32],
        };
        let answer = self
            .auth
            .clone()
            .refresh_tokens(request)
            .await?
            .into_inner();
        Ok(answer.tokens.expect("an answer has its tokens"))
    }

    /// A token of a new API key, and the key's id.
    async fn api_key(&self, owner: &str) -> anyhow::Result<(String, String)> {
        let create = CreateApiKeyRequest {
            display_name: "bench".to_owned(),
            scopes: vec!["tasks.read".to_owned()],
            expire_time: None,
            current_password: PASSWORD.to_owned(),
        };
        let create = bearing(owner, create);
        let created = self.account.clone().create_api_key(create).await?;
        let created = created.into_inner();
        let api_key = created.secret;
        let exchange = ExchangeApiKeyRequest { api_key };
        let exchanged = self.auth.clone().exchange_api_key(exchange).await?;
        let id = created.api_key.context("an answer without its key")?.id;
        Ok((exchanged.into_inner().access_token, id))
    }
}

fn bearing<M>(token: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse();
    let bearer = bearer.expect("a token is ASCII");
    request.metadata_mut().insert("authorization", bearer);
    request
}
