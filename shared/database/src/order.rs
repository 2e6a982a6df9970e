//! What a caller wants to be done, before it is queued.

use std::marker::PhantomData;

use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;
use tokio::sync::oneshot;

use crate::error::UnitError;
use crate::job::{Closure, Job, Unit, Work};
use crate::joined::Joinable;
use crate::unit::Kind;

/// Where the result of a unit arrives.
pub(super) type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

/// What a caller wants to be done.
pub(super) struct Order {
    /// The type name of the caller's closure, or the name of its function.
    pub(super) function: &'static str,
    pub(super) kind: Option<Kind>,
    pub(super) job: Box<dyn Job>,
}

impl Order {
    /// Work that runs alone, and where its result arrives.
    pub(super) fn alone<T, E, W>(function: &'static str, work: W) -> (Self, Answer<T, E>)
    where
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: UnitError,
    {
        let work = Closure {
            work,
            result: PhantomData,
        };
        Self::new(function, None, work)
    }

    /// A unit that may run together with others, and where its result arrives.
    pub(super) fn joinable<J: Joinable>(unit: J) -> (Self, Answer<J::Output, J::Error>) {
        Self::new(J::FUNCTION, Some(Kind::of(&unit)), unit)
    }

    fn new<W: Work>(
        function: &'static str,
        kind: Option<Kind>,
        work: W,
    ) -> (Self, Answer<W::Output, W::Error>) {
        let (reply, answer) = oneshot::channel();
        let order = Self {
            function,
            kind,
            job: Box::new(Unit { work, reply }),
        };
        (order, answer)
    }
}
