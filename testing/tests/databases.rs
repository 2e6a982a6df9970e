//! Fresh databases, and servers of one test.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sqlx::{Connection as _, PgConnection};
use testing::{Database, PostgresServer};

/// A migration that creates one table and counts how often it ran.
async fn migrate(url: String, runs: Arc<AtomicUsize>) -> Result<(), sqlx::Error> {
    runs.fetch_add(1, Ordering::SeqCst);
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::raw_sql("create table notes (text text not null)")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

/// A fingerprint that no earlier run on the same server has used.
fn unused_fingerprint(test: &str) -> String {
    format!(
        "{test} {:?} {}",
        std::time::Instant::now(),
        std::process::id()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_databases_in_parallel_are_isolated_and_migrated_once() {
    let runs = Arc::new(AtomicUsize::new(0));
    let fingerprint = unused_fingerprint("twenty");
    let tests = (0..20).map(|number: i64| {
        let (runs, fingerprint) = (Arc::clone(&runs), fingerprint.clone());
        tokio::spawn(async move {
            let database = Database::fresh(&fingerprint, |url| migrate(url, runs)).await;
            let mut connection = database.connect().await;
            let insert = sqlx::query("insert into notes values ($1::bigint::text)").bind(number);
            insert.execute(&mut connection).await.unwrap();
            let notes: Vec<String> = sqlx::query_scalar("select text from notes")
                .fetch_all(&mut connection)
                .await
                .unwrap();
            assert_eq!(notes, [number.to_string()]);
            database.url().to_owned()
        })
    });
    let tests: Vec<_> = tests.collect();
    let mut urls = Vec::new();
    for test in tests {
        urls.push(test.await.unwrap());
    }
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 20);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_database_of_a_passed_test_is_dropped() {
    let database = Database::empty().await;
    let url = database.url().to_owned();
    let still_connected = database.connect().await;
    drop(database);
    let refused = PgConnection::connect(&url).await.unwrap_err();
    let code = refused
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .map(String::from);
    assert_eq!(code.as_deref(), Some("3D000"), "{refused}");
    drop(still_connected);
}

#[tokio::test]
async fn the_database_of_a_failed_test_is_kept() {
    let database = Database::empty().await;
    let url = database.url().to_owned();
    let failed = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let _database = database;
        panic!("the test fails");
    }));
    assert!(failed.is_err());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.ping().await.unwrap();
}

#[tokio::test]
async fn a_failing_migration_fails_every_test_that_needs_it() {
    let fingerprint = unused_fingerprint("broken");
    for _ in 0..2 {
        let fingerprint = fingerprint.clone();
        let broken =
            async move { Database::fresh(&fingerprint, async |_| Err("syntax error")).await };
        let error = tokio::spawn(broken).await.unwrap_err().into_panic();
        let message = error.downcast_ref::<String>().cloned().unwrap_or_default();
        assert_eq!(message, "the migrations do not apply: syntax error");
    }
}

/// Whether the row that was written before is there.
async fn is_kept(server: &PostgresServer) -> bool {
    let mut connection = server.connect().await;
    let found = sqlx::query_scalar("select exists (select from kept)");
    found
        .fetch_one(&mut connection)
        .await
        .expect("the table can be read")
}

#[tokio::test]
async fn a_killed_or_stopped_server_restarts_at_the_same_place_with_its_data() {
    let server = PostgresServer::start();
    let socket = server.socket().to_owned();
    let write = "create table kept (id int); insert into kept values (1)";
    sqlx::raw_sql(write)
        .execute(&mut server.connect().await)
        .await
        .unwrap();

    server.kill();
    server.restart();
    assert!(is_kept(&server).await);

    server.stop();
    assert!(PgConnection::connect(server.url()).await.is_err());
    server.restart();
    assert!(is_kept(&server).await);
    assert!(socket.exists());
    let folder = socket.parent().unwrap().to_owned();
    drop(server);
    assert!(!folder.exists());
}
