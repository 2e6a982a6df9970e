//! The statements of a list. They depend on filter and order, so they are built at run time (docs/decisions/0002). Every
//! piece of SQL is in this file or a constant of the task statements; all values are bound.

use api::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{
    domain::Listing,
    filter::{Condition, Operator, Term, TimeField},
    order::{Key, Order, SortKey},
    page_token::{KeyValue, LastTask},
};
use crate::{
    error::Error,
    tasks::{
        domain::Task,
        sql::{COLUMNS, LIVE, PURGED_AFTER},
        store::check_owner,
    },
};

/// The owner's tasks that match, after `last`: skips `skip` tasks and returns at most `limit`.
pub(super) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    listing: &Listing,
    last: Option<&LastTask>,
    skip: i64,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Task>, Error> {
    let mut sql = page(owner, listing, last, skip, limit, now);
    let rows: Vec<Task> = sql.build_query_as().fetch_all(conn).await?;
    let checked = |row| check_owner(owner, Some(row)).transpose();
    rows.into_iter().filter_map(checked).collect()
}

/// The number of the owner's tasks that match, on all pages.
pub(super) async fn count_matching(
    conn: &mut PgConnection,
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let mut sql = count(owner, listing, now);
    Ok(sql.build_query_scalar().fetch_one(conn).await?)
}

/// The statement of [`list`].
pub(crate) fn page(
    owner: UserId,
    listing: &Listing,
    last: Option<&LastTask>,
    skip: i64,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select ");
    sql.push(COLUMNS);
    push_from(&mut sql, owner, listing, now);
    if let Some(last) = last {
        push_after(&mut sql, &listing.order, last);
    }
    sql.push(" order by ");
    for sort in listing.order.columns() {
        sql.push(column(sort.key))
            .push(direction(sort.descending))
            .push(", ");
    }
    sql.push("id").push(direction(listing.order.ids_descend()));
    sql.push(" limit ")
        .push_bind(limit)
        .push(" offset ")
        .push_bind(skip);
    sql
}

/// The statement of [`count_matching`].
pub(crate) fn count(
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select count(*)");
    push_from(&mut sql, owner, listing, now);
    sql
}

/// The owner's tasks that match.
fn push_from(
    sql: &mut QueryBuilder<Postgres>,
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) {
    sql.push(" from tasks.task where user_id = ")
        .push_bind(owner);
    sql.push(" and ");
    if listing.show_deleted {
        sql.push(PURGED_AFTER).push_bind(now);
    } else {
        sql.push(LIVE);
    }
    if let Some(condition) = listing.filter.condition() {
        sql.push(" and ");
        push_condition(sql, condition);
    }
}

/// A filter is nested 8 times at most, so this ends soon.
fn push_condition(sql: &mut QueryBuilder<Postgres>, condition: &Condition) {
    match condition {
        Condition::All(all) => push_joined(sql, all, " and "),
        Condition::Any(any) => push_joined(sql, any, " or "),
        Condition::Not(inner) => {
            sql.push("not (");
            push_condition(sql, inner);
            sql.push(")");
        }
        Condition::Term(term) => push_term(sql, term),
    }
}

fn push_joined(sql: &mut QueryBuilder<Postgres>, conditions: &[Condition], by: &'static str) {
    sql.push("(");
    for (position, condition) in conditions.iter().enumerate() {
        if position > 0 {
            sql.push(by);
        }
        push_condition(sql, condition);
    }
    sql.push(")");
}

/// Each term is true or false, never null, so that `not` of it is the opposite.
fn push_term(sql: &mut QueryBuilder<Postgres>, term: &Term) {
    match term {
        Term::Status(operator, status) => {
            sql.push("status")
                .push(comparison(*operator))
                .push_bind(*status as i32);
        }
        Term::Priority(operator, priority) => {
            sql.push("priority")
                .push(comparison(*operator))
                .push_bind(*priority as i32);
        }
        Term::Time(field, operator, time) => {
            sql.push("(").push(time_column(*field));
            sql.push(comparison(*operator)).push_bind(*time);
            sql.push(") is true");
        }
        Term::HasTime(field) => {
            sql.push(time_column(*field)).push(" is not null");
        }
        Term::Label(label) => {
            sql.push_bind(label.as_str().to_owned())
                .push(" = any (labels)");
        }
        Term::HasLabel => {
            sql.push("cardinality(labels) > 0");
        }
        Term::Constant(value) => {
            sql.push(if *value { "true" } else { "false" });
        }
        Term::Text(text) => {
            sql.push("(strpos(lower(title), lower(")
                .push_bind(text.as_str().to_owned())
                .push(")) > 0");
            sql.push(" or strpos(lower(description), lower(")
                .push_bind(text.as_str().to_owned())
                .push(")) > 0)");
        }
    }
}

/// Keyset paging: only tasks after the last task of the previous page, whatever was inserted or deleted since.
fn push_after(sql: &mut QueryBuilder<Postgres>, order: &Order, last: &LastTask) {
    let sorts: Vec<(&SortKey, &KeyValue)> = order.columns().iter().zip(&last.keys).collect();
    sql.push(" and (");
    for (position, (sort, value)) in sorts.iter().enumerate() {
        push_equal(sql, &sorts[..position]);
        sql.push(column(sort.key)).push(after(sort.descending));
        push_value(sql, value);
        sql.push(" or ");
    }
    push_equal(sql, &sorts);
    sql.push("id")
        .push(after(order.ids_descend()))
        .push_bind(last.id);
    sql.push(")");
}

fn push_equal(sql: &mut QueryBuilder<Postgres>, sorts: &[(&SortKey, &KeyValue)]) {
    for (sort, value) in sorts {
        sql.push(column(sort.key)).push(" = ");
        push_value(sql, value);
        sql.push(" and ");
    }
}

fn push_value(sql: &mut QueryBuilder<Postgres>, value: &KeyValue) {
    match value {
        KeyValue::Time(Some(micros)) => {
            sql.push_bind(
                DateTime::<Utc>::from_timestamp_micros(*micros).unwrap_or(DateTime::<Utc>::MAX_UTC),
            );
        }
        KeyValue::Time(None) => {
            sql.push("'infinity'::timestamptz");
        }
        KeyValue::Number(number) => {
            sql.push_bind(*number);
        }
        KeyValue::Text(text) => {
            sql.push_bind(text.clone());
        }
    }
}

fn time_column(field: TimeField) -> &'static str {
    match field {
        TimeField::Due => "due_time",
        TimeField::Create => "create_time",
        TimeField::Update => "update_time",
        TimeField::Complete => "complete_time",
    }
}

fn column(key: Key) -> &'static str {
    match key {
        Key::CreateTime => "create_time",
        Key::UpdateTime => "update_time",
        Key::DueTime => "coalesce(due_time, 'infinity')",
        Key::Priority => "priority",
        Key::Title => "title collate \"C\"",
    }
}

fn comparison(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => " = ",
        // Also true for a task without a due time.
        Operator::NotEqual => " is distinct from ",
        Operator::Less => " < ",
        Operator::LessOrEqual => " <= ",
        Operator::Greater => " > ",
        Operator::GreaterOrEqual => " >= ",
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { " desc" } else { " asc" }
}

fn after(descending: bool) -> &'static str {
    if descending { " < " } else { " > " }
}
