//! A private server runs as long as its owner, and committed data survives both.

use std::{fs, path::Path};

use embedded_postgres::{EmbeddedPostgres, Error, Settings};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use testing::{Folder, postmaster};

use crate::common::{Owner, connect, create_cluster, start_durable, start_throwaway, until};

/// Commits `rows` rows.
async fn commit(url: &str, rows: i64) {
    let mut connection = connect(url).await;
    sqlx::raw_sql("create table if not exists numbers (n bigint primary key)")
        .execute(&mut connection)
        .await
        .unwrap();
    for n in 0..rows {
        let insert = sqlx::query("insert into numbers values ($1)").bind(n);
        insert.execute(&mut connection).await.unwrap();
    }
}

/// Waits until a server has ended and its directory is removed.
async fn assert_gone(postmaster: Pid, directory: &Path) {
    until("the server has ended", async || {
        test_kill_process(postmaster).is_err()
    })
    .await;
    until("the directory is removed", async || !directory.exists()).await;
}

async fn count(url: &str) -> i64 {
    let mut connection = connect(url).await;
    sqlx::query_scalar("select count(*) from numbers")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn committed_data_survives_the_kill_of_server_and_owner() {
    let folder = Folder::new();
    let mut owner = Owner::durable(folder.root()).await;
    commit(&owner.url, 200).await;
    kill_process(postmaster(folder.root()).unwrap(), Signal::KILL).unwrap();
    owner.process.kill();

    let postgres = start_durable(&folder).await;
    assert_eq!(count(&postgres.url("postgres")).await, 200);
    let log = fs::read_to_string(folder.path("server.log")).unwrap();
    assert!(log.contains("automatic recovery in progress"), "{log}");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_backend_that_outlives_its_killed_postmaster_does_not_prevent_the_next_start() {
    let folder = Folder::new();
    let mut owner = Owner::durable(folder.root()).await;
    commit(&owner.url, 1).await;
    let url = owner.url.clone();
    // The statement never waits, so its backend does not notice that the postmaster has died.
    let busy = tokio::spawn(async move {
        let mut connection = connect(&url).await;
        let endless = "do $$ begin loop end loop; end $$";
        sqlx::raw_sql(endless).execute(&mut connection).await
    });
    let mut connection = connect(&owner.url).await;
    until("the statement runs", async || {
        let running = "select exists (select from pg_stat_activity where query like 'do $$%' and state = 'active')";
        sqlx::query_scalar::<_, bool>(running).fetch_one(&mut connection).await.unwrap()
    })
    .await;
    drop(connection);
    kill_process(postmaster(folder.root()).unwrap(), Signal::KILL).unwrap();
    owner.process.kill();

    let postgres = start_durable(&folder).await;
    assert_eq!(count(&postgres.url("postgres")).await, 1);
    assert!(busy.await.unwrap().is_err());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn an_owner_that_starts_right_after_a_killed_one_gets_the_data_and_the_only_server() {
    let folder = Folder::new();
    let mut owner = Owner::durable(folder.root()).await;
    commit(&owner.url, 10).await;
    let before = postmaster(folder.root()).unwrap();
    owner.process.kill();

    let postgres = start_durable(&folder).await;
    assert_eq!(count(&postgres.url("postgres")).await, 10);
    let after = postmaster(folder.root()).unwrap();
    assert_ne!(before, after);
    assert!(
        test_kill_process(before).is_err(),
        "the first server still runs"
    );
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_owner_leaves_neither_a_server_nor_a_throwaway_directory() {
    let mut owner = Owner::throwaway().await;
    let directory = owner.directory();
    let postmaster = postmaster(&directory).unwrap();
    owner.process.kill();
    assert_gone(postmaster, &directory).await;
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let postgres = start_throwaway().await;
    let directory = postgres.directory().to_owned();
    let postmaster = postmaster(&directory).unwrap();
    drop(postgres);
    assert_gone(postmaster, &directory).await;
}

#[tokio::test]
async fn a_stopped_server_has_shut_down_cleanly() {
    let folder = Folder::new();
    let postgres = start_durable(&folder).await;
    let idle = connect(&postgres.url("postgres")).await;
    postgres.stop().await.unwrap();
    let log = fs::read_to_string(folder.path("server.log")).unwrap();
    assert!(
        log.trim_end().ends_with("database system is shut down"),
        "{log}"
    );
    assert!(!folder.path("cluster/postmaster.pid").exists());
    drop(idle);
}

#[tokio::test]
async fn a_directory_has_one_owner_at_a_time() {
    let folder = Folder::new();
    let first = start_durable(&folder).await;
    let second = EmbeddedPostgres::start(Settings::durable(folder.root())).await;
    assert!(matches!(second, Err(Error::InUse(_))), "{second:?}");
    connect(&first.url("postgres")).await;
    first.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_another_running_process_is_recognized_as_stale() {
    let folder = Folder::new();
    create_cluster(&folder).await;
    // As after a reboot: the pid now belongs to another process under the same account.
    let other = Owner::throwaway().await;
    let pid = postmaster(&other.directory()).unwrap().as_raw_nonzero();
    write_pid_file(folder.root(), pid.get());

    let postgres = start_durable(&folder).await;
    connect(&postgres.url("postgres")).await;
    connect(&other.url).await;
    postgres.stop().await.unwrap();
}

fn write_pid_file(directory: &Path, pid: i32) {
    let cluster = directory.join("cluster");
    let text = format!("{pid}\n{}\n1700000000\n5432\n\n\n", cluster.display());
    fs::write(cluster.join("postmaster.pid"), text).unwrap();
    let owner = fs::metadata(cluster.join("PG_VERSION")).unwrap();
    let (uid, gid) = (
        std::os::unix::fs::MetadataExt::uid(&owner),
        std::os::unix::fs::MetadataExt::gid(&owner),
    );
    std::os::unix::fs::chown(cluster.join("postmaster.pid"), Some(uid), Some(gid)).unwrap();
}
