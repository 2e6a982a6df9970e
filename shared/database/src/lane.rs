//! A lane: a task that owns one connection and takes work from the queue.

use std::future::pending;
use std::hash::{BuildHasher as _, RandomState};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::{self, Surroundings};
use crate::error::Error;
use crate::job::Verdict;
use crate::lane_metrics::{DropCause, LaneMetrics};
use crate::queue::{Batch, Queue};
use crate::settings::{READ_ONLY, Settings};
use crate::silence::Silence;
use crate::status::{Connected, State, Status};

/// The first and the longest delay between two attempts to connect: a database that returns is used within a second.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(400);

/// While the database is away, every second attempt is limited to this: where a network drops packets, a long attempt would delay
/// the reconnection of its lane.
const SHORT_CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The limit of closing a session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection in use.
struct Session {
    connection: PgConnection,
    /// Notifies of doubts about the connection that were not followed by a check yet.
    doubts: watch::Receiver<u64>,
    _connected: Connected,
}

pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) silence: Arc<Silence>,
    pub(super) settings: Arc<Settings>,
    pub(super) options: PgConnectOptions,
    pub(super) queue: Arc<Queue>,
    pub(super) status: Arc<Status>,
    pub(super) closing: CancellationToken,
    pub(super) metrics: LaneMetrics,
}

impl Lane {
    /// Runs units until the queue is closed and, while there is a connection, empty.
    pub(super) async fn serve(self) {
        while let Some(session) = self.connect().await {
            if self.work(session).await.is_break() {
                return;
            }
        }
    }

    /// A connection; none once the lanes are closing. While the database is down, queued units are refused here: some lane always
    /// takes from the queue, so no caller waits for a database that is away.
    async fn connect(&self) -> Option<Session> {
        tokio::select! {
            biased;
            session = self.connect_with_retries() => Some(session),
            () = self.closing.cancelled() => None,
            () = self.refuse_while_down() => None,
        }
    }

    async fn connect_with_retries(&self) -> Session {
        let mut delay = FIRST_RETRY_DELAY;
        for attempt in self.number.. {
            let limit = self.settings.connect_timeout;
            let limit = match self.status.state() {
                State::Up => limit,
                State::Starting | State::Down if attempt % 2 == 1 => limit,
                State::Starting | State::Down => limit.min(SHORT_CONNECT_TIMEOUT),
            };
            match self.open(limit).await {
                Ok((connection, doubts)) => {
                    self.metrics.opened();
                    self.silence.hear();
                    return Session {
                        connection,
                        doubts,
                        _connected: self.status.connect(),
                    };
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

    /// A connection, and the doubts since its making began. If there was one, the connection is checked before the database counts
    /// as up: it may have been made just before the server went away.
    async fn open(
        &self,
        limit: Duration,
    ) -> Result<(PgConnection, watch::Receiver<u64>), sqlx::Error> {
        let mut doubts = self.status.doubts();
        let mut connection = self.attempt(limit).await?;
        if doubts.has_changed().unwrap_or_default() {
            doubts.mark_unchanged();
            if !self.is_usable(&mut connection).await {
                return Err(sqlx::Error::Io(ErrorKind::ConnectionAborted.into()));
            }
        }
        Ok((connection, doubts))
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
                queued = self.queue.take_any(|| self.status.state() == State::Down) => match queued {
                    Some(queued) => queued.refuse(Error::Unavailable(None)),
                    None => return,
                },
            }
        }
    }

    /// Runs units on a connection until it is dropped (continue) or the lanes are closed (break).
    async fn work(&self, mut session: Session) -> ControlFlow<()> {
        let age = self.settings.recycle_after.mul_f64(1.0 - 0.1 * jitter());
        let recycle_at = Instant::now() + age;
        let mut silence = self.silence.subscribe();
        loop {
            // A connection that was idle or is in doubt is checked before a unit is taken, so that a broken one fails no unit.
            let next = tokio::select! {
                biased;
                _found = silence.changed() => return ControlFlow::Continue(()),
                _ = session.doubts.changed() => None,
                next = timeout(self.settings.check_after_idle, self.queue.take()) => next.ok(),
            };
            let dropped = match next {
                Some(Some(batch)) => self.run(batch, &mut session, &mut silence).await,
                Some(None) => {
                    close(session.connection).await;
                    return ControlFlow::Break(());
                }
                None => self.check(&mut session, &mut silence).await,
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
        close(session.connection).await;
        ControlFlow::Continue(())
    }

    /// Checks the connection. Returns why it must be dropped, if it must.
    async fn check(
        &self,
        session: &mut Session,
        silence: &mut watch::Receiver<u64>,
    ) -> Option<DropCause> {
        let usable = tokio::select! {
            biased;
            usable = self.is_usable(&mut session.connection) => usable,
            _found = silence.changed() => return Some(DropCause::Silent),
        };
        if usable {
            self.silence.hear();
            return None;
        }
        self.status.doubt();
        Some(DropCause::Silent)
    }

    /// Runs units. Returns why the connection must be dropped, if it must.
    async fn run(
        &self,
        batch: Batch,
        session: &mut Session,
        silence: &mut watch::Receiver<u64>,
    ) -> Option<DropCause> {
        let around = Surroundings {
            queue: &self.queue,
            status: &self.status,
            metrics: &self.metrics,
            limit: self.settings.unit_limit,
        };
        let verdict = tokio::select! {
            biased;
            verdict = batch::run(batch, &mut session.connection, around) => verdict,
            _found = silence.changed() => Verdict::Discard(DropCause::Silent),
            () = self.detect_silence() => Verdict::Discard(DropCause::Silent),
        };
        match verdict {
            Verdict::Keep => {
                self.silence.hear();
                None
            }
            Verdict::Unused => None,
            Verdict::Discard(cause) => Some(cause),
        }
    }

    /// Resolves when the database is found to be silent. The lanes without a unit check their connections meanwhile.
    async fn detect_silence(&self) {
        loop {
            let check = self.silence.suspicion().await;
            self.status.doubt();
            if check.finds_silence(self.probe().boxed()).await {
                break;
            }
        }
        self.status.silent();
        self.silence.notify();
    }

    /// Resolves when the server answers a new connection. An error that it reports is an answer. A connection that cannot be made
    /// shows nothing: others may be answered.
    async fn probe(&self) {
        match self.attempt(self.settings.connect_timeout).await {
            Ok(connection) => close(connection).await,
            Err(sqlx::Error::Io(_)) => pending().await,
            Err(_answer) => {}
        }
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
