//! What a caller wants to be done, before it is queued.

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;

use crate::error::UnitError;
use crate::job::{Job, Unit};
use crate::joined::{Joinable, JoinedUnit};
use crate::unit::Kind;

/// Where the result of a unit arrives.
pub(super) type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

/// What a caller wants to be done.
pub(super) struct Work {
    /// The type name of the caller's closure, or the name of its function.
    pub(super) function: &'static str,
    pub(super) kind: Option<Kind>,
    pub(super) job: Box<dyn Job>,
}

impl Work {
    /// Work that runs alone, and where its result arrives.
    pub(super) fn alone<T, E, W>(function: &'static str, work: W) -> (Self, Answer<T, E>)
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Unit { work, reply });
        let kind = None;
        (
            Self {
                function,
                kind,
                job,
            },
            answer,
        )
    }

    /// A unit that may run together with others, and where its result arrives.
    pub(super) fn joinable<J: Joinable>(unit: J) -> (Self, Answer<J::Output, J::Error>) {
        let (reply, answer) = oneshot::channel();
        let kind = Some(Kind::of(&unit));
        let job = Box::new(JoinedUnit { unit, reply });
        let function = J::FUNCTION;
        (
            Self {
                function,
                kind,
                job,
            },
            answer,
        )
    }
}
