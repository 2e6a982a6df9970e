//! Tokens are made and ended, as people and operators do it, at one replica of the auth service.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use shared::{
    proto::auth::{
        ChangePasswordRequest, CreateApiKeyRequest, DeleteAccountRequest, DisableAccountRequest,
        ExchangeApiKeyRequest, RefreshTokensRequest, RevokeAccountSessionsRequest,
        RevokeApiKeyRequest, RevokeOtherSessionsRequest, RevokeSessionRequest, SignInRequest,
        SignOutRequest, SignUpRequest, TokenPair, account_service_client::AccountServiceClient,
        admin_service_client::AdminServiceClient, auth_service_client::AuthServiceClient,
    },
    token::key_id,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tonic::{Request, Status, transport::Channel};

use super::cause::Cause;
use crate::replicas::{ADMIN, PASSWORD, Programs, Replicas};

/// Where people sign up and tokens end: one replica of the auth service.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    auth: AuthServiceClient<Channel>,
    account: AccountServiceClient<Channel>,
    admin: AdminServiceClient<Channel>,
    programs: Arc<Programs>,
    people: Arc<AtomicUsize>,
    /// The signing key that was killed last.
    killed: Arc<Mutex<String>>,
}

/// A token that is about to end, and what that takes.
#[derive(Debug)]
pub(super) struct Victim {
    pub(super) token: String,
    /// Whose account it is.
    account_id: String,
    /// The token to end it with: the owner's other one, or an administrator's.
    by: String,
    session_id: String,
    /// One that is good, or, for reuse, one that was used.
    refresh_token: String,
    api_key_id: String,
}

impl Scene {
    pub(super) fn new(replicas: &Replicas) -> Self {
        let [channel, _other] = &replicas.auth;
        Self {
            auth: AuthServiceClient::new(channel.clone()),
            account: AccountServiceClient::new(channel.clone()),
            admin: AdminServiceClient::new(channel.clone()),
            programs: Arc::clone(&replicas.programs),
            people: Arc::default(),
            killed: Arc::default(),
        }
    }

    /// Somebody new, with what the cause needs.
    pub(super) async fn prepare(&self, cause: Cause) -> anyhow::Result<Victim> {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let email = format!("bench-{number}@example.test");
        let mut victim = self.sign_up(&email).await?;
        match cause {
            Cause::SignedOut | Cause::AccountDeleted => {}
            Cause::KeyKilled => victim.token = self.newly_signed(&email).await?,
            Cause::SessionRevoked | Cause::OtherSessionsRevoked | Cause::PasswordChanged => {
                let other = self.sign_in(&email).await?;
                (victim.token, victim.session_id) = (other.access_token, other.session_id);
            }
            Cause::RefreshTokenReused => {
                let next = self.refresh(&victim.refresh_token, 1).await?;
                victim.token = next.access_token;
            }
            Cause::AccountDisabled | Cause::SessionsRevokedByAdmin => {
                victim.by = self.sign_in(ADMIN).await?.access_token;
            }
            Cause::ApiKeyRevoked => {
                (victim.token, victim.api_key_id) = self.api_key(&victim.by).await?;
            }
        }
        Ok(victim)
    }

    async fn sign_up(&self, email: &str) -> anyhow::Result<Victim> {
        let request = SignUpRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let made = self.auth.clone().sign_up(request).await?.into_inner();
        let own = made.tokens.context("an answer without tokens")?;
        Ok(Victim {
            account_id: made.account.context("an answer without an account")?.id,
            by: own.access_token.clone(),
            token: own.access_token,
            session_id: own.session_id,
            refresh_token: own.refresh_token,
            api_key_id: String::new(),
        })
    }

    /// Ends the token; when that was answered.
    pub(super) async fn end(&self, cause: Cause, victim: Victim) -> anyhow::Result<Instant> {
        if cause == Cause::KeyKilled {
            let kid = key_id(&victim.token).context("a token names its key")?;
            self.killed.lock().await.clone_from(&kid);
            return self.programs.kill_key(&kid).await;
        }
        match self.call(cause, victim).await {
            Ok(()) if cause != Cause::RefreshTokenReused => Ok(Instant::now()),
            Ok(()) => anyhow::bail!("a refresh token was taken twice"),
            Err(status) if cause == Cause::RefreshTokenReused => {
                let answered = Instant::now();
                let reason = testing::reason(&status);
                anyhow::ensure!(reason == "REFRESH_TOKEN_REUSED", "{reason}");
                Ok(answered)
            }
            Err(status) => Err(status.into()),
        }
    }

    async fn call(&self, cause: Cause, victim: Victim) -> Result<(), Status> {
        let by = victim.by.clone();
        let mut account = self.account.clone();
        match cause {
            Cause::SignedOut => {
                let refresh_token = victim.refresh_token;
                let request = SignOutRequest { refresh_token };
                self.auth.clone().sign_out(request).await.map(drop)
            }
            Cause::RefreshTokenReused => self.refresh(&victim.refresh_token, 2).await.map(drop),
            Cause::SessionRevoked => {
                let session_id = victim.session_id;
                let request = bearing(&by, RevokeSessionRequest { session_id });
                account.revoke_session(request).await.map(drop)
            }
            Cause::OtherSessionsRevoked => {
                let request = bearing(&by, RevokeOtherSessionsRequest {});
                account.revoke_other_sessions(request).await.map(drop)
            }
            Cause::ApiKeyRevoked => {
                let id = victim.api_key_id;
                let request = bearing(&by, RevokeApiKeyRequest { id });
                account.revoke_api_key(request).await.map(drop)
            }
            _ => self.end_all(cause, &by, victim.account_id).await,
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
                let request = bearing(by, RevokeAccountSessionsRequest { account_id });
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

    /// A token of another key than the one that was killed last, which signs until the replica looks again.
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
