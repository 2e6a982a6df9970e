//! Behind PgBouncer: which pool modes work, and what happens when PgBouncer restarts.

use std::{collections::BTreeSet, time::Duration};

use contract::proto::auth::GetAccountRequest;
use database::{Error, Lanes, Principal};
use futures_util::{FutureExt as _, future::join_all};
use testing::Database;
use tokio::time::Instant;

use super::{
    bouncer::Bouncer,
    everyday,
    running::{RunningServices, bearing, lanes, migrate, until},
};

/// The settings in docs/database.md.
const SESSION: &str = "pool_mode = session\nignore_startup_parameters = extra_float_digits";
const TRANSACTION: &str = "pool_mode = transaction\nignore_startup_parameters = extra_float_digits\ndefault_pool_size = 2";

/// The value of a setting on the connection of a lane.
async fn setting(lanes: &Lanes, name: &'static str) -> Result<String, Error> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let unit = lanes.run(Principal::Internal("test"), deadline, move |connection| {
        async move {
            let setting = sqlx::query_scalar("select current_setting($1)").bind(name);
            Ok::<String, Error>(setting.fetch_one(connection).await?)
        }
        .boxed()
    });
    unit.await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_work_through_session_pooling_and_recover_from_its_restart() {
    let database = Database::with_roles().await;
    let mut bouncer = Bouncer::start(&database, SESSION).await;
    migrate(&bouncer.url(&database, "tandem_migrate")).await;
    let auth = bouncer.url(&database, "tandem_auth");
    let task = bouncer.url(&database, "tandem_task");
    let running = RunningServices::start(&auth, &task).await;
    let tokens = everyday::use_everything(&running, "pooled@example.org").await;

    bouncer.restart().await;
    // Each lane has to connect again, so one success of each service is not enough.
    let mut in_a_row = 0;
    until("both services work again on every lane", async || {
        let mut account = running.account();
        let got = account.get_account(bearing(&tokens.access_token, GetAccountRequest {}));
        let listed = everyday::titles(&running, &tokens.access_token);
        let both = got.await.is_ok() && listed.await.is_ok();
        in_a_row = if both { in_a_row + 1 } else { 0 };
        in_a_row == 20
    })
    .await;
    everyday::use_everything(&running, "after-the-restart@example.org").await;
}

#[tokio::test]
async fn the_timeouts_of_a_lane_hold_through_session_pooling() {
    let database = Database::empty().await;
    let bouncer = Bouncer::start(&database, SESSION).await;
    let lanes = lanes(&bouncer.url(&database, "postgres"), 1);
    for name in ["statement_timeout", "idle_in_transaction_session_timeout"] {
        assert_eq!(setting(&lanes, name).await.unwrap(), "10s");
    }
    lanes.close().await;
}

/// The SQLSTATEs of the errors when more lanes than server connections run statements in parallel.
async fn failures(url: &str) -> BTreeSet<String> {
    let lanes = lanes(url, 8);
    let units = (0..400).map(|_| setting(&lanes, "server_version_num"));
    let answers = join_all(units).await;
    lanes.close().await;
    let refused = answers.into_iter().filter_map(Result::err);
    refused.map(|error| sqlstate(&error)).collect()
}

fn sqlstate(error: &Error) -> String {
    let Error::Query(error) = error else {
        return error.to_string();
    };
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.map_or_else(|| error.to_string(), std::borrow::Cow::into_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_pooling_fails_if_pgbouncer_does_not_support_prepared_statements() {
    let database = Database::empty().await;
    let bouncer = Bouncer::start(&database, TRANSACTION).await;
    let url = bouncer.url(&database, "postgres");
    // Without a cache, statements are still prepared, under names that other clients use too.
    for url in [url.clone(), format!("{url}&statement-cache-capacity=0")] {
        let found = failures(&url).await;
        let expected = ["26000", "42P05"].map(str::to_owned).into();
        assert!(!found.is_empty() && found.is_subset(&expected), "{found:?}");
    }
}
