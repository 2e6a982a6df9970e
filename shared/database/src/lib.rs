//! Units of work on database lanes.
//!
//! A lane is a task that owns one connection. Lanes take units from one bounded, fair queue. So a statement costs one round trip (a
//! pool pings before and after), and a cancelled call cannot leave a connection in the middle of a statement: the lane runs the
//! unit, not the caller.
//!
//! The queue takes turns by [`Principal`]: the one that holds the fewest lanes goes first, then the one that used less lane time lately,
//! then the one that has waited longest. A principal never holds the last lane (where there are two or more), holds at most
//! [`lanes_per_principal`](Settings::lanes_per_principal), and waits with at most
//! [`queue_per_principal`](Settings::queue_per_principal) units; one more is refused with [`Error::ShareFull`]. Shares are kept by
//! each `Lanes` for itself.
//!
//! Promises:
//! - A unit that has begun runs to its end, even if its caller is cancelled. A unit never begins after its deadline, after its
//!   caller was cancelled, or after its caller received [`Error::Overloaded`].
//! - No caller waits past its deadline, or for a database that is away: while it is [`State::Down`] every call is refused
//!   with [`Error::Unavailable`] at once, including those already queued.
//! - A database that stops answering (for example, a network that drops packets) is detected about 2 s after a unit begins: running
//!   units are abandoned, their outcome is unknown, and the state is [`State::Down`]. One answer to any lane within the check shows
//!   that it answers: a slow unit and a slow new connection are no silence.
//! - A connection is dropped and replaced if it broke or is too old, or if a unit panicked, ran too long or left a transaction of
//!   sqlx open on it. After a broken connection the other lanes check theirs before they take more work: a restart of the
//!   database fails the running calls, and one more. The same is true of a connection that was being made meanwhile. So once the
//!   state is [`State::Up`] again, no unit runs on a connection from before.
//! - The one open transaction that is not detected is a BEGIN written as SQL text without a COMMIT (sqlx does not report it).
//!   So units never write BEGIN: they use [`Lanes::transaction`].
//!
//! **Joined work.** A unit of a kind that can be joined ([`Joinable`]) is queued like any other. A lane that takes one also takes those of
//! the same kind that wait, of several principals, and runs one statement for them: while the lanes are busy, batches form by
//! themselves, and nobody waits when they are not. Each unit keeps its turn, its deadline, its caller's right to cancel it before it
//! begins, and its own result. While others wait that cannot be joined, a principal has at most a quarter of a batch.

mod batch;
mod error;
mod fair_queue;
mod gauges;
mod inner;
mod job;
mod joined;
mod lane;
mod lane_metrics;
mod link;
pub mod metrics;
pub mod migrate;
mod order;
mod principal;
mod queue;
mod schema;
pub mod settings;
mod silence;
mod status;
mod transaction;
mod unit;
mod unit_span;
mod url;

use std::any::type_name;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use telemetry::metrics::Metrics;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::error::{Error, UnitError};
pub use self::joined::{Answers, Joinable};
pub use self::principal::Principal;
pub use self::schema::{Conditions, Schema};
pub use self::settings::Settings;
pub use self::status::State;

use self::inner::LanesInner;
use self::order::{Answer, Order};
use self::silence::Silence;
use self::status::Status;
use self::unit::{CancelGuard, Queued, StartOnce, Ticket, wait};
use self::unit_span::UnitSpan;

/// A few connections that take units of work from one queue. Cheap to clone. The lanes end when the last clone is dropped or
/// [`close`](Self::close) is called.
#[derive(Clone, Debug)]
pub struct Lanes {
    inner: Arc<LanesInner>,
}

impl Lanes {
    /// Starts the lanes on the current runtime and returns at once; they connect in the background, and keep trying.
    ///
    /// # Errors
    /// The URL does not parse.
    pub fn start(settings: Settings) -> Result<Self, sqlx::Error> {
        Self::counted(settings, &Metrics::off(), "calls")
    }

    /// Like [`start`](Self::start), with metrics of these lanes in `metrics`, under their name.
    pub fn counted(
        settings: Settings,
        metrics: &Metrics,
        name: &'static str,
    ) -> Result<Self, sqlx::Error> {
        link::warn_if_unverified(&settings.connect_options()?);
        let server = (Silence::new(), Status::new());
        Self::connected_to(server, settings, metrics, name)
    }

