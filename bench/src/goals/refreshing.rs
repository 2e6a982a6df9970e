//! P6: `RefreshTokens` ÷ pgbench with the same update.

use std::sync::Arc;

use sqlx::{Connection as _, PgConnection, query_as};

use super::{
    chapter::{Chapter, Stand},
    goal::{Bound, Goal, Measured},
    statements,
};
use crate::{
    arms::{CallArm, Pgbench},
    calls::Refreshes,
    population::run,
    rounds::{Arm, count},
    statistics::Spread,
};

const TEXT: &str = "A refresh is one conditional update of the session's row, and a signature of a new token. pgbench runs the same update, on \
    as many sessions. An update is heap-only (HOT) when it writes no index.";

pub(crate) async fn chapter(stand: &Stand) -> anyhow::Result<Chapter> {
    let deployment = &stand.deployment;
    let sessions = statements::sessions(deployment.population);
    run(&deployment.database, &sessions).await?;
    let before = updates(&deployment.database).await?;
    let script = statements::refresh(deployment.population);
    let mut arms: Vec<Box<dyn Arm>> = vec![Box::new(Pgbench::new("refresh", 32, &script, stand)?)];
    let calls = Arc::new(Refreshes::new(deployment.auth, &deployment.users)?);
    for callers in [32, 64] {
        arms.push(Box::new(CallArm {
            name: format!("RefreshTokens, {callers} callers"),
            calls: Arc::clone(&calls),
            target: stand.target(deployment.auth, callers),
        }));
    }
    let rounds = stand.measure("refreshing", arms).await?;
    let after = updates(&deployment.database).await?;
    let hot = count(after.1 - before.1) / count((after.0 - before.0).max(1));
    let ratio = rounds.best_ratio(1..3, 0..1);
    let text = "RefreshTokens ÷ pgbench with the same UPDATE";
    let ratio = Goal::ratio("P6", text, Bound::AtLeast(0.9), ratio, rounds.difference());
    Ok(Chapter {
        title: "Refreshing tokens",
        text: TEXT,
        goals: vec![
            ratio,
            Goal {
                number: "P6",
                text: "share of updates that are heap-only".to_owned(),
                target: Bound::AtLeast(0.95),
                measured: Measured::Figure(Spread::of_one(hot)),
            },
        ],
        rounds: vec![("RefreshTokens".to_owned(), rounds)],
        ..Chapter::default()
    })
}

/// The updates of sessions so far, and how many of them were heap-only.
async fn updates(database: &str) -> anyhow::Result<(u64, u64)> {
    let mut connection = PgConnection::connect(database).await?;
    let statement = "select pg_stat_get_tuples_updated('auth.session'::regclass), pg_stat_get_tuples_hot_updated('auth.session'::regclass)";
    let counts: (i64, i64) = query_as(statement).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok((counts.0.unsigned_abs(), counts.1.unsigned_abs()))
}
