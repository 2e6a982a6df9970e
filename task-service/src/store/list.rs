//! The one statement that is not fixed: a page of tasks, by filter and order, and the count of all that match. Only values
//! are bound; every piece of SQL text stands in this file.

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::{
    domain::Task,
    error::Error,
    filter::{Filter, Operator, Term, TimeField},
    order::{Key, Order, Sort},
    page_token::{KeyValue, Last},
};

/// What is listed.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Which tasks.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Also deleted ones that are not purged.
    pub show_deleted: bool,
}

/// The rows of a page of `owner`'s tasks after `last`: at most `limit` after passing over `skip`.
pub(crate) async fn list(
    conn: &mut PgConnection,
    owner: UserId,
    listing: &Listing,
    last: Option<&Last>,
    skip: i64,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Task>, Error> {
    let mut sql = page(owner, listing, last, skip, limit, now);
    let rows: Vec<Task> = sql.build_query_as().fetch_all(conn).await?;
    let checked = |row| super::owned(owner, Some(row)).transpose();
    rows.into_iter().filter_map(checked).collect()
}

/// How many of `owner`'s tasks match, on whatever page.
pub(crate) async fn count_matching(
    conn: &mut PgConnection,
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let mut sql = count(owner, listing, now);
    Ok(sql.build_query_scalar().fetch_one(conn).await?)
}

/// The statement of a page of `owner`'s tasks after `last`: at most `limit` rows after passing over `skip`.
pub(crate) fn page(
    owner: UserId,
    listing: &Listing,
    last: Option<&Last>,
    skip: i64,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(
        "select user_id, id, title, description, status, priority, labels, due_time, create_time, update_time, \
         complete_time, delete_time, purge_time, revision from tasks.task where user_id = ",
    );
    matching(&mut sql, owner, listing, now);
    if let Some(last) = last {
        after(&mut sql, &listing.order, last);
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

/// The statement of the count of `owner`'s tasks that match.
pub(crate) fn count(
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select count(*) from tasks.task where user_id = ");
    matching(&mut sql, owner, listing, now);
    sql
}

fn matching(
    sql: &mut QueryBuilder<Postgres>,
    owner: UserId,
    listing: &Listing,
    now: DateTime<Utc>,
) {
    sql.push_bind(owner);
    if listing.show_deleted {
        sql.push(" and (purge_time is null or purge_time > ")
            .push_bind(now)
            .push(")");
    } else {
        sql.push(" and delete_time is null");
    }
    for term in listing.filter.terms() {
        sql.push(" and ");
        holds(sql, term);
    }
}

fn holds(sql: &mut QueryBuilder<Postgres>, term: &Term) {
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
            sql.push(match field {
                TimeField::Due => "due_time",
                TimeField::Create => "create_time",
                TimeField::Update => "update_time",
            });
            sql.push(comparison(*operator)).push_bind(*time);
        }
        Term::Label(label) => {
            sql.push_bind(label.clone()).push(" = any (labels)");
        }
        Term::Text(text) => {
            sql.push("(strpos(lower(title), lower(")
                .push_bind(text.clone())
                .push(")) > 0");
            sql.push(" or strpos(lower(description), lower(")
                .push_bind(text.clone())
                .push(")) > 0)");
        }
    }
}

/// Keyset paging: strictly after the last row of the page before, whatever has been inserted or deleted since.
fn after(sql: &mut QueryBuilder<Postgres>, order: &Order, last: &Last) {
    let sorts: Vec<(&Sort, &KeyValue)> = order.columns().iter().zip(&last.keys).collect();
    sql.push(" and (");
    for (position, (sort, value)) in sorts.iter().enumerate() {
        equal_before(sql, &sorts[..position]);
        sql.push(column(sort.key)).push(beyond(sort.descending));
        bind(sql, value);
        sql.push(" or ");
    }
    equal_before(sql, &sorts);
    sql.push("id")
        .push(beyond(order.ids_descend()))
        .push_bind(last.id);
    sql.push(")");
}

fn equal_before(sql: &mut QueryBuilder<Postgres>, sorts: &[(&Sort, &KeyValue)]) {
    for (sort, value) in sorts {
        sql.push(column(sort.key)).push(" = ");
        bind(sql, value);
        sql.push(" and ");
    }
}

fn bind(sql: &mut QueryBuilder<Postgres>, value: &KeyValue) {
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
        // A task without a due time is not due then either.
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

fn beyond(descending: bool) -> &'static str {
    if descending { " < " } else { " > " }
}
