//! A private server lives as long as its owner, and what was committed lives longer.

use std::{fs, path::Path};

use crate::common::{Owner, Scratch, connect, postmaster, until};
use embedded_postgres::{EmbeddedPostgres, Error, Settings};
use rustix::process::{Signal, kill_process};

/// Commits `rows` numbers through a server that is then left to its fate.
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

async fn count(url: &str) -> i64 {
    let mut connection = connect(url).await;
    sqlx::query_scalar("select count(*) from numbers")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_committed_survives_the_killing_of_server_and_owner() {
    let scratch = Scratch::new();
    let mut owner = Owner::durable(scratch.path()).await;
    commit(&owner.url, 200).await;
    kill_process(postmaster(scratch.path()).unwrap(), Signal::KILL).unwrap();
    owner.process.kill();

    let postgres = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    assert_eq!(count(&postgres.url("postgres")).await, 200);
    let log = fs::read_to_string(scratch.path().join("server.log")).unwrap();
    assert!(log.contains("automatic recovery in progress"), "{log}");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_backend_that_outlives_its_killed_postmaster_does_not_prevent_the_next_start() {
    let scratch = Scratch::new();
    let mut owner = Owner::durable(scratch.path()).await;
    commit(&owner.url, 1).await;
    let url = owner.url.clone();
    // It never waits, so it does not notice that the postmaster is gone.
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
    kill_process(postmaster(scratch.path()).unwrap(), Signal::KILL).unwrap();
    owner.process.kill();

    let postgres = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    assert_eq!(count(&postgres.url("postgres")).await, 1);
    assert!(busy.await.unwrap().is_err());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn an_owner_that_follows_a_killed_one_at_once_gets_the_data_and_the_only_server() {
    let scratch = Scratch::new();
    let mut owner = Owner::durable(scratch.path()).await;
    commit(&owner.url, 10).await;
    let before = postmaster(scratch.path()).unwrap();
    owner.process.kill();

    let postgres = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    assert_eq!(count(&postgres.url("postgres")).await, 10);
    let after = postmaster(scratch.path()).unwrap();
    assert_ne!(before, after);
    assert!(
        kill_process(before, Signal::CONT).is_err(),
        "the first server still runs"
    );
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_owner_leaves_neither_a_server_nor_a_throwaway_directory() {
    let mut owner = Owner::throwaway().await;
    let home = owner.home();
    let postmaster = postmaster(&home).unwrap();
    owner.process.kill();
    until("the server is gone", async || {
        kill_process(postmaster, Signal::CONT).is_err()
    })
    .await;
    until("its directory is gone", async || !home.exists()).await;
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let postgres = EmbeddedPostgres::start(Settings::throwaway())
        .await
        .unwrap();
    let home = postgres.directory().to_owned();
    let postmaster = postmaster(&home).unwrap();
    drop(postgres);
    until("the server is gone", async || {
        kill_process(postmaster, Signal::CONT).is_err()
    })
    .await;
    until("its directory is gone", async || !home.exists()).await;
}

#[tokio::test]
async fn a_stopped_server_has_shut_down_cleanly() {
    let scratch = Scratch::new();
    let postgres = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    let idle = connect(&postgres.url("postgres")).await;
    postgres.stop().await.unwrap();
    let log = fs::read_to_string(scratch.path().join("server.log")).unwrap();
    assert!(
        log.trim_end().ends_with("database system is shut down"),
        "{log}"
    );
    assert!(!scratch.path().join("cluster/postmaster.pid").exists());
    drop(idle);
}

#[tokio::test]
async fn a_directory_has_one_owner_at_a_time() {
    let scratch = Scratch::new();
    let first = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    let second = EmbeddedPostgres::start(Settings::durable(scratch.path())).await;
    assert!(matches!(second, Err(Error::InUse(_))), "{second:?}");
    connect(&first.url("postgres")).await;
    first.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_another_living_process_is_seen_to_be_stale() {
    let scratch = Scratch::new();
    EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    // As after a reboot: the number now belongs to a process that has nothing to do with it, under the same account.
    let other = Owner::throwaway().await;
    let pid = postmaster(&other.home()).unwrap().as_raw_nonzero();
    stale_pid_file(scratch.path(), pid.get());

    let postgres = EmbeddedPostgres::start(Settings::durable(scratch.path()))
        .await
        .unwrap();
    connect(&postgres.url("postgres")).await;
    connect(&other.url).await;
    postgres.stop().await.unwrap();
}

fn stale_pid_file(home: &Path, pid: i32) {
    let cluster = home.join("cluster");
    let text = format!("{pid}\n{}\n1700000000\n5432\n\n\n", cluster.display());
    fs::write(cluster.join("postmaster.pid"), text).unwrap();
    let owner = fs::metadata(cluster.join("PG_VERSION")).unwrap();
    let (uid, gid) = (
        std::os::unix::fs::MetadataExt::uid(&owner),
        std::os::unix::fs::MetadataExt::gid(&owner),
    );
    std::os::unix::fs::chown(cluster.join("postmaster.pid"), Some(uid), Some(gid)).unwrap();
}
