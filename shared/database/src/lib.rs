//! Units of work on database lanes.
//!
//! A lane is a task that owns one connection. Lanes take units from one bounded queue, so a call costs one round trip a
//! statement (a pool pings before and after), and a call that is cancelled cannot leave a connection half-way: it is the
//! lane, not the caller, that runs the unit.
//!
//! What is promised:
//! - A unit that has begun runs to its end, whatever becomes of its caller. One that has not begun is never begun after
//!   its deadline, after its caller has gone, or after its caller was told [`Error::Overloaded`].
//! - No caller waits past its deadline, or for a database that is away: while it is [`State::Down`] every call is refused
//!   with [`Error::Unavailable`] at once, also those already queued.
//! - A database that falls silent (a network that swallows packets) is noticed within some 2 s of a unit's begin: what runs
//!   is given up, its outcome unknown, and it is [`State::Down`].
//! - A connection that broke, outlived its time, or was left by a unit that panicked, ran too long or abandoned a
//!   transaction of sqlx's is dropped, and a new one made. The other lanes then look whether theirs still answer before
//!   they take more work: a restart of the database costs the calls under way, and one more.
//! - Only SQL that says BEGIN as text and no COMMIT goes unseen (sqlx does not tell); so units never do:
//!   [`Lanes::transaction`] does it for them.
//!
//! The queue holds trait objects and a lane runs one at a time; a lane that drains the queue, and joins like units into
//! one statement, needs only another way to run what it took.

mod error;
mod lane;
mod meter;
pub mod metrics;
pub mod migrate;
mod observed;
mod schema;
pub mod settings;
mod silence;
mod status;
mod traced;
mod transaction;
mod unit;
mod url;

use std::any::type_name;
use std::sync::Arc;

use async_channel::{Sender, TrySendError};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::schema::{Conditions, Schema};
pub use self::settings::Settings;
pub use error::{Error, UnitError};
pub use status::State;

use crate::meter::LanesMeter;
use lane::Lane;
use silence::Silence;
use status::Status;
use telemetry::metrics::Metrics;
use traced::UnitSpan;
use unit::{Claim, Queued, Unit, Withdrawal};

/// A few owned connections that take units of work from one queue. Cheap to clone; the lanes end when the last
/// clone is dropped or [`close`](Self::close) is called.
#[derive(Clone, Debug)]
pub struct Lanes {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<Settings>,
    /// The name of the database.
    database: Option<String>,
    queue: Sender<Queued>,
    /// Kept to refuse what is left when every lane has ended.
    leftovers: async_channel::Receiver<Queued>,
    status: Arc<Status>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Lanes {
    /// Starts the lanes on the current runtime and returns at once; they connect in the background, and go on trying.
    /// The only error is a URL that does not parse.
    pub fn start(settings: Settings) -> Result<Self, sqlx::Error> {
        Self::counted(settings, &Metrics::off(), "calls")
    }

    /// Like [`start`](Self::start), and counts in `metrics` what these lanes do, under their name.
    pub fn counted(
        settings: Settings,
        metrics: &Metrics,
        name: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let meter = LanesMeter::new(metrics, name);
        let options = settings.connect_options()?;
        let (queue, incoming) = async_channel::bounded(settings.queue.max(1));
        let shared = Shared {
            settings: Arc::new(settings),
            database: options.get_database().map(str::to_owned),
            queue,
            leftovers: incoming.clone(),
            status: Arc::new(Status::new()),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let silence = Arc::new(Silence::new());
        for number in 0..shared.settings.lanes.max(1) {
            let lane = Lane {
                number,
                silence: Arc::clone(&silence),
                settings: Arc::clone(&shared.settings),
                options: options.clone(),
                queue: incoming.clone(),
                status: Arc::clone(&shared.status),
                closing: shared.closing.clone(),
                meter: meter.clone(),
            };
            shared.tasks.spawn(lane.serve());
        }
        shared.tasks.close();
        let shared = Arc::new(shared);
        observed::tell(&shared, metrics, name);
        Ok(Self { shared })
    }

    /// Whether the database can be used now.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.shared.status.state() == State::Up
    }

    /// The state, to be read or awaited.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.status.subscribe()
    }

    /// How many lanes hold a connection (a gauge).
    #[must_use]
    pub fn connected(&self) -> usize {
        self.shared.status.connected()
    }