    /// More lanes to the same database, with settings and a queue of their own. What either hears from the server shows that it
    /// answers, and a broken connection of either makes both check theirs.
    ///
    /// # Errors
    /// The URL does not parse.
    pub fn beside(
        &self,
        settings: Settings,
        metrics: &Metrics,
        name: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let server = (self.inner.silence.beside(), self.inner.status.beside());
        Self::connected_to(server, settings, metrics, name)
    }

    fn connected_to(
        server: (Silence, Status),
        settings: Settings,
        metrics: &Metrics,
        name: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let inner = LanesInner::start(server, settings, metrics, name)?;
        Ok(Self { inner })
    }

    /// Whether the database can be used now.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.inner.status.state() == State::Up
    }

    /// The state, to be read or awaited.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.inner.status.subscribe()
    }

    /// How many lanes hold a connection (a gauge).
    #[must_use]
    pub fn connected(&self) -> usize {
        self.inner.status.connected()
    }

    /// How many units wait to begin (a gauge).
    #[must_use]
    pub fn queued(&self) -> usize {
        self.inner.queue.len()
    }

    /// Whether [`close`](Self::close) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.queue.is_closed()
    }

    /// Runs one unit on a lane, on the share of `principal`, and returns its result.
    ///
    /// Each statement commits by itself; use [`transaction`](Self::transaction) for more than one. The deadline bounds
    /// the wait for the answer; a unit that has begun continues without its caller, for at most
    /// [`unit_limit`](Settings::unit_limit).
    pub async fn run<T, E, W>(
        &self,
        principal: Principal,
        deadline: Instant,
        work: W,
    ) -> Result<T, E>
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        let (order, answer) = Order::alone(type_name::<W>(), work);
        self.enqueue_and_wait(principal, deadline, order, answer)
            .await
    }

    /// Like [`run`](Self::run), for a unit that a lane may run together with others of its kind that wait. A lane that takes such a unit
    /// takes the others in the order of turns, at most [`largest_batch`](Settings::largest_batch).
    pub async fn join<J: Joinable>(
        &self,
        principal: Principal,
        deadline: Instant,
        unit: J,
    ) -> Result<J::Output, J::Error> {
        let (order, answer) = Order::joinable(unit);
        self.enqueue_and_wait(principal, deadline, order, answer)
            .await
    }

    async fn enqueue_and_wait<T, E: UnitError>(
        &self,
        principal: Principal,
        deadline: Instant,
        Order {
            function,
            kind,
            job,
        }: Order,
        answer: Answer<T, E>,
    ) -> Result<T, E> {
        let now = Instant::now();
        if now >= deadline {
            return Err(Error::DeadlineExceeded.into());
        }
        let wait_until = now + self.inner.settings.longest_wait;
        let start = StartOnce::default();
        let guard = CancelGuard(start.clone());
        let ticket = Ticket {
            deadline,
            since: now,
            wait_until,
            start,
            again: false,
            kind,
            span: UnitSpan::begin(function, self.inner.database.as_deref()),
        };
        self.inner.enqueue(principal, Queued { ticket, job })?;
        wait(answer, &guard, wait_until, deadline).await
    }

    /// Runs the work between BEGIN and COMMIT on a lane.
    ///
    /// When the work errs, everything is rolled back. When a concurrent transaction won (SQLSTATE 40001, 40P01), the
    /// work is called again, at most three times in total, before [`Error::Conflict`]. [`unit_limit`](Settings::unit_limit)
    /// covers all attempts. Work that ignores a statement's error and returns a value commits nothing and ends with
    /// [`Error::Query`].
    ///
    /// ```no_run
    /// # use database::{Error, Lanes, Principal};
    /// # use futures_util::FutureExt as _;
    /// # async fn example(lanes: Lanes, user: Principal, deadline: tokio::time::Instant, name: String) -> Result<(), Error> {
    /// lanes
    ///     .transaction(user, deadline, move |conn| {
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
    pub async fn transaction<T, E, W>(
        &self,
        principal: Principal,
        deadline: Instant,
        work: W,
    ) -> Result<T, E>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        let (order, answer) = Order::alone(type_name::<W>(), move |connection| {
            transaction::attempt(connection, deadline, work).boxed()
        });
        self.enqueue_and_wait(principal, deadline, order, answer)
            .await
    }

    /// Accepts no more work, finishes what is queued and running (or refuses it, without a connection), and closes the connections.
    /// Returns when this is done, at the latest when the limits of the queued units have passed.
    pub async fn close(&self) {
        self.inner.stop();
        self.inner.tasks.wait().await;
        while let Some(queued) = self.inner.queue.try_take_any() {
            queued.refuse(Error::Unavailable(None));
        }
    }
}
