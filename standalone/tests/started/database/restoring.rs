//! A backup, what is revoked after it, the restore, and `auth-service restored`.

use std::{path::Path, time::Duration};

use shared::proto::auth::TokenPair;
use testing::Database;
use tonic::{Code, Status};

use super::{
    everyday::{
        PASSWORD, add_task, api_key, exchange, refresh, sign_in, sign_out, sign_up, titles,
    },
    running::{Running, auth_variables, bearing, command, until},
};
use crate::tools::{Folder, run};

const STOP: Duration = Duration::from_secs(30);
const EMAIL: &str = "before@example.org";

/// Access tokens, refresh tokens and API keys, none of which may be good again.
struct Revoked {
    access: Vec<String>,
    refresh: Vec<String>,
    api_keys: Vec<String>,
}

/// Ends sessions and a key that the backup holds as live, and makes an account that it does not hold.
async fn revoke_and_go_on(running: &Running, kept: &TokenPair, ended: &TokenPair) -> Revoked {
    let (id, secret) = api_key(running, &kept.access_token).await;
    let token_of_key = exchange(running, &secret).await.unwrap();
    let mut account = running.account();
    let revoke = shared::proto::auth::RevokeApiKeyRequest { id };
    let revoke = bearing(&kept.access_token, revoke);
    account.revoke_api_key(revoke).await.unwrap();
    sign_out(running, &ended.refresh_token).await;
    let later = sign_up(running, "after@example.org").await;
    Revoked {
        access: vec![
            ended.access_token.clone(),
            kept.access_token.clone(),
            later.access_token,
            token_of_key,
        ],
        refresh: vec![
            ended.refresh_token.clone(),
            kept.refresh_token.clone(),
            later.refresh_token,
        ],
        api_keys: vec![secret],
    }
}

fn assert_unauthenticated<T>(result: Result<T, Status>, what: &str) {
    let refused = result
        .err()
        .unwrap_or_else(|| panic!("{what} is good again"));
    let reasons = [
        "SESSION_REVOKED",
        "TOKEN_REVOKED",
        "TOKEN_INVALID",
        "REFRESH_TOKEN_INVALID",
        "API_KEY_INVALID",
    ];
    let reason = testing::reason(&refused);
    assert_eq!(refused.code(), Code::Unauthenticated, "{what}: {refused:?}");
    assert!(reasons.contains(&reason.as_str()), "{what}: {reason}");
}

impl Revoked {
    async fn assert_refused(&self, running: &Running) {
        for token in &self.access {
            assert_unauthenticated(titles(running, token).await, "an access token, for tasks");
            let request = bearing(token, shared::proto::auth::ListSessionsRequest {});
            let listed = running.account().list_sessions(request).await;
            assert_unauthenticated(listed, "an access token, for accounts");
        }
        for token in &self.refresh {
            assert_unauthenticated(refresh(running, token).await, "a refresh token");
        }
        for key in &self.api_keys {
            assert_unauthenticated(exchange(running, key).await, "an API key");
        }
    }
}

/// How many sessions and API keys of a database are live.
async fn live(database: &Database) -> i64 {
    let live = "select (select count(*) from auth.session where revoke_time is null)
                     + (select count(*) from auth.api_key where revoke_time is null)";
    let mut connection = database.connect().await;
    let live = sqlx::query_scalar(live).fetch_one(&mut connection).await;
    live.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_after_the_backup_stays_refused_everywhere_after_the_restore() {
    let before = Database::with(&[auth_service::SCHEMA]).await;
    let tasks = Database::with(&[task_service::SCHEMA]).await;
    let mut running = Running::start(before.url(), tasks.url()).await;
    let kept = sign_up(&running, EMAIL).await;
    let ended = sign_in(&running, EMAIL, PASSWORD).await.unwrap();
    add_task(&running, &kept.access_token, "Buy milk").await;

    let folder = Folder::new();
    let dump = folder.path().join("auth.dump").display().to_string();
    let arguments = [
        "--format=custom",
        "--schema=auth",
        "--file",
        &dump,
        before.url(),
    ];
    run(Path::new("pg_dump"), &arguments, &[]).well();
    let revoked = revoke_and_go_on(&running, &kept, &ended).await;

    running.auth.terminate();
    running.auth.ended(STOP).await;
    let restored = Database::empty().await;
    let arguments = ["--exit-on-error", "--dbname", restored.url(), &dump];
    run(Path::new("pg_restore"), &arguments, &[]).well();
    // The backup knows nothing of it: without the command they would come back.
    assert_eq!(live(&restored).await, 2);
    let own = restored.url_as("tandem_auth");
    let variables = auth_variables(&own, "127.0.0.1:0");
    let done = command(
        "auth-service",
        &["restored", "--sign-everyone-out"],
        variables,
    );
    let (code, output) = done.await;
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains("2 sessions, 0 API keys and 1 signing keys"),
        "{output}"
    );
    assert_eq!(live(&restored).await, 0);
    running.restart_auth(&own).await;

    let again = sign_in(&running, EMAIL, PASSWORD).await.unwrap();
    let token = again.access_token.as_str();
    // The task service was never stopped: it takes over the new history by itself.
    until("the new token is good for tasks", async || {
        titles(&running, token).await.is_ok()
    })
    .await;
    assert_eq!(titles(&running, token).await.unwrap(), ["Buy milk"]);
    revoked.assert_refused(&running).await;
    refresh(&running, &again.refresh_token).await.unwrap();
}

#[tokio::test]
async fn a_restore_is_not_declared_by_accident() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let variables = auth_variables(database.url(), "127.0.0.1:0");
    let (code, output) = command("auth-service", &["restored"], variables).await;
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("--sign-everyone-out"), "{output}");
}
