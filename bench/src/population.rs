//! The users and tasks that all arms work on. A row is found by its number, so that a program without a list of rows, such as
//! pgbench, can compute its keys.
//!
//! Task `n` belongs to user `n % users`: the tasks of a user are spread over the table, as they are when users create them at the same
//! time.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The first 16 digits of all ids of a kind: a time, and version 7.
pub(crate) const USER_PREFIX: &str = "019b76da84007000";
pub(crate) const TASK_PREFIX: &str = "019b76da84007001";
/// The other 16 digits are this number plus that of the row, in decimal. The first digit is the variant of RFC 9562.
pub(crate) const FIRST: u64 = 8_000_000_000_000_000;
/// Tasks that one statement inserts.
const CHUNK: u64 = 50_000;

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) users: u64,
    pub(crate) tasks: u64,
}

impl Population {
    /// The number of the user who has this task.
    pub(crate) fn owner(&self, task: u64) -> u64 {
        task % self.users
    }

    /// Adds the tasks and the counters of their owners. Writes its progress to standard error.
    pub(crate) async fn load_tasks(&self, database: &str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(database).await?;
        let mut done = 0;
        while done < self.tasks {
            let next = (done + CHUNK).min(self.tasks);
            execute(&mut connection, self.insert_tasks(done, next - 1)).await?;
            done = next;
            eprintln!("loading: {done} of {} tasks", self.tasks);
        }
        execute(&mut connection, self.insert_owners()).await?;
        for statement in [
            "vacuum analyze tasks.task",
            "vacuum analyze tasks.owner",
            "checkpoint",
        ] {
            execute(&mut connection, statement.to_owned()).await?;
        }
        Ok(connection.close().await?)
    }

    /// Adds tasks of the first user, with the numbers after all others.
    pub(crate) async fn load_more_of_the_first(
        &self,
        database: &str,
        number: u64,
    ) -> anyhow::Result<()> {
        let alone = Self {
            users: 1,
            tasks: self.tasks + number,
        };
        let insert = alone.insert_tasks(self.tasks, alone.tasks - 1);
        run(database, &[insert, "vacuum analyze tasks.task".to_owned()]).await?;
        Ok(())
    }

    fn insert_tasks(&self, first: u64, last: u64) -> String {
        let users = self.users;
        format!(
            "insert into tasks.task (user_id, id, title, description, status, priority, labels, create_time, update_time, revision)
             select {}, {}, 'Task number ' || n, repeat('x', (n % 100)::integer), 1, 2, '{{}}',
                to_timestamp(x'019b76da8400'::bigint / 1000.0), to_timestamp(x'019b76da8400'::bigint / 1000.0), n / {users} + 1
             from generate_series({first}::bigint, {last}) n",
            sql_id(USER_PREFIX, &format!("n % {users}")),
            sql_id(TASK_PREFIX, "n"),
        )
    }

    fn insert_owners(&self) -> String {
        let Self { users, tasks } = self;
        format!(
            "insert into tasks.owner (user_id, revision, live_count, stored_count, request_count)
             select {}, {tasks} / {users} + 1, c, c, 0
             from generate_series(0::bigint, {users} - 1) n, lateral (select (({tasks} - 1 - n) / {users} + 1)::integer as c) c
             where n < {tasks}",
            sql_id(USER_PREFIX, "n"),
        )
    }
}

/// Accounts that are copies of one that exists. All have its password.
pub(crate) struct Copies<'a> {
    pub(crate) template: &'a str,
    /// The first digits of their ids.
    pub(crate) prefix: &'a str,
    /// Their addresses are `name-0@example.test` and so on.
    pub(crate) name: &'a str,
    pub(crate) number: u64,
}

impl Copies<'_> {
    /// Adds the accounts.
    pub(crate) async fn load(&self, database: &str) -> anyhow::Result<()> {
        let Self {
            template,
            prefix,
            name,
            number,
        } = self;
        let statement = format!(
            "insert into auth.account (id, email, email_hash, password_hash, display_name, role, state, epoch, revision,
                create_time, update_time)
             select {}, e.email, sha256(e.email::bytea), a.password_hash, a.display_name, a.role, a.state, a.epoch, a.revision,
                a.create_time, a.update_time
             from auth.account a, generate_series(0, {number} - 1) n,
                lateral (select '{name}-' || n || '@example.test' as email) e
             where a.email = '{template}'",
            sql_id(prefix, "n"),
        );
        let added = run(
            database,
            &[statement, "vacuum analyze auth.account".to_owned()],
        )
        .await?;
        anyhow::ensure!(added[0] == *number, "{} accounts were added", added[0]);
        Ok(())
    }
}

/// The email of a copy.
pub(crate) fn email(name: &str, number: u64) -> String {
    format!("{name}-{number}@example.test")
}

/// The id of a user.
pub(crate) fn user_id(user: u64) -> String {
    id(USER_PREFIX, user)
}

/// The id of a task.
pub(crate) fn task_id(task: u64) -> String {
    id(TASK_PREFIX, task)
}

/// The id of a row, with hyphens.
pub(crate) fn id(prefix: &str, number: u64) -> String {
    let digits = format!("{prefix}{}", FIRST + number);
    let mut id = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

/// The same in SQL.
pub(crate) fn sql_id(prefix: &str, number: &str) -> String {
    format!("('{prefix}' || ({FIRST} + {number})::text)::uuid")
}

/// Runs statements, and returns how many rows each of them changed.
pub(crate) async fn run(database: &str, statements: &[String]) -> anyhow::Result<Vec<u64>> {
    let mut connection = PgConnection::connect(database).await?;
    let mut changed = Vec::new();
    for statement in statements {
        changed.push(execute(&mut connection, statement.clone()).await?);
    }
    connection.close().await?;
    Ok(changed)
}

async fn execute(connection: &mut PgConnection, statement: String) -> anyhow::Result<u64> {
    let context = statement.clone();
    // The statements have numbers and constants of this file only.
    let done = sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await;
    Ok(done.context(context)?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        assert_eq!(user_id(0), "019b76da-8400-7000-8000-000000000000");
        assert_eq!(task_id(999_999), "019b76da-8400-7001-8000-000000999999");
        // The variant stays that of RFC 9562 for every number that is used.
        assert_eq!(&task_id(10_000_000)[19..20], "8");
    }

    #[test]
    fn the_tasks_of_a_user_are_spread() {
        let population = Population {
            users: 10,
            tasks: 100,
        };
        assert_eq!([7, 17, 97].map(|task| population.owner(task)), [7, 7, 7]);
    }
}
