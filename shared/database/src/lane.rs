//! A lane: a task that owns one connection and takes work from the queue.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::lane_metrics::{DropCause, LaneMetrics};
use crate::settings::{READ_ONLY, Settings};
use crate::silence::{self, Silence};
use crate::status::{Connected, State, Status};
use crate::unit::{Queued, Verdict};

/// The first and the longest delay between two attempts to connect: a database that returns is used within a second.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(400);

/// While the database is away, every second attempt is limited to this: where a network drops packets, a long attempt would delay
/// the reconnection of its lane.
const SHORT_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The limit of closing a session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) silence: Arc<Silence>,
    pub(super) settings: Arc<Settings>,
    pub(super) options: PgConnectOptions,
    pub(super) queue: Receiver<Queued>,
    pub(super) status: Arc<Status>,
    pub(super) closing: CancellationToken,
    pub(super) metrics: LaneMetrics,
}

impl Lane {
    /// Runs units until the queue is closed and, while there is a connection, empty.
    pub(super) async fn serve(self) {
        while let Some((connection, connected)) = self.connect().await {
            if self.work(connection, connected).await.is_break() {
                return;
            }
        }
    }

    /// A connection; none once the lanes are closing. While the database is down, queued units are refused here: some lane always
    /// takes from the queue, so no caller waits for a database that is away.
    async fn connect(&self) -> Option<(PgConnection, Connected)> {
        tokio::select! {
            biased;
            connection = self.connect_with_retries() => Some(connection),
            () = self.closing.cancelled() => None,
            () = self.refuse_while_down() => None,
        }
    }

    async fn connect_with_retries(&self) -> (PgConnection, Connected) {
        let mut delay = FIRST_RETRY_DELAY;
        for attempt in self.number.. {
            let limit = self.settings.connect_timeout;
            let limit = match self.status.state() {
                State::Up => limit,
                State::Starting | State::Down if attempt % 2 == 1 => limit,
                State::Starting | State::Down => limit.min(SHORT_CONNECT_TIMEOUT),
            };
            match self.attempt(limit).await {
                Ok(connection) => {
                    self.metrics.opened();
                    return (connection, self.status.connect());
                }
                Err(error) => {
                    self.metrics.failed();
                    self.status.failed(&error);
                }
            }
            sleep(delay.mul_f64(1.0 - 0.5 * jitter())).await;
            delay = (delay * 2).min(MAX_RETRY_DELAY);
        }
        unreachable!("a usize does not run out of attempts")
    }

    /// One attempt; sets the session's timeouts. A read-only server (a demoted primary) is refused: with it every write would fail,
    /// and the lane would reconnect forever.
    async fn attempt(&self, limit: Duration) -> Result<PgConnection, sqlx::Error> {
        let connecting = async {
            let mut connection = self.options.connect().await?;
            if is_writable(&mut connection, self.settings.setup_statements()).await? {
                Ok(connection)
            } else {
                Err(sqlx::Error::Protocol("the server is read-only".to_owned()))
            }
        };
        timeout(limit, connecting)
            .await
            .unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into())))
    }

    /// Ends when the queue is closed and empty.
    async fn refuse_while_down(&self) {
        loop {
            self.status.until_down_is(true).await;
            tokio::select! {
                biased;
                () = self.status.until_down_is(false) => {}
                queued = self.queue.recv() => match queued {
                    Ok(queued) => queued.refuse(Error::Unavailable(None)),
                    Err(_closed) => return,
                },
            }
        }
    }

    /// Runs units on a connection until it is dropped (continue) or the lanes are closed (break).
    async fn work(&self, mut connection: PgConnection, _connected: Connected) -> ControlFlow<()> {
        let age = self.settings.recycle_after.mul_f64(1.0 - 0.1 * jitter());
        let recycle_at = Instant::now() + age;
        let mut losses = self.status.losses();
        let mut silence = self.silence.subscribe();
        loop {
            // An idle connection is checked before a unit is taken, so that a broken connection fails no unit.
            let next = tokio::select! {
                biased;
                _found = silence.changed() => return ControlFlow::Continue(()),
                _ = losses.changed() => None,
                next = timeout(self.settings.check_after_idle, self.queue.recv()) => next.ok(),
            };
            let dropped = match next {
                Some(Ok(queued)) => self.run(queued, &mut connection, &mut silence).await,
                Some(Err(_closed)) => {
                    close(connection).await;
                    return ControlFlow::Break(());
                }
                None if self.is_usable(&mut connection).await => None,
                None => {
                    self.status.lost();
                    Some(DropCause::Silent)
                }
            };
            if let Some(cause) = dropped {
                self.metrics.dropped(cause);
                return ControlFlow::Continue(());
            }
            if Instant::now() >= recycle_at {
                break;
            }
        }
        self.metrics.dropped(DropCause::Recycled);
        close(connection).await;
        ControlFlow::Continue(())
    }

    /// Runs one unit. Returns why the connection must be dropped, if it must.
    async fn run(
        &self,
        queued: Queued,
        connection: &mut PgConnection,
        silence: &mut watch::Receiver<u64>,
    ) -> Option<DropCause> {
        let limit = self.settings.unit_limit;
        let verdict = tokio::select! {
            biased;
            verdict = queued.begin(connection, limit, &self.metrics, &self.status) => verdict,
            _found = silence.changed() => Verdict::Discard(DropCause::Silent),
            () = self.detect_silence() => Verdict::Discard(DropCause::Silent),
        };
        match verdict {
            Verdict::Keep => None,
            Verdict::Discard(cause) => Some(cause),
        }
    }

    /// Resolves when the database is found to be silent. An error that the database reports is an answer.
    async fn detect_silence(&self) {
        loop {
            let _only_one = self.silence.suspicion().await;
            match self.attempt(silence::ANSWER_TIMEOUT).await {
                Ok(connection) => close(connection).await,
                Err(sqlx::Error::Io(_)) => break,
                Err(_answer) => {}
            }
        }
        self.silence.notify();
        self.status.silent();
    }

    /// Whether a connection answers and can write. Checked after it was idle, and after another connection broke.
    async fn is_usable(&self, connection: &mut PgConnection) -> bool {
        let check = is_writable(connection, READ_ONLY.to_owned());
        matches!(
            timeout(self.settings.connect_timeout, check).await,
            Ok(Ok(true))
        )
    }
}

/// Whether the server accepts writes, according to the last of these statements.
async fn is_writable(
    connection: &mut PgConnection,
    statements: String,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<&str, _>(0)? == "off")
}

/// Ends a session in an orderly way. The connection is dropped even if that fails.
async fn close(connection: PgConnection) {
    if !matches!(timeout(CLOSE_TIMEOUT, connection.close()).await, Ok(Ok(()))) {
        tracing::debug!("a connection to the database could not be closed in an orderly way");
    }
}

/// A number in `0.0..1.0`, different every time. It only spreads load, so its quality does not matter.
fn jitter() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(()) >> 32)
        .expect("a u64 shifted by 32 fits 32 bits");
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
