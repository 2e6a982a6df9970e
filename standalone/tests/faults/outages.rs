//! The database is killed, stopped, cut off and made read-only under load, again and again. Calls are refused soon and with a
//! clear reason, the services recover by themselves, and every confirmed write is stored exactly once.

use std::time::Duration;

use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use serving::health::LIVENESS;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, transport::Channel};

use crate::{
    cluster::{RestartableProcess, ServiceKind, auth, port, task},
    server::FaultyServer,
    writers::{Attempt, Writers},
};

/// How many users write in parallel.
const WRITERS: usize = 16;
/// How many writes are confirmed between two outages.
const WRITES_BETWEEN: usize = 500;
/// How long the services need to notice a silent server: a second without an answer, and a second for a check.
const DETECTION_TIME: Duration = Duration::from_secs(3);
/// A recovery that takes longer fails the test, which may run on a busy machine. Shorter ones are only printed.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Stopped,
    Silent,
    ReadOnly,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Killed, Self::Stopped, Self::Silent, Self::ReadOnly];

    async fn begin(self, server: &FaultyServer) {
        match self {
            Self::Killed => server.postgres.kill(),
            Self::Stopped => server.postgres.stop(),
            Self::Silent => server.network.hold_back(),
            Self::ReadOnly => server.set_read_only(true).await,
        }
    }

    async fn end(self, server: &FaultyServer) {
        match self {
            Self::Killed | Self::Stopped => server.postgres.restart(),
            Self::Silent => server.network.forward(),
            Self::ReadOnly => server.set_read_only(false).await,
        }
    }

    /// How often, and for how long. More often and longer if `TEST_OUTAGES` is set.
    fn times(self) -> (usize, Duration) {
        let full = std::env::var_os("TEST_OUTAGES").is_some();
        match (full, self) {
            (false, Self::Silent) => (1, Duration::from_secs(4)),
            (false, _) => (1, Duration::from_millis(1500)),
            (true, Self::Stopped) => (3, Duration::from_secs(30)),
            (true, _) => (10, Duration::from_secs(5)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures of the full run")]
async fn outages_of_the_database_are_reported_at_once_and_no_confirmed_write_is_lost() {
    let server = FaultyServer::start().await;
    auth_service::SCHEMA.migrate(&server.url()).await.unwrap();
    task_service::SCHEMA.migrate(&server.url()).await.unwrap();
    let auths = RestartableProcess::start(ServiceKind::Auth, port(), auth(&server.url())).await;
    let auth_address = auths.address.clone();
    let variables = task(&server.url(), std::slice::from_ref(&auth_address));
    let tasks = RestartableProcess::start(ServiceKind::Task, port(), variables).await;
    let writers = Writers::start(&auth_address, &tasks.address, WRITERS).await;
    println!("fault: calls refused, ms p50 p99 max, longest at the onset; ms to recover p50 max");
    for fault in Fault::ALL {
        let mut figures = OutageFigures::default();
        let (times, duration) = fault.times();
        for _ in 0..times {
            writers.confirm(WRITES_BETWEEN).await;
            let began = Instant::now();
            fault.begin(&server).await;
            sleep(duration).await;
            for address in [&auth_address, &tasks.address] {
                assert_alive(address).await;
            }
            fault.end(&server).await;
            let returned = Instant::now();
            let recovery = timeout(RECOVERY_TIMEOUT, writers.confirmed_after(returned)).await;
            let recovery = recovery.unwrap_or_else(|_| panic!("no recovery from {fault:?}"));
            figures.add(&writers.log.lock().unwrap(), began, returned, recovery);
        }
        println!("{fault:?}: {}", figures.summary());
    }
    let (confirmed, lost, twice) = writers.end().await;
    println!("{confirmed} confirmed writes, {lost} lost, {twice} done twice");
    assert_eq!((lost, twice), (0, 0));
    assert!(confirmed > 100, "{confirmed}");
}

async fn assert_alive(address: &str) {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    let mut health = HealthClient::new(channel.connect_lazy());
    let service = LIVENESS.to_owned();
    let answer = health.check(HealthCheckRequest { service }).await.unwrap();
    assert_eq!(answer.get_ref().status(), ServingStatus::Serving);
}

/// The effects of the outages of one kind.
#[derive(Debug, Default)]
struct OutageFigures {
    refused: Vec<Duration>,
    onset: Duration,
    recoveries: Vec<Duration>,
}

impl OutageFigures {
    /// Adds an outage, and asserts that each refusal has the documented code and reason.
    fn add(&mut self, log: &[Attempt], began: Instant, returned: Instant, recovery: Duration) {
        for attempt in log.iter().filter(|attempt| attempt.ended >= began) {
            let Some((code, reason)) = &attempt.refusal else {
                continue;
            };
            let reasons = ["DATABASE_UNAVAILABLE", "REVOCATION_FEED_STALE"];
            assert!(
                *code == Code::Unavailable && reasons.contains(&reason.as_str()),
                "{code:?} {reason}"
            );
            let took = attempt.ended - attempt.begun;
            if attempt.begun > began + DETECTION_TIME.min((returned - began) / 2) {
                self.refused.push(took);
            }
            self.onset = self.onset.max(took);
        }
        assert!(!self.refused.is_empty(), "no call was refused");
        self.recoveries.push(recovery);
    }

    fn summary(&mut self) -> String {
        self.refused.sort_unstable();
        self.recoveries.sort_unstable();
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let at = |of: &[Duration], percent: usize| ms(of[(of.len() - 1) * percent / 100]);
        format!(
            "{}, {:.1} {:.1} {:.1}, {:.0}; {:.0} {:.0}",
            self.refused.len(),
            at(&self.refused, 50),
            at(&self.refused, 99),
            at(&self.refused, 100),
            ms(self.onset),
            at(&self.recoveries, 50),
            at(&self.recoveries, 100),
        )
    }
}
