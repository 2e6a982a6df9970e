//! A lane: a task that owns one connection and takes work from the queue.

use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::error::Error;
use super::settings::{READ_ONLY, Settings};
use super::silence::{self, Silence};
use super::status::{Connected, State, Status};
use super::unit::{Queued, Verdict};
use crate::meter::{Dropped, LanesMeter};

/// The first pause between two attempts to connect, and the longest: the database is back in use within a second of
/// its return.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// While there is no database, every other attempt takes no longer than this: one that a silent network swallowed would
/// keep its lane from seeing the return.
const SHORT_ATTEMPT: Duration = Duration::from_millis(500);

/// How long saying goodbye to the server may take.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Lane {
    pub(super) number: usize,
    pub(super) silence: Arc<Silence>,
    pub(super) settings: Arc<Settings>,
    pub(super) options: PgConnectOptions,
    pub(super) queue: Receiver<Queued>,
    pub(super) status: Arc<Status>,
    pub(super) closing: CancellationToken,
    pub(super) meter: LanesMeter,
}

impl Lane {
    /// Works until the queue is closed and, while there is a connection, empty.
    pub(super) async fn serve(self) {
        while let Some((connection, connected)) = self.connect().await {
            if self.work(connection, connected).await.is_break() {
                return;
            }
        }
    }

    /// A connection; none once the lanes are closing. While the database is down, whatever is queued is refused here:
    /// since some lane always takes from the queue, no caller is left to wait for a database that is away.
    async fn connect(&self) -> Option<(PgConnection, Connected)> {
        tokio::select! {
            biased;
            connection = self.dial() => Some(connection),
            () = self.closing.cancelled() => None,
            () = self.refuse_while_down() => None,
        }
    }

    async fn dial(&self) -> (PgConnection, Connected) {
        let mut pause = FIRST_PAUSE;
        for turn in self.number.. {
            let limit = self.settings.connect_timeout;
            let limit = match self.status.state() {
                State::Up => limit,
                State::Starting | State::Down if turn % 2 == 1 => limit,
                State::Starting | State::Down => limit.min(SHORT_ATTEMPT),
            };
            match self.attempt(limit).await {
                Ok(connection) => {
                    self.meter.opened();
                    return (connection, self.status.hold());
                }
                Err(error) => {
                    self.meter.failed();
                    self.status.failed(&error);
                }
            }
            sleep(pause.mul_f64(1.0 - 0.5 * jitter())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("nobody counts to the end")
    }

    /// One attempt, timeouts set. A server that only reads (a demoted primary) is as good as none: taking it would fail every write
    /// and reconnect to it for ever.
    async fn attempt(&self, limit: Duration) -> Result<PgConnection, sqlx::Error> {
        let connecting = async {
            let mut connection = self.options.connect().await?;
            if is_writable(&mut connection, self.settings.opening()).await? {
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

    /// Runs units on a connection until it is given up (continue) or the lanes are closed (break).
    async fn work(&self, mut connection: PgConnection, _connected: Connected) -> ControlFlow<()> {
        let age = self.settings.recycle_after.mul_f64(1.0 - 0.1 * jitter());
        let recycle_at = Instant::now() + age;
        let mut losses = self.status.losses();
        let mut silence = self.silence.subscribe();
        loop {
            // Checked before work is taken rather than with work in hand: a dead connection costs no call anything.
            let next = tokio::select! {
                biased;
                _found = silence.changed() => return ControlFlow::Continue(()),
                _ = losses.changed() => None,
                next = timeout(self.settings.check_after_idle, self.queue.recv()) => next.ok(),
            };
            match next {
                Some(Ok(queued)) => {
                    let verdict = tokio::select! {
                        biased;
                        verdict = self.run(queued, &mut connection) => verdict,
                        _found = silence.changed() => Verdict::Discard(Dropped::Silent),
                        () = self.seek_silence() => Verdict::Discard(Dropped::Silent),
                    };
                    if let Verdict::Discard(cause) = verdict {
                        self.meter.dropped(cause);
                        return ControlFlow::Continue(());
                    }
                }
                Some(Err(_closed)) => {
                    hang_up(connection).await;
                    return ControlFlow::Break(());
                }
                None if self.is_good(&mut connection).await => {}
                None => {
                    self.meter.dropped(Dropped::Silent);
                    self.status.lost();
                    return ControlFlow::Continue(());
                }
            }
            if Instant::now() >= recycle_at {
                break;
            }
        }
        self.meter.dropped(Dropped::Recycled);
        hang_up(connection).await;
        ControlFlow::Continue(())
    }

    async fn run(&self, queued: Queued, connection: &mut PgConnection) -> Verdict {
        let limit = self.settings.unit_limit;
        queued
            .begin(connection, limit, &self.meter, &self.status)
            .await
    }

    /// Resolves when the database is found to be silent. An error of its own is an answer.
    async fn seek_silence(&self) {
        loop {
            let _alone = self.silence.suspicion().await;
            match self.attempt(silence::PATIENCE).await {
                Ok(connection) => hang_up(connection).await,
                Err(sqlx::Error::Io(_)) => break,
                Err(_answer) => {}
            }
        }
        self.silence.tell();
        self.status.silent();
    }

    /// Whether a connection, idle for a while or suspect since another one broke, answers and can write.
    async fn is_good(&self, connection: &mut PgConnection) -> bool {
        let asking = is_writable(connection, READ_ONLY.to_owned());
        matches!(
            timeout(self.settings.connect_timeout, asking).await,
            Ok(Ok(true))
        )
    }
}

/// Whether the server takes writes, as the last of these statements says.
async fn is_writable(
    connection: &mut PgConnection,
    statements: String,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<&str, _>(0)? == "off")
}

/// Ends a session politely. The connection is given up whether or not the server hears of it.
async fn hang_up(connection: PgConnection) {
    if !matches!(timeout(FAREWELL, connection.close()).await, Ok(Ok(()))) {
        tracing::debug!("the database did not hear the goodbye");
    }
}

/// A number in `0.0..1.0`, different every time; it only spreads load, so it need not be a good one.
fn jitter() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(()) >> 32)
        .expect("a u64 shifted by 32 fits 32 bits");
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
