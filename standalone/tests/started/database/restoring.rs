//! A backup, revocations after it, the restore, and the command `auth-service restored`.

use std::{path::Path, time::Duration};

use contract::proto::auth::TokenPair;
use testing::{Database, Folder};
use tonic::{Code, Status};

use super::{
    everyday::{
        PASSWORD, add_task, api_key, exchange, refresh, sign_in, sign_out, sign_up, titles,
    },
    running::{RunningServices, auth_variables, bearing, command, until},
};
use crate::tools::run;

const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const EMAIL: &str = "before@example.org";

/// Access tokens, refresh tokens and API keys that must never be accepted again.
struct RevokedCredentials {
    access: Vec<String>,
    refresh: Vec<String>,
    api_keys: Vec<String>,
}

/// Ends sessions and an API key that are active in the backup, and creates an account that is not in the backup.
async fn revoke_after_the_backup(
    running: &RunningServices,
    kept: &TokenPair,
    ended: &TokenPair,
) -> RevokedCredentials {
    let (id, secret) = api_key(running, &kept.access_token).await;
    let token_of_key = exchange(running, &secret).await.unwrap();
    let mut account = running.account();
    let revoke = contract::proto::auth::RevokeApiKeyRequest { id };
    let revoke = bearing(&kept.access_token, revoke);
    account.revoke_api_key(revoke).await.unwrap();
    sign_out(running, &ended.refresh_token).await;
    let later = sign_up(running, "after@example.org").await;
    RevokedCredentials {
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
        .unwrap_or_else(|| panic!("{what} is accepted again"));
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

impl RevokedCredentials {
    async fn assert_refused(&self, running: &RunningServices) {
        for token in &self.access {
            assert_unauthenticated(titles(running, token).await, "an access token, for tasks");
            let request = bearing(token, contract::proto::auth::ListSessionsRequest {});
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

/// How many sessions and API keys of a database are active.
async fn count_active(database: &Database) -> i64 {
    let select = "select (select count(*) from auth.session where revoke_time is null)
                     + (select count(*) from auth.api_key where revoke_time is null)";
    let mut connection = database.connect().await;
    let count = sqlx::query_scalar(select).fetch_one(&mut connection).await;
    count.unwrap()
}

/// Writes a backup of the auth schema. Returns its path.
fn back_up(database: &Database, folder: &Folder) -> String {
    let backup = folder.path("auth.dump").display().to_string();
    let arguments = [
        "--format=custom",
        "--schema=auth",
        "--file",
        &backup,
        database.url(),
    ];
    run(Path::new("pg_dump"), &arguments, &[]).stdout_of_success();
    backup
}

async fn restore(backup: &str) -> Database {
    let restored = Database::empty().await;
    let arguments = ["--exit-on-error", "--dbname", restored.url(), backup];
    run(Path::new("pg_restore"), &arguments, &[]).stdout_of_success();
    restored
}

/// Runs the command after a restore, as docs/backup.md describes it.
async fn sign_everyone_out(restored: &Database, url: &str) {
    // The backup does not know the later revocations. Without the command, these would be active again.
    assert_eq!(count_active(restored).await, 2);
    let variables = auth_variables(url, "127.0.0.1:0");
    let arguments = ["restored", "--sign-everyone-out"];
    let (code, output) = command("auth-service", &arguments, variables).await;
    assert_eq!(code, Some(0), "{output}");
    let expected = "2 sessions, 0 API keys and 1 signing keys";
    assert!(output.contains(expected), "{output}");
    assert_eq!(count_active(restored).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_revoked_after_the_backup_stay_refused_everywhere_after_the_restore() {
    let before = Database::with(&[auth_service::SCHEMA]).await;
    let tasks = Database::with(&[task_service::SCHEMA]).await;
    let mut running = RunningServices::start(before.url(), tasks.url()).await;
    let kept = sign_up(&running, EMAIL).await;
    let ended = sign_in(&running, EMAIL, PASSWORD).await.unwrap();
    add_task(&running, &kept.access_token, "Buy milk").await;

    let folder = Folder::new();
    let backup = back_up(&before, &folder);
    let revoked = revoke_after_the_backup(&running, &kept, &ended).await;

    running.auth.terminate();
    running.auth.ended(STOP_TIMEOUT).await;
    let restored = restore(&backup).await;
    let url = restored.url_as("tandem_auth");
    sign_everyone_out(&restored, &url).await;
    running.restart_auth(&url).await;

    let again = sign_in(&running, EMAIL, PASSWORD).await.unwrap();
    let token = again.access_token.as_str();
    // The task service was never stopped. It reads the revocations of the restored database by itself.
    until("the task service accepts the new token", async || {
        titles(&running, token).await.is_ok()
    })
    .await;
    assert_eq!(titles(&running, token).await.unwrap(), ["Buy milk"]);
    revoked.assert_refused(&running).await;
    refresh(&running, &again.refresh_token).await.unwrap();
}

#[tokio::test]
async fn the_command_restored_needs_a_confirming_option() {
    let database = Database::with(&[auth_service::SCHEMA]).await;
    let variables = auth_variables(database.url(), "127.0.0.1:0");
    let (code, output) = command("auth-service", &["restored"], variables).await;
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("--sign-everyone-out"), "{output}");
}
