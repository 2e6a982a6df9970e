//! Every statement of the service names the owner whose rows it is about, and PostgreSQL understands it.
//!
//! The statements are read from the sources of this folder, so a new one is in here without anyone thinking of it; those
//! built for a list are built here in every shape.

use std::fs;

use chrono::DateTime;
use shared::ids::{TaskId, UserId};
use sqlx::{AssertSqlSafe, Executor as _, SqlStr};

use super::list::{self, Listing};
use crate::{
    filter::Filter,
    order::{Key, Order},
    page_token::{KeyValue, Last},
};

/// What the macro of `task.rs` adds to a statement that returns tasks.
const COLUMNS: &str = "user_id, id, title, description, status, priority, labels, due_time, create_time, update_time, \
                       complete_time, delete_time, purge_time, revision";

/// The one statement that is not about one owner: it finds out whose turn it is, and reads no task.
const WHOSE_TURN: &str =
    "select user_id from tasks.owner where next_purge_time <= $1 order by next_purge_time limit $2";

/// The statements between `r#"` and `"#` in a source, completed as the macros complete them.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("r#\"") {
        let (statement, behind) = after.split_once("\"#").expect("a raw string ends");
        let statement = statement.trim();
        found.push(if before.trim_end().ends_with("select") {
            format!("select {COLUMNS} {statement}")
        } else if behind.trim_start().starts_with("returning") {
            format!("{statement} returning {COLUMNS}")
        } else {
            statement.to_owned()
        });
        rest = behind;
    }
    found
}

fn sources() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let named = files.map(|path| {
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            fs::read_to_string(path).unwrap(),
        )
    });
    named.filter(|(name, _)| name != "guard.rs").collect()
}

fn fixed() -> Vec<String> {
    sources()
        .iter()
        .flat_map(|(_, source)| statements(source))
        .collect()
}

/// The statements of a list in every shape: each term, each order, with and without a page before, deleted ones or not.
fn built() -> Vec<String> {
    let filters = [
        "",
        "status = PENDING",
        "status != PENDING AND priority < HIGH AND priority >= LOW",
        "due_time < \"2026-01-01T00:00:00Z\" AND create_time > \"2026-01-01T00:00:00Z\" AND update_time != \"2026-01-01T00:00:00Z\"",
        "labels:\"x\" AND \"text\"",
    ];
    let keys = [
        "create_time",
        "update_time",
        "due_time",
        "priority",
        "title",
    ];
    let mut orders: Vec<String> = keys
        .iter()
        .flat_map(|key| [(*key).to_owned(), format!("{key} desc")])
        .collect();
    orders.push("priority desc, due_time, title desc".to_owned());
    orders.push("create_time, title".to_owned());
    let now = DateTime::UNIX_EPOCH;
    let owner = UserId::at(now);
    let mut found = Vec::new();
    for filter in filters {
        for order in &orders {
            for show_deleted in [false, true] {
                let listing = Listing {
                    filter: Filter::parse(filter).unwrap(),
                    order: Order::parse(order).unwrap(),
                    show_deleted,
                };
                let last = last(&listing.order);
                for last in [None, Some(&last)] {
                    found.push(list::page(owner, &listing, last, 0, 1, now).into_sql());
                }
                found.push(list::count(owner, &listing, now).into_sql());
            }
        }
    }
    found.iter().map(|sql| sql.as_str().to_owned()).collect()
}

fn last(order: &Order) -> Last {
    let keys = order.columns().iter().map(|sort| match sort.key {
        Key::CreateTime | Key::UpdateTime => KeyValue::Time(Some(0)),
        Key::DueTime => KeyValue::Time(None),
        Key::Priority => KeyValue::Number(1),
        Key::Title => KeyValue::Text(String::new()),
    });
    Last {
        keys: keys.collect(),
        id: TaskId::at(DateTime::UNIX_EPOCH),
    }
}

/// Whether every part of a statement that reaches into a table says whose rows it means.
fn names_the_owner(statement: &str) -> bool {
    let flat = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat == WHOSE_TURN {
        return true;
    }
    let tables = flat.matches("tasks.").count();
    let bound = flat.matches("user_id = $").count();
    let inserted = flat.matches("(user_id, ").count() + flat.matches("( user_id, ").count();
    // `on conflict (user_id…)` and the columns of an insert look alike; only inserts into a table count.
    let conflicts = flat.matches("on conflict (user_id, ").count();
    tables > 0 && bound + inserted - conflicts >= tables
}

#[test]
fn every_statement_names_the_owner_in_each_part_that_reaches_into_a_table() {
    let fixed = fixed();
    let calls: usize = sources()
        .iter()
        .map(|(_, source)| {
            [
                "sqlx::query!(",
                "sqlx::query_as!(",
                "sqlx::query_scalar!(",
                "tasks!(",
            ]
            .map(|call| source.matches(call).count())
            .iter()
            .sum::<usize>()
        })
        .sum();
    // The macro of `task.rs` holds two calls of its own.
    assert_eq!(
        fixed.len(),
        calls - 2,
        "every call of a macro holds a raw string that is read here"
    );
    assert_eq!(
        fixed
            .iter()
            .filter(|statement| **statement == WHOSE_TURN)
            .count(),
        1
    );
    for statement in fixed.iter().chain(&built()) {
        assert!(names_the_owner(statement), "{statement}");
    }
}

#[test]
fn a_statement_that_forgets_the_owner_does_not_pass() {
    for forgetful in [
        "select title from tasks.task where id = $1",
        "select title from tasks.task where id = $1 and user_id = any ($2)",
        "delete from tasks.task where id in (select id from tasks.task where user_id = $1)",
        "insert into tasks.task (id, title) values ($1, $2)",
        "update tasks.owner set revision = revision + 1",
        "select user_id from tasks.owner where next_purge_time <= $1",
        "select 1",
    ] {
        assert!(!names_the_owner(forgetful), "{forgetful}");
    }
}

#[test]
fn no_statement_is_run_but_from_the_store() {
    let mut folders = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src").into()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("store") {
                    folders.push(path);
                }
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let (code, _tests) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
            for call in [
                "sqlx::query",
                "QueryBuilder",
                "raw_sql",
                ".execute(",
                ".fetch_",
            ] {
                assert!(!code.contains(call), "{} has {call}", path.display());
            }
        }
    }
}

#[test]
fn every_store_function_takes_the_owner_first_after_the_connection() {
    let mut functions = 0;
    for (name, source) in sources() {
        for signature in source.split("async fn ").skip(1) {
            let flat = signature.split_whitespace().collect::<Vec<_>>().join(" ");
            let (function, arguments) = flat.split_once('(').unwrap();
            if function == "list_due_owners"
                || source
                    .find("#[cfg(test)]")
                    .is_some_and(|at| source.find(signature) > Some(at))
            {
                continue;
            }
            assert!(
                arguments
                    .trim_start()
                    .starts_with("conn: &mut PgConnection, owner: UserId"),
                "{name}: {function}"
            );
            functions += 1;
        }
    }
    assert!(functions >= 14, "{functions} functions were found");
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    let database = crate::testing_database().await;
    let mut conn = database.connect().await;
    for statement in fixed().into_iter().chain(built()) {
        let sql: SqlStr = sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(statement.clone()));
        conn.prepare(sql)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}