    /// How many units wait to begin (a gauge).
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queue.len()
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.queue.is_closed()
    }

    /// Runs one unit on a lane and gives its result.
    ///
    /// Each statement commits by itself; use [`transaction`](Self::transaction) for more than one. The deadline bounds
    /// the wait for the answer; a unit already begun goes on without its caller, for at most
    /// [`unit_limit`](Settings::unit_limit).
    pub async fn run<T, E, W>(&self, deadline: Instant, work: W) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        self.queue_up(deadline, type_name::<W>(), work).await
    }

    /// `unit` is the type of the closure that somebody wrote.
    async fn queue_up<T, E, W>(
        &self,
        deadline: Instant,
        unit: &'static str,
        work: W,
    ) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        let now = Instant::now();
        if now >= deadline {
            return Err(Error::DeadlineExceeded.into());
        }
        let wait_until = now + self.shared.settings.longest_wait;
        let (reply, mut answer) = oneshot::channel();
        let claim = Claim::default();
        let withdrawal = Withdrawal(claim.clone());
        self.shared.enqueue(Queued {
            deadline,
            since: now,
            wait_until,
            claim,
            traced: UnitSpan::begin(unit, self.shared.database.as_deref()),
            job: Box::new(Unit { work, reply }),
        })?;
        if wait_until < deadline {
            match timeout_at(wait_until, &mut answer).await {
                Ok(answer) => return settle(answer),
                Err(_elapsed) if withdrawal.0.take() => return Err(Error::Overloaded.into()),
                Err(_elapsed) => {}
            }
        }
        match timeout_at(deadline, answer).await {
            Ok(answer) => settle(answer),
            Err(_elapsed) => Err(Error::DeadlineExceeded.into()),
        }
    }

    /// Runs the work between BEGIN and COMMIT on a lane.
    ///
    /// When the work errs, everything is rolled back. When a concurrent transaction won (SQLSTATE 40001, 40P01), the
    /// work is called again, three times in all, before [`Error::Conflict`]. [`unit_limit`](Settings::unit_limit)
    /// covers all attempts. Work that swallows a statement's error and returns a value commits nothing and ends in
    /// [`Error::Query`].
    ///
    /// ```no_run
    /// # use crate::{Error, Lanes};
    /// # use futures_util::FutureExt as _;
    /// # async fn example(lanes: Lanes, deadline: tokio::time::Instant, name: String) -> Result<(), Error> {
    /// lanes
    ///     .transaction(deadline, move |conn| {
    ///         let name = name.clone();
    ///         async move {
    ///             sqlx::query("insert into auth.a values ($1)").bind(&name).execute(&mut *conn).await?;
    ///             sqlx::query("insert into auth.b values ($1)").bind(&name).execute(&mut *conn).await?;
    ///             Ok(())
    ///         }
    ///         .boxed()
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn transaction<T, E, W>(&self, deadline: Instant, work: W) -> Result<T, E>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        self.queue_up(deadline, type_name::<W>(), move |connection| {
            transaction::attempt(connection, deadline, work).boxed()
        })
        .await
    }

    /// Takes no more work, finishes what is queued and running (or refuses it, without a connection), and closes
    /// the connections. Returns when all is done, at the latest after the queue's units have had their time.
    pub async fn close(&self) {
        self.shared.stop();
        self.shared.tasks.wait().await;
        while let Ok(queued) = self.shared.leftovers.try_recv() {
            queued.refuse(Error::Unavailable(None));
        }
    }
}

impl Shared {
    fn enqueue(&self, queued: Queued) -> Result<(), Error> {
        let Err(refusal) = self.queue.try_send(queued) else {
            return Ok(());
        };
        let (queued, error) = match refusal {
            TrySendError::Full(queued) => (queued, Error::Overloaded),
            TrySendError::Closed(queued) => (queued, Error::Unavailable(None)),
        };
        if let Some(traced) = queued.traced {
            traced.refuse(&error);
        }
        Err(error)
    }

    fn stop(&self) {
        self.queue.close();
        self.closing.cancel();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A lane answers every unit it takes, but one that it gave up because the database fell silent or its runtime ended.
fn settle<T, E: UnitError>(
    answer: Result<Result<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    answer.unwrap_or_else(|_gone| Err(Error::Unavailable(Some(sqlx::Error::WorkerCrashed)).into()))
}
