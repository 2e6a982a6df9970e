//! Guards every statement of the service: each one binds the owner whose rows it is about, and PostgreSQL accepts it.
//!
//! The statements are read from all sources of this crate, so a new one is guarded without further work. Those of a list are
//! built in every form.

mod lists;
mod source;

use std::{collections::BTreeSet, fs};

use sqlx::{AssertSqlSafe, Executor as _, SqlStr};

use self::source::{SourceFile, files};
use crate::schema::testing_database;

/// The only statements that are not about one owner: they find the owners with rows to be removed, and keep the place up to which
/// deleted accounts were read. They read no task.
const NOT_OF_ONE_OWNER: [&str; 5] = [
    "select next_purge_time as \"time!\", user_id as owner from tasks.owner where next_purge_time <= $1 \
     and (next_purge_time, user_id) > ($2, $3) order by next_purge_time, user_id limit $4",
    "select next_purge_time as time, user_id as owner from tasks.deleted_account where next_purge_time <= $1 \
     and (next_purge_time, user_id) > ($2, $3) order by next_purge_time, user_id limit $4",
    "select count(*) as \"accounts!\", min(record_time) as oldest from tasks.deleted_account where purge_time is null",
    "select incarnation, sequence from tasks.deletions_read",
    "insert into tasks.deletions_read as r (incarnation, sequence) values ($1, $2) on conflict (singleton) do update \
     set incarnation = $1, sequence = $2 where r.incarnation <> $1 or r.sequence < $2",
];
/// The functions that run them.
const FUNCTIONS: [&str; 5] = [
    "list_due_owners",
    "list_due_accounts",
    "count_pending",
    "find_place",
    "set_place",
];

/// The statements that are checked when the crate is compiled.
fn checked() -> Vec<String> {
    files().iter().flat_map(SourceFile::statements).collect()
}

/// Whether the statement binds the owner in each part that uses a table.
fn binds_the_owner(statement: &str) -> bool {
    let flat = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if NOT_OF_ONE_OWNER.contains(&&*flat) {
        return true;
    }
    let tables = flat.matches("tasks.").count();
    let bound = flat.matches("user_id = $").count();
    let inserted = flat.matches("(user_id, ").count() + flat.matches("( user_id, ").count();
    let joined = count_of_units(&flat);
    // `on conflict (user_id…)` looks like the columns of an insert, but only inserts count.
    let conflicts = flat.matches("on conflict (user_id, ").count();
    tables > 0 && bound + joined + inserted - conflicts >= tables
}

/// How often a statement for several calls uses the owner of a call. Its arguments are arrays, of which the first is the owners; `k` has
/// a row for each call.
fn count_of_units(flat: &str) -> usize {
    let lists = flat.matches("from unnest((select $1::uuid[]), ").count();
    let named = flat.matches(" as k (owner, ").count();
    if (lists, named) == (1, 1) && flat.matches(" k (").count() == 1 {
        flat.matches("user_id = k.owner").count()
    } else {
        0
    }
}

#[test]
fn every_statement_binds_the_owner_in_each_part_that_uses_a_table() {
    let checked = checked();
    for exception in NOT_OF_ONE_OWNER {
        assert!(!exception.contains("tasks.task"), "{exception}");
        let same = checked.iter().filter(|statement| *statement == exception);
        assert_eq!(same.count(), 1, "{exception}");
    }
    for statement in checked.iter().chain(&lists::statements()) {
        assert!(binds_the_owner(statement), "{statement}");
    }
}

#[test]
fn a_statement_that_does_not_bind_the_owner_is_found() {
    for statement in [
        "select title from tasks.task where id = $1",
        "select title from tasks.task where id = $1 and user_id = any ($2)",
        "delete from tasks.task where id in (select id from tasks.task where user_id = $1)",
        "insert into tasks.task (id, title) values ($1, $2)",
        "update tasks.owner set revision = revision + 1",
        "select user_id from tasks.owner where next_purge_time <= $1",
        "select title from unnest((select $1::uuid[]), (select $2::uuid[])) as k (owner, task) join tasks.task on id = k.task",
        "select title from unnest((select $2::uuid[]), (select $1::uuid[])) as k (owner, task) join tasks.task on user_id = k.owner",
        "select title from unnest((select $1::uuid[]), (select $2::uuid[])) as k (task, owner) join tasks.task on user_id = k.owner",
        "select title from (select user_id from tasks.owner) as k (owner) join tasks.task on user_id = k.owner",
        "select 1",
    ] {
        assert!(!binds_the_owner(statement), "{statement}");
    }
}

/// The compiler accepts a statement only if its description is in `.sqlx`. So the statements of this schema in there are the
/// ones that are compiled, and the guard must have read each of them, to the letter.
#[test]
fn the_guard_reads_the_statements_that_are_compiled() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../.sqlx");
    let described = fs::read_dir(folder).unwrap().map(|entry| {
        let description = fs::read_to_string(entry.unwrap().path()).unwrap();
        let description: serde_json::Value = serde_json::from_str(&description).unwrap();
        description["query"].as_str().unwrap().to_owned()
    });
    let compiled: BTreeSet<String> = described.filter(|query| query.contains("tasks.")).collect();
    assert_eq!(checked().into_iter().collect::<BTreeSet<_>>(), compiled);
}

#[test]
fn only_a_store_runs_statements() {
    for SourceFile { path, code } in files() {
        for call in ["sqlx::query", "query!(", ".execute(", ".fetch_"] {
            // The macro of the statements over tasks has no text of its own.
            let allowed = path.ends_with("/store.rs") || path == "tasks/sql.rs";
            assert!(allowed || !code.contains(call), "{path} has {call}");
        }
    }
}

#[test]
fn only_a_list_runs_a_statement_that_is_not_checked_by_the_compiler() {
    let unchecked = [
        "QueryBuilder",
        "AssertSqlSafe",
        "raw_sql",
        "sqlx::query(",
        "sqlx::query_as(",
        "sqlx::query_scalar(",
        "sqlx::query::",
        "query_with(",
        "query_as_with(",
        "query_scalar_with(",
        "query_file",
        "_unchecked!",
    ];
    for SourceFile { path, code } in files() {
        if path == "lists/store.rs" {
            // The two that are built in every form here.
            assert_eq!(code.matches("QueryBuilder::new(").count(), 2);
            continue;
        }
        for call in unchecked {
            assert!(!code.contains(call), "{path} has {call}");
        }
    }
}

#[test]
fn every_store_function_takes_the_owner_or_the_calls_first_after_the_connection() {
    let mut functions = 0;
    let is_store = |file: &SourceFile| file.path.ends_with("/store.rs");
    for SourceFile { path, code } in files().into_iter().filter(is_store) {
        for signature in code.split("async fn ").skip(1) {
            let flat = signature.split_whitespace().collect::<Vec<_>>().join(" ");
            let (function, arguments) = flat.split_once('(').unwrap();
            if FUNCTIONS.contains(&function) {
                continue;
            }
            let arguments = arguments.trim_start();
            let first = if path == "tasks/joined/store.rs" {
                "units: &["
            } else {
                "owner: UserId"
            };
            let owned = arguments.starts_with(&format!("conn: &mut PgConnection, {first}"));
            assert!(owned, "{path}: {function}");
            functions += 1;
        }
    }
    assert!(functions >= 14, "{functions} functions were found");
}

#[tokio::test]
async fn postgresql_accepts_every_statement() {
    let database = testing_database().await;
    let mut conn = database.connect().await;
    for statement in checked().into_iter().chain(lists::statements()) {
        let sql: SqlStr = sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(statement.clone()));
        conn.prepare(sql)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}
