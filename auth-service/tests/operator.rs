//! `auth-service admin`, as an operator runs it.

use std::{fs, time::Duration};

use auth_service::SCHEMA;
use testing::{Database, Process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");
const LIMIT: Duration = Duration::from_secs(30);
/// Base64 of bytes without a pattern.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";
const PASSWORD: &str = "correct horse battery staple";

/// Runs `admin` with these arguments and this input, and claims how it ends and what it says.
async fn admin(url: &str, arguments: &[&str], input: &str, code: i32, says: &str) {
    let variables = [
        ("DATABASE_URL", url.to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", KEY.to_owned()),
        ("TANDEM_AUTH__HASH__MEMORY_KIB", "64".to_owned()),
    ];
    let arguments = ["admin"].iter().chain(arguments);
    let mut process = Process::spawn(PROGRAM, arguments, variables);
    if input.is_empty() {
        process.close_input();
    } else {
        process.give_input(input);
    }
    process
        .wait_for_line(LIMIT, |line| line.contains(says))
        .await;
    let ended = process.ended(LIMIT).await;
    assert_eq!(ended.code(), Some(code), "{}", process.output());
    assert!(!process.output().contains(PASSWORD));
}

/// Kind and actor of every audit event, in their order.
async fn events(database: &Database) -> Vec<(String, Option<String>)> {
    sqlx::query_as("select kind, actor from auth.audit_event order by ctid")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn by_cli(kinds: &[&str]) -> Vec<(String, Option<String>)> {
    let event = |kind: &&str| ((*kind).to_owned(), Some("cli".to_owned()));
    kinds.iter().map(event).collect()
}

#[tokio::test]
async fn administrators_are_made_closed_and_opened_and_the_last_one_stays() {
    let database = Database::with(&[SCHEMA]).await;
    let url = database.url();
    let create = ["create", "--email", "Root@example.org"];
    let input = format!("{PASSWORD}\n");
    admin(
        url,
        &create,
        &input,
        0,
        "made the administrator Root@example.org",
    )
    .await;
    admin(
        url,
        &create,
        &input,
        73,
        "an account with this email exists",
    )
    .await;

    let disable = ["disable", "--email", "root@EXAMPLE.org"];
    admin(url, &disable, "", 77, "and the last one stays").await;

    let folder = std::env::temp_dir().join(format!("tandem-operator-{}", std::process::id()));
    fs::create_dir(&folder).expect("the folder is new");
    let file = folder.join("password");
    fs::write(&file, PASSWORD).expect("the folder is our own");
    let path = file.to_str().expect("the path is text");
    let second = [
        "create",
        "--email",
        "second@example.org",
        "--password-file",
        path,
    ];
    admin(
        url,
        &second,
        "",
        0,
        "made the administrator second@example.org",
    )
    .await;
    fs::remove_dir_all(&folder).expect("the folder is our own");

    admin(url, &disable, "", 0, "is closed").await;
    admin(url, &disable, "", 0, "is closed").await;
    admin(
        url,
        &["enable", "--email", "root@example.org"],
        "",
        0,
        "is open",
    )
    .await;

    let acts = [
        "admin_created",
        "admin_created",
        "account_disabled",
        "account_enabled",
    ];
    assert_eq!(events(&database).await, by_cli(&acts));
    let accounts: Vec<(i16, i16)> = sqlx::query_as("select role, state from auth.account")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(accounts, [(2, 1), (2, 1)]);
}

#[tokio::test]
async fn what_is_wrong_with_the_input_is_said_and_nothing_is_done() {
    let database = Database::with(&[SCHEMA]).await;
    let url = database.url();
    admin(
        url,
        &["create", "--email", "nobody"],
        PASSWORD,
        65,
        "the email",
    )
    .await;
    let create = ["create", "--email", "root@example.org"];
    admin(url, &create, "short", 65, "the password").await;
    admin(url, &create, "", 65, "the password").await;
    let absent = [
        "create",
        "--email",
        "root@example.org",
        "--password-file",
        "/nowhere/at/all",
    ];
    admin(
        url,
        &absent,
        "",
        66,
        "cannot read the password from /nowhere/at/all",
    )
    .await;
    admin(
        url,
        &["disable", "--email", "root@example.org"],
        "",
        67,
        "no such account",
    )
    .await;
    admin(
        url,
        &["enable", "--email", "root@example.org"],
        "",
        67,
        "no such account",
    )
    .await;
    // A password is no argument: others could read it in the list of processes.
    let argument = [
        "create",
        "--email",
        "root@example.org",
        "--password",
        "12345678",
    ];
    admin(url, &argument, "", 2, "unexpected argument").await;
    assert_eq!(events(&database).await, []);
}

#[tokio::test]
async fn a_database_that_is_away_is_said() {
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    admin(
        url,
        &["disable", "--email", "root@example.org"],
        "",
        69,
        "database",
    )
    .await;
}
