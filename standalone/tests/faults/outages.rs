//! The database is killed, stopped, cut off and made read-only under load, again and again: calls are refused soon and
//! clearly, the services recover by themselves, and what was confirmed is there, once.

use std::time::Duration;

use shared::{
    health::LIVENESS,
    proto::health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
};
use tokio::time::{Instant, sleep};
use tonic::{Code, transport::Channel};

use crate::{
    cluster::{Part, Replica, auth, port, task},
    server::Server,
    writers::{Seen, Writers},
};

/// People who write at once.
const PEOPLE: usize = 16;
/// Writes confirmed between two outages.
const STEADY: usize = 500;
/// Until silence is noticed: a second of suspicion, a second of asking.
const NOTICED: Duration = Duration::from_secs(3);
/// A recovery is told as a figure; only one that takes this long fails a test, which may run on a busy machine.
const RECOVERED: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Stopped,
    Silent,
    ReadOnly,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Killed, Self::Stopped, Self::Silent, Self::ReadOnly];

    fn begin(self, server: &Server) {
        match self {
            Self::Killed => server.kill(),
            Self::Stopped => server.stop(),
            Self::Silent => server.network.hold_back(),
            Self::ReadOnly => server.read_only(true),
        }
    }

    fn end(self, server: &Server) {
        match self {
            Self::Killed | Self::Stopped => server.begin(),
            Self::Silent => server.network.forward(),
            Self::ReadOnly => server.read_only(false),
        }
    }

    /// How often, and for how long: in the suite, and when `TEST_OUTAGES` asks for the full form.
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
#[expect(clippy::print_stdout, reason = "the figures of the full form")]
async fn outages_of_the_database_are_told_at_once_and_survived_and_lose_nothing() {
    let server = Server::start().await;
    auth_service::SCHEMA.migrate(&server.url()).await.unwrap();
    task_service::SCHEMA.migrate(&server.url()).await.unwrap();
    let auths = Replica::start(Part::Auth, port(), auth(&server.url())).await;
    let auth_at = auths.address.clone();
    let variables = task(&server.url(), std::slice::from_ref(&auth_at));
    let tasks = Replica::start(Part::Task, port(), variables).await;
    let writers = Writers::start(&auth_at, &tasks.address, PEOPLE).await;
    println!("fault: calls refused, ms p50 p99 max, longest at the onset; ms to recover p50 max");
    for fault in Fault::ALL {
        let (times, lasts) = fault.times();
        let mut figures = Figures::default();
        for _ in 0..times {
            writers.confirm(STEADY).await;
            let began = Instant::now();
            fault.begin(&server);
            sleep(lasts).await;
            for address in [&auth_at, &tasks.address] {
                assert_alive(address).await;
            }
            fault.end(&server);
            let returned = Instant::now();
            let recovery = tokio::time::timeout(RECOVERED, writers.confirmed_after(returned)).await;
            let recovery = recovery.unwrap_or_else(|_| panic!("no recovery from {fault:?}"));
            figures.add(&writers.log.lock().unwrap(), began, returned, recovery);
        }
        println!("{fault:?}: {}", figures.told());
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

/// What the outages of one kind did.
#[derive(Debug, Default)]
struct Figures {
    refused: Vec<Duration>,
    onset: Duration,
    recoveries: Vec<Duration>,
}

impl Figures {
    /// Adds an outage, and holds each refusal to what is promised.
    fn add(&mut self, log: &[Seen], began: Instant, returned: Instant, recovery: Duration) {
        for seen in log.iter().filter(|seen| seen.ended >= began) {
            let Some((code, reason)) = &seen.refusal else {
                continue;
            };
            let reasons = ["DATABASE_UNAVAILABLE", "REVOCATION_FEED_STALE"];
            assert!(
                *code == Code::Unavailable && reasons.contains(&reason.as_str()),
                "{code:?} {reason}"
            );
            let took = seen.ended - seen.begun;
            if seen.begun > began + NOTICED.min((returned - began) / 2) {
                self.refused.push(took);
            }
            self.onset = self.onset.max(took);
        }
        assert!(!self.refused.is_empty(), "no call was refused");
        self.recoveries.push(recovery);
    }

    fn told(&mut self) -> String {
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
