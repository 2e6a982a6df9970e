//! The units that are joined.

use database::{Answers, Error, Joinable};
use sqlx::postgres::PgConnection;

/// Adds a number to the table `seen`, with the number of units that ran together and the server process. The statement does nothing for
/// numbers from 1000, and fails for several if a negative one is among them.
#[derive(Debug)]
pub(super) struct Add(pub(super) i32);

const ADD: &str = "insert into seen select number, $2, pg_backend_pid() from unnest($1::int[]) number \
                   where case when number < 0 and $2 > 1 then 1 / (number - number) else 1 end = 1 returning number";

async fn add(numbers: Vec<i32>, conn: &mut PgConnection) -> Result<Vec<i32>, Error> {
    let together = i32::try_from(numbers.len()).unwrap();
    let added = sqlx::query_scalar(ADD).bind(numbers).bind(together);
    Ok(added.fetch_all(conn).await?)
}

impl Joinable for Add {
    type Output = i32;
    type Error = Error;

    const FUNCTION: &'static str = "database::tests::add";
    const EXCLUSIVE: bool = false;

    fn subject(&self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }

    async fn run_alone(self, conn: &mut PgConnection) -> Result<i32, Error> {
        let added = add(vec![self.0], conn).await?;
        Ok(added[0])
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        let numbers = units.iter().map(|unit| unit.0);
        let done = add(
            numbers.clone().filter(|number| *number < 1000).collect(),
            conn,
        )
        .await?;
        Ok(numbers
            .map(|number| done.contains(&number).then_some(Ok(number)))
            .collect())
    }
}

/// Ends the session of its connection while several units run, or waits for the lock that the test holds.
#[derive(Debug)]
pub(super) struct Fatal(pub(super) &'static str);

impl Joinable for Fatal {
    type Output = ();
    type Error = Error;

    const FUNCTION: &'static str = "database::tests::fatal";
    const EXCLUSIVE: bool = false;

    async fn run_alone(self, _conn: &mut PgConnection) -> Result<(), Error> {
        unreachable!("nothing is known of the outcome, so it is not run again")
    }

    async fn run_joined(units: &[&Self], conn: &mut PgConnection) -> Result<Answers<Self>, Error> {
        assert_ne!(units[0].0, "panic");
        sqlx::query(units[0].0).execute(conn).await?;
        Ok(units.iter().map(|_unit| Some(Ok(()))).collect())
    }
}
