//! `auth-service admin`, run as an operator runs it.

use std::{fs, path::PathBuf, time::Duration};

use auth_service::SCHEMA;
use testing::{Database, Process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");
const TIMEOUT: Duration = Duration::from_secs(30);
/// Base64 of bytes that have no pattern.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";
const PASSWORD: &str = "correct horse battery staple";

/// Runs `admin` with these arguments and this input, and asserts its exit code and its output.
async fn admin(url: &str, arguments: &[&str], input: &str, code: i32, expected_line: &str) {
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
        .wait_for_line(TIMEOUT, |line| line.contains(expected_line))
        .await;
    let ended = process.ended(TIMEOUT).await;
    assert_eq!(ended.code(), Some(code), "{}", process.output());
    assert!(!process.output().contains(PASSWORD));
}

/// Role and state of every account.
async fn roles_and_states(database: &Database) -> Vec<(i16, i16)> {
    sqlx::query_as("select role, state from auth.account")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Kind and actor of every audit event, in order.
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

/// A file with the password, without a line break at its end. It is deleted with its folder.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("tandem-operator-{}", std::process::id()));
        fs::create_dir(&folder).expect("the folder is new");
        fs::write(folder.join("password"), PASSWORD).expect("the folder is our own");
        Self(folder)
    }

    fn path(&self) -> String {
        let path = self.0.join("password");
        path.to_str().expect("the path is text").to_owned()
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder is our own");
    }
}

#[tokio::test]
async fn administrators_are_made_with_a_password_from_the_input_or_a_file() {
    let database = Database::with(&[SCHEMA]).await;
    let url = database.url();
    let create = ["create", "--email", "Root@example.org"];
    let input = format!("{PASSWORD}\n");
    let made = "made the administrator Root@example.org";
    admin(url, &create, &input, 0, made).await;
    let taken = "an account with this email exists";
    admin(url, &create, &input, 73, taken).await;

    let file = PasswordFile::new();
    let path = file.path();
    let second = [
        "create",
        "--email",
        "second@example.org",
        "--password-file",
        &path,
    ];
    let made = "made the administrator second@example.org";
    admin(url, &second, "", 0, made).await;

    let expected = by_cli(&["admin_created", "admin_created"]);
    assert_eq!(events(&database).await, expected);
    assert_eq!(roles_and_states(&database).await, [(2, 1), (2, 1)]);
}

#[tokio::test]
async fn administrators_are_disabled_and_enabled_but_the_last_one_is_not_disabled() {
    let database = Database::with(&[SCHEMA]).await;
    let url = database.url();
    let create = ["create", "--email", "Root@example.org"];
    admin(url, &create, PASSWORD, 0, "made the administrator").await;
    let disable = ["disable", "--email", "root@EXAMPLE.org"];
    let last = "the last administrator cannot be removed";
    admin(url, &disable, "", 77, last).await;
    let second = ["create", "--email", "second@example.org"];
    admin(url, &second, PASSWORD, 0, "made the administrator").await;

    admin(url, &disable, "", 0, "is disabled").await;
    admin(url, &disable, "", 0, "is disabled").await;
    let enable = ["enable", "--email", "root@example.org"];
    admin(url, &enable, "", 0, "is enabled").await;

    let expected = by_cli(&[
        "admin_created",
        "admin_created",
        "account_disabled",
        "account_enabled",
    ]);
    assert_eq!(events(&database).await, expected);
    assert_eq!(roles_and_states(&database).await, [(2, 1), (2, 1)]);
}

#[tokio::test]
async fn a_problem_of_the_input_is_reported_and_nothing_is_changed() {
    let database = Database::with(&[SCHEMA]).await;
    let url = database.url();
    let nobody = ["create", "--email", "nobody"];
    admin(url, &nobody, PASSWORD, 65, "the email").await;
    let create = ["create", "--email", "root@example.org"];
    admin(url, &create, "short", 65, "the password").await;
    admin(url, &create, "", 65, "the password").await;
    let from_file = [&create[..], &["--password-file", "/nowhere/at/all"]].concat();
    let unreadable = "cannot read the password from /nowhere/at/all";
    admin(url, &from_file, "", 66, unreadable).await;
    for command in ["disable", "enable"] {
        let arguments = [command, "--email", "root@example.org"];
        admin(url, &arguments, "", 67, "no such account").await;
    }
    // A password cannot be an argument, because others could read it in the list of processes.
    let argument = [&create[..], &["--password", "12345678"]].concat();
    admin(url, &argument, "", 2, "unexpected argument").await;
    assert_eq!(events(&database).await, []);
}

#[tokio::test]
async fn an_unreachable_database_is_reported() {
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let disable = ["disable", "--email", "root@example.org"];
    admin(url, &disable, "", 69, "database").await;
}
