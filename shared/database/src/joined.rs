//! Units that a lane runs together, as one statement.

use std::any::TypeId;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::postgres::PgConnection;

use crate::error::{Error, UnitError};
use crate::fair_queue::Joining;
use crate::job::{JoinedRun, Runner, Unit, Verdict, Work, answer_caller};
use crate::unit::{Kind, Queued, Ticket};

/// What a joined statement gives for each unit, in their order: its result, or `None` if the statement did nothing for it.
pub type Answers<J> = Vec<Option<Result<<J as Joinable>::Output, <J as Joinable>::Error>>>;

/// A unit of work that a lane may run together with others of its type: those that wait while all lanes are busy.
///
/// Every result must be the one that the unit would have if the units of the batch were run alone, in their order. So a statement for
/// several units checks the conditions of each by itself. It waits for no lock: what it cannot lock at once it leaves out, or else a
/// caller would wait for a lock that is in the way of another.
///
/// A unit without a result is queued again and run alone, before the other work of its principal. So are all units of a statement that
/// fails, except when the connection broke, the statement panicked or ran too long: then the outcome of all is unknown.
pub trait Joinable: Send + Sync + Sized + 'static {
    /// What the caller gets.
    type Output: Send + 'static;
    /// Why it may fail.
    type Error: UnitError;

    /// The function that the span of a unit is named after, such as `module_path!()` and `::get`.
    const FUNCTION: &'static str;

    /// Whether units of one principal would wait for each other in the database. One lane at a time runs such units of a principal.
    const EXCLUSIVE: bool;

    /// What the unit is about, as a hash. Two units about the same are never in one batch.
    fn subject(&self) -> Option<u64> {
        None
    }

    /// Runs one unit.
    fn run_alone(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;

    /// Runs several units as one statement. An error means that nothing was done for any of them.
    fn run_joined(
        units: &[&Self],
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<Answers<Self>, Self::Error>> + Send;
}

impl<J: Joinable> Work for J {
    type Output = J::Output;
    type Error = J::Error;

    fn run(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<J::Output, J::Error>> + Send {
        self.run_alone(connection)
    }
}

impl Kind {
    pub(super) fn of<J: Joinable>(unit: &J) -> Self {
        Self {
            joining: Joining {
                kind: TypeId::of::<J>(),
                subject: unit.subject(),
                exclusive: J::EXCLUSIVE,
            },
            run: run_joined::<J>,
        }
    }
}

fn run_joined<J: Joinable>(batch: Vec<Queued>, mut runner: Runner<'_>) -> BoxFuture<'_, JoinedRun> {
    let (tickets, jobs): (Vec<Ticket>, Vec<Box<Unit<J>>>) = batch.into_iter().map(open).unzip();
    async move {
        let units: Vec<&J> = jobs.iter().map(|job| &job.work).collect();
        let work = async |connection: &mut PgConnection| J::run_joined(&units, connection).await;
        let (verdict, done) = runner.run(work).await;
        drop(units);
        let (answers, mut unknown, failed) = match done {
            Ok(answers) => (answers, None, false),
            Err(error) if matches!(verdict, Verdict::Discard(_)) => {
                (Vec::new(), Some(error), false)
            }
            Err(error) => {
                log_split(error.database());
                (Vec::new(), None, true)
            }
        };
        let answers = answers.into_iter().chain(std::iter::repeat_with(|| None));
        let settle = |((ticket, job), answer): ((Ticket, Box<Unit<J>>), Option<_>)| {
            let unknown = unknown.as_mut().map(|error| Err(next_copy(error)));
            let Some(result) = answer.or(unknown) else {
                let ticket = ticket.into_alone();
                return Some(Queued { ticket, job });
            };
            answer_caller(job.reply, ticket.span, result);
            None
        };
        let units = tickets.into_iter().zip(jobs);
        JoinedRun {
            verdict,
            failed,
            left: units.zip(answers).map(settle).collect(),
        }
    }
    .boxed()
}

/// A statement that fails for several units is a defect, or rare: values are checked before, and conditions by the statement.
fn log_split(error: Option<&Error>) {
    let sqlstate = error.and_then(Error::sqlstate);
    tracing::warn!(
        sqlstate,
        "a joined statement failed; its units are run one at a time"
    );
}

/// The unit with its type. A lane takes only units of one type together.
fn open<J: Joinable>(Queued { ticket, job }: Queued) -> (Ticket, Box<Unit<J>>) {
    let job = job.into_any().downcast();
    (ticket, job.expect("the units of a batch have one type"))
}

/// The error, which leaves one that says the same about the outcome in its place.
fn next_copy<E: UnitError>(error: &mut E) -> E {
    let copy = Error::of_same_outcome(error.database());
    std::mem::replace(error, copy.into())
}
