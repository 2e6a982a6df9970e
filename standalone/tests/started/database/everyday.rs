//! Uses every part of both services, so that every table is read and written.

use contract::proto::{
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

use super::running::{RunningServices, bearing};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const NEW_PASSWORD: &str = "battery staple correct horse";
const REQUEST_ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Signs up. Returns the tokens of the new account.
pub(crate) async fn sign_up(running: &RunningServices, email: &str) -> TokenPair {
    let request = SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let answer = running.sessions().sign_up(request).await.unwrap();
    answer.into_inner().tokens.unwrap()
}

/// Signs in. Returns the tokens of the new session.
pub(crate) async fn sign_in(
    running: &RunningServices,
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

pub(crate) async fn refresh(
    running: &RunningServices,
    token: &str,
) -> Result<TokenPair, tonic::Status> {
    let request = RefreshTokensRequest {
        refresh_token: token.to_owned(),
        ..Default::default()
    };
    let answer = running.sessions().refresh_tokens(request).await?;
    Ok(answer.into_inner().tokens.unwrap())
}

pub(crate) async fn sign_out(running: &RunningServices, refresh_token: &str) {
    let request = SignOutRequest {
        refresh_token: refresh_token.to_owned(),
    };
    running.sessions().sign_out(request).await.unwrap();
}

/// Creates an API key that can read tasks. Returns its id and its secret.
pub(crate) async fn api_key(running: &RunningServices, token: &str) -> (String, String) {
    let request = CreateApiKeyRequest {
        display_name: "a script".to_owned(),
        scopes: vec!["tasks.read".to_owned()],
        current_password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let request = bearing(token, request);
    let made = running.account().create_api_key(request).await.unwrap();
    let made = made.into_inner();
    (made.api_key.unwrap().id, made.secret)
}

pub(crate) async fn exchange(
    running: &RunningServices,
    secret: &str,
) -> Result<String, tonic::Status> {
    let request = ExchangeApiKeyRequest {
        api_key: secret.to_owned(),
    };
    let answer = running.sessions().exchange_api_key(request).await?;
    Ok(answer.into_inner().access_token)
}

/// The titles of all tasks, newest first.
pub(crate) async fn titles(
    running: &RunningServices,
    token: &str,
) -> Result<Vec<String>, tonic::Status> {
    let request = bearing(token, ListTasksRequest::default());
    let page = running.tasks().list_tasks(request).await?.into_inner();
    Ok(page.tasks.into_iter().map(|task| task.title).collect())
}

pub(crate) async fn add_task(running: &RunningServices, token: &str, title: &str) -> Task {
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

/// Signs up as `email` and uses everything. Leaves an open session, an active API key and a task with the title "Buy milk".
pub(crate) async fn use_everything(running: &RunningServices, email: &str) -> TokenPair {
    let first = sign_up(running, email).await;
    let wrong = sign_in(running, email, "not this one").await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
    let second = sign_in(running, email, PASSWORD).await.unwrap();
    let second = refresh(running, &second.refresh_token).await.unwrap();
    use_sessions(running, &first, email).await;
    use_api_keys(running, &first.access_token).await;
    use_tasks(running, &first.access_token).await;
    let refused = refresh(running, &second.refresh_token).await.unwrap_err();
    assert_eq!(testing::reason(&refused), "SESSION_REVOKED");
    refresh(running, &first.refresh_token).await.unwrap()
}

/// Ends sessions in several ways. Another account changes its password and is deleted.
async fn use_sessions(running: &RunningServices, tokens: &TokenPair, email: &str) {
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
        revoke_api_keys: false,
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

async fn use_api_keys(running: &RunningServices, token: &str) {
    let (kept, secret) = api_key(running, token).await;
    let exchanged = exchange(running, &secret).await.unwrap();
    assert_eq!(titles(running, &exchanged).await.unwrap(), [""; 0]);
    let (revoked, _) = api_key(running, token).await;
    let mut account = running.account();
    let revoke = RevokeApiKeyRequest { id: revoked };
    account
        .revoke_api_key(bearing(token, revoke))
        .await
        .unwrap();
    let listed = account.list_api_keys(bearing(token, ListApiKeysRequest {}));
    let listed = listed.await.unwrap().into_inner().api_keys;
    assert!(listed.iter().any(|key| key.id == kept), "{listed:?}");
}

async fn use_tasks(running: &RunningServices, token: &str) {
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
