//! What people do in a day: something of everything, so that it reads and writes every table.

use shared::proto::{
    auth::{
        ChangePasswordRequest, CreateApiKeyRequest, DeleteAccountRequest, ExchangeApiKeyRequest,
        GetAccountRequest, ListApiKeysRequest, ListSessionsRequest, RefreshTokensRequest,
        RevokeApiKeyRequest, RevokeOtherSessionsRequest, RevokeSessionRequest, SignInRequest,
        SignOutRequest, SignUpRequest, TokenPair,
    },
    task::{
        CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task,
        UndeleteTaskRequest, UpdateTaskRequest,
    },
};
use tonic::Code;

use super::running::{Running, bearing};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const NEW_PASSWORD: &str = "battery staple correct horse";
const REQUEST_ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// A new account.
pub(crate) async fn sign_up(running: &Running, email: &str) -> TokenPair {
    let request = SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let answer = running.sessions().sign_up(request).await.unwrap();
    answer.into_inner().tokens.unwrap()
}

/// Another session of an account.
pub(crate) async fn sign_in(
    running: &Running,
    email: &str,
    password: &str,
) -> Result<TokenPair, tonic::Status> {
    let request = SignInRequest {
        email: email.to_owned(),
        password: password.to_owned(),
        ..Default::default()
    };
    let answer = running.sessions().sign_in(request).await?;
    Ok(answer.into_inner().tokens.unwrap())
}

pub(crate) async fn refresh(running: &Running, token: &str) -> Result<TokenPair, tonic::Status> {
    let request = RefreshTokensRequest {
        refresh_token: token.to_owned(),
        ..Default::default()
    };
    let answer = running.sessions().refresh_tokens(request).await?;
    Ok(answer.into_inner().tokens.unwrap())
}

pub(crate) async fn sign_out(running: &Running, refresh_token: &str) {
    let request = SignOutRequest {
        refresh_token: refresh_token.to_owned(),
    };
    running.sessions().sign_out(request).await.unwrap();
}

/// A key for tasks, and its secret.
pub(crate) async fn api_key(running: &Running, token: &str) -> (String, String) {
    let request = CreateApiKeyRequest {
        display_name: "a script".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        ..Default::default()
    };
    let request = bearing(token, request);
    let made = running.account().create_api_key(request).await.unwrap();
    let made = made.into_inner();
    (made.api_key.unwrap().id, made.secret)
}

pub(crate) async fn exchange(running: &Running, secret: &str) -> Result<String, tonic::Status> {
    let request = ExchangeApiKeyRequest {
        api_key: secret.to_owned(),
    };
    let answer = running.sessions().exchange_api_key(request).await?;
    Ok(answer.into_inner().access_token)
}

/// The titles of all tasks, the newest first.
pub(crate) async fn titles(running: &Running, token: &str) -> Result<Vec<String>, tonic::Status> {
    let request = bearing(token, ListTasksRequest::default());
    let page = running.tasks().list_tasks(request).await?.into_inner();
    Ok(page.tasks.into_iter().map(|task| task.title).collect())
}

pub(crate) async fn add_task(running: &Running, token: &str, title: &str) -> Task {
    let request = CreateTaskRequest {
        task: Some(Task {
            title: title.to_owned(),
            ..Default::default()
        }),
        request_id: REQUEST_ID.to_owned(),
        ..Default::default()
    };
    let request = bearing(token, request);
    let made = running.tasks().create_task(request).await.unwrap();
    made.into_inner().task.unwrap()
}

/// The life of `email`, who is left with an open session, an open key and a task called "Buy milk".
pub(crate) async fn live(running: &Running, email: &str) -> TokenPair {
    let first = sign_up(running, email).await;
    let wrong = sign_in(running, email, "not this one").await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    let second = sign_in(running, email, PASSWORD).await.unwrap();
    let second = refresh(running, &second.refresh_token).await.unwrap();
    sessions(running, &first, email).await;
    keys(running, &first.access_token).await;
    tasks(running, &first.access_token).await;
    let refused = refresh(running, &second.refresh_token).await.unwrap_err();
    assert_eq!(testing::reason(&refused), "SESSION_REVOKED");
    refresh(running, &first.refresh_token).await.unwrap()
}

/// Sessions that come and go, an account that goes, and a password that changes there and back.
async fn sessions(running: &Running, tokens: &TokenPair, email: &str) {
    let mut account = running.account();
    let token = &tokens.access_token;
    let got = account
        .get_account(bearing(token, GetAccountRequest {}))
        .await;
    assert_eq!(got.unwrap().into_inner().account.unwrap().email, email);
    let third = sign_in(running, email, PASSWORD).await.unwrap();
    let revoke = RevokeSessionRequest {
        session_id: third.session_id,
    };
    account
        .revoke_session(bearing(token, revoke))
        .await
        .unwrap();
    let fourth = sign_in(running, email, PASSWORD).await.unwrap();
    sign_out(running, &fourth.refresh_token).await;
    let others = bearing(token, RevokeOtherSessionsRequest {});
    let others = account.revoke_other_sessions(others).await.unwrap();
    assert_eq!(others.into_inner().revoked_count, 1);
    let listed = account.list_sessions(bearing(token, ListSessionsRequest {}));
    assert_eq!(listed.await.unwrap().into_inner().sessions.len(), 1);
    let leaving = sign_up(running, &format!("leaving-{email}")).await;
    let change = ChangePasswordRequest {
        current_password: PASSWORD.to_owned(),
        new_password: NEW_PASSWORD.to_owned(),
    };
    let changed = account
        .change_password(bearing(&leaving.access_token, change))
        .await;
    let token = changed.unwrap().into_inner().tokens.unwrap().access_token;
    let delete = DeleteAccountRequest {
        current_password: NEW_PASSWORD.to_owned(),
    };
    account
        .delete_account(bearing(&token, delete))
        .await
        .unwrap();
}

async fn keys(running: &Running, token: &str) {
    let (kept, secret) = api_key(running, token).await;
    let exchanged = exchange(running, &secret).await.unwrap();
    assert_eq!(titles(running, &exchanged).await.unwrap(), [""; 0]);
    let (ended, _) = api_key(running, token).await;
    let mut account = running.account();
    let revoke = RevokeApiKeyRequest { id: ended };
    account
        .revoke_api_key(bearing(token, revoke))
        .await
        .unwrap();
    let listed = account.list_api_keys(bearing(token, ListApiKeysRequest {}));
    let listed = listed.await.unwrap().into_inner().api_keys;
    assert!(listed.iter().any(|key| key.id == kept), "{listed:?}");
}

async fn tasks(running: &Running, token: &str) {
    let mut tasks = running.tasks();
    let mut task = add_task(running, token, "Buy").await;
    "Buy milk".clone_into(&mut task.title);
    let id = task.id.clone();
    let update = UpdateTaskRequest {
        task: Some(task),
        ..Default::default()
    };
    tasks.update_task(bearing(token, update)).await.unwrap();
    let delete = DeleteTaskRequest {
        id: id.clone(),
        ..Default::default()
    };
    tasks.delete_task(bearing(token, delete)).await.unwrap();
    let undelete = UndeleteTaskRequest {
        id: id.clone(),
        ..Default::default()
    };
    tasks.undelete_task(bearing(token, undelete)).await.unwrap();
    let got = tasks.get_task(bearing(token, GetTaskRequest { id })).await;
    assert_eq!(got.unwrap().into_inner().task.unwrap().title, "Buy milk");
    assert_eq!(titles(running, token).await.unwrap(), ["Buy milk"]);
}
