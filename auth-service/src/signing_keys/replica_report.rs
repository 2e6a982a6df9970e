//! What a replica reports of itself to the others: that it is alive, and which new key it has acknowledged.

use chrono::{DateTime, TimeDelta, Utc};
use database;
use futures_util::FutureExt as _;

use super::{
    Replica,
    store::{self, StoredKey},
};

/// How often a replica reports that it is alive.
const REPORT_INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// A replica that has not reported for this long is dead. Its verifiers stopped trusting their keys long before.
pub(super) const REPLICA_TIMEOUT: TimeDelta = TimeDelta::seconds(30);

/// What a replica has reported of itself.
#[derive(Debug)]
pub(super) struct Report {
    time: DateTime<Utc>,
    /// The NEXT key that it has acknowledged.
    acknowledged: Option<String>,
}

impl Replica {
    /// Reports that this replica and the verifiers connected to it accept a NEXT key, when that is so.
    pub(super) async fn acknowledge(
        &mut self,
        next: &StoredKey,
        now: DateTime<Utc>,
    ) -> Result<(), database::Error> {
        let kid = &next.kid;
        let subscribers = self.keys.0.context.feed.subscribers();
        match self.keys.open(next) {
            Ok(_) if self.has_reported(kid) || !subscribers.all_acknowledged(kid) => {}
            Ok(_) => self.report(now, Some(kid.clone())).await?,
            // Other replicas can sign with the key, but this one could not. It delays the key, so that an operator notices.
            Err(error) => tracing::warn!(%error, "a new signing key is not acknowledged"),
        }
        Ok(())
    }

    pub(super) async fn report_alive(&mut self, now: DateTime<Utc>) -> Result<(), database::Error> {
        let acknowledged = match &self.last_report {
            Some(report) if (now - report.time).abs() < REPORT_INTERVAL => return Ok(()),
            Some(report) => report.acknowledged.clone(),
            None => None,
        };
        self.report(now, acknowledged).await?;
        let seen_before = now - REPLICA_TIMEOUT;
        self.on_lane(move |connection| store::delete_dead_replicas(connection, seen_before).boxed())
            .await
    }

    /// Whether the database knows that this replica has acknowledged the key.
    fn has_reported(&self, kid: &str) -> bool {
        let report = self.last_report.as_ref();
        report.is_some_and(|report| report.acknowledged.as_deref() == Some(kid))
    }

    async fn report(
        &mut self,
        time: DateTime<Utc>,
        acknowledged: Option<String>,
    ) -> Result<(), database::Error> {
        let (id, kid) = (self.id, acknowledged.clone());
        self.on_lane(move |connection| {
            async move { store::report_replica(connection, id, kid.as_deref(), time).await }.boxed()
        })
        .await?;
        self.last_report = Some(Report { time, acknowledged });
        Ok(())
    }
}
