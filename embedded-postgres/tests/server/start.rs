//! The directory and the account of a private server, and the errors when it cannot start.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use embedded_postgres::{Durability, EmbeddedPostgres, Error, Settings};
use rustix::process::geteuid;
use testing::{Folder, Process, postmaster};

use crate::common::{TIMEOUT, connect, create_cluster, start_durable, start_throwaway};

async fn show(url: &str, setting: &str) -> String {
    let mut connection = connect(url).await;
    let current = sqlx::query_scalar("select current_setting($1)").bind(setting);
    current.fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn the_server_never_runs_as_root_and_only_its_account_can_open_its_socket() {
    let postgres = start_throwaway().await;
    let pid = postmaster(postgres.directory()).unwrap().as_raw_nonzero();
    let uid = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_ne!(uid, 0);
    if !geteuid().is_root() {
        assert_eq!(uid, geteuid().as_raw());
    }
    let groups = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let groups = groups
        .lines()
        .find_map(|line| line.strip_prefix("Groups:"))
        .unwrap();
    assert!(
        !groups.split_whitespace().any(|group| group == "0"),
        "{groups}"
    );
    for private in ["cluster", "socket"] {
        let metadata = fs::metadata(postgres.directory().join(private)).unwrap();
        assert_eq!(
            (metadata.uid(), metadata.mode() & 0o777),
            (uid, 0o700),
            "{private}"
        );
    }
    assert_eq!(
        show(&postgres.url("postgres"), "listen_addresses").await,
        ""
    );
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_durable_server_waits_for_the_disk_and_stores_utf8() {
    let folder = Folder::new();
    let settings = Settings {
        durability: Durability::Full,
        ..Settings::durable(folder.root())
    };
    let postgres = EmbeddedPostgres::start(settings).await.unwrap();
    let url = postgres.url("postgres");
    for setting in [
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "data_checksums",
    ] {
        assert_eq!(show(&url, setting).await, "on", "{setting}");
    }
    assert_eq!(show(&url, "server_encoding").await, "UTF8");
    assert_eq!(show(&url, "timezone").await, "UTC");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_that_the_account_cannot_reach_is_replaced_by_another_durable_one() {
    let folder = Folder::new();
    fs::set_permissions(folder.root(), fs::Permissions::from_mode(0o700)).unwrap();
    let wanted = folder.path("repository/.tandem/postgres");
    let mut used = Vec::new();
    for _ in 0..2 {
        let postgres = EmbeddedPostgres::start(Settings::durable(&wanted))
            .await
            .unwrap();
        postgres.create_database_if_missing("kept").await.unwrap();
        connect(&postgres.url("kept")).await;
        used.push(postgres.directory().to_owned());
        postgres.stop().await.unwrap();
    }
    assert_eq!(used[0], used[1]);
    if geteuid().is_root() {
        assert!(used[0].starts_with("/var/lib"), "{}", used[0].display());
        fs::remove_dir_all(&used[0]).unwrap();
    } else {
        assert_eq!(used[0], wanted);
    }
}

#[tokio::test]
async fn a_server_starts_in_a_path_too_long_or_with_characters_not_allowed_for_a_socket() {
    for name in ["x".repeat(120), "it's a \"path\", déjà vu".to_owned()] {
        let folder = Folder::new();
        let postgres = EmbeddedPostgres::start(Settings::durable(folder.path(&name)))
            .await
            .unwrap();
        let socket = show(&postgres.url("postgres"), "unix_socket_directories").await;
        postgres.stop().await.unwrap();
        assert!(!Path::new(&socket).exists(), "{socket} still exists");
    }
}

#[tokio::test]
async fn creating_an_existing_database_changes_nothing() {
    let postgres = start_throwaway().await;
    postgres.create_database_if_missing("tandem").await.unwrap();
    let mut connection = connect(&postgres.url("tandem")).await;
    sqlx::raw_sql("create table kept ()")
        .execute(&mut connection)
        .await
        .unwrap();
    postgres.create_database_if_missing("tandem").await.unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(count, 0);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn without_binaries_the_error_says_in_one_line_how_to_get_them() {
    let folder = Folder::new();
    let settings = Settings {
        binaries: Some(folder.root().to_owned()),
        ..Settings::throwaway()
    };
    let error = EmbeddedPostgres::start(settings).await.unwrap_err();
    assert!(matches!(error, Error::NotInstalled { .. }), "{error:?}");
    let message = error.to_string();
    for part in [
        "apt-get install postgresql",
        "dnf install postgresql-server",
        "brew install postgresql",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(message.lines().count(), 1);
}

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_is_refused() {
    let folder = Folder::new();
    create_cluster(&folder).await;
    fs::write(folder.path("cluster/PG_VERSION"), "9\n").unwrap();
    let error = EmbeddedPostgres::start(Settings::durable(folder.root()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::OtherVersion { wanted, .. } if wanted == "9"),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_error_of_a_server_that_does_not_start_quotes_its_log() {
    let folder = Folder::new();
    create_cluster(&folder).await;
    fs::write(
        folder.path("cluster/postgresql.conf"),
        "shared_bufers = 1MB\n",
    )
    .unwrap();
    let error = EmbeddedPostgres::start(Settings::durable(folder.root()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error:?}");
    assert!(error.to_string().contains("shared_bufers"), "{error}");
}

#[tokio::test]
async fn an_interrupted_initdb_is_repeated() {
    let folder = Folder::new();
    let unfinished = folder.path("cluster.new");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let postgres = start_durable(&folder).await;
    connect(&postgres.url("postgres")).await;
    postgres.stop().await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn with_postgres_provides_a_server_to_the_command_and_exits_with_its_code() {
    let script = "echo \"url $TEST_POSTGRES\"; read -r _; exit 7";
    let program = env!("CARGO_BIN_EXE_with-postgres");
    let mut process = Process::spawn(program, ["--", "/bin/sh", "-c", script], []);
    let line = process
        .wait_for_line(TIMEOUT, |line| line.starts_with("url "))
        .await;
    connect(line.strip_prefix("url ").unwrap()).await;
    process.close_input();
    assert_eq!(process.ended(TIMEOUT).await.code(), Some(7));
}

#[tokio::test]
async fn a_throwaway_server_that_cannot_start_leaves_no_files() {
    let folder = Folder::new();
    let nothing = folder.path("no-binaries");
    let temporary = folder.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let arguments = ["--binaries", nothing.to_str().unwrap(), "--", "true"];
    let variables = [("TMPDIR", temporary.to_str().unwrap().to_owned())];
    let mut process = Process::spawn(env!("CARGO_BIN_EXE_with-postgres"), arguments, variables);
    process
        .wait_for_line(TIMEOUT, |line| line.contains("apt-get install postgresql"))
        .await;
    assert_eq!(process.ended(TIMEOUT).await.code(), Some(69));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}
