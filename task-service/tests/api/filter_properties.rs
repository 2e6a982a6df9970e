//! Properties of every filter and every order, tested over the network. `PROPTEST_CASES` sets how many are tried.

use contract::proto::task::ListTasksRequest;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use testing::assert_refused;
use tonic::{Code, Status};

use crate::{
    filter_and_order::user_with_three_tasks,
    generated::runtime,
    world::{User, World},
};

/// What filters and orders are made of, and what they are not.
const PIECES: [&str; 44] = [
    "status",
    "priority",
    "due_time",
    "create_time",
    "update_time",
    "complete_time",
    "labels",
    "title",
    "AND",
    "OR",
    "NOT",
    "-",
    "(",
    ")",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    ":",
    "*",
    ",",
    " desc",
    "\"",
    "\\",
    "\0",
    "PENDING",
    "TASK_STATUS_COMPLETED",
    "HIGH",
    "\"milk\"",
    "\"a\0b\"",
    "\"%_\\\\\"",
    "\"\"",
    "\"\u{202e}\"",
    "\"\u{10ffff}\"",
    "\"2026-01-01T00:00:00Z\"",
    "\"2016-12-31T23:59:60Z\"",
    "\"2026-01-01T12:00:60.9Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:59.9999999Z\"",
    "\"-262143-01-01T00:00:00Z\"",
    "'",
    ";",
];

/// Text that may be a filter or an order, or nothing of the kind.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => vec(any::<char>(), 0..4).prop_map(|characters| characters.into_iter().collect()),
        1 => "\"\\PC{0,5}\"",
    ];
    let pieces = vec(piece, 0..12);
    (pieces, select(vec!["", " "])).prop_map(|(pieces, space)| pieces.join(space))
}

/// A term that the contract accepts.
fn term() -> impl Strategy<Value = String> {
    let time = select(vec![
        "due_time",
        "create_time",
        "update_time",
        "complete_time",
    ]);
    let operator = select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let moment = prop_oneof![
        Just("1970-01-01T00:01:40.0000005Z".to_owned()),
        Just("1970-01-01T00:01:40Z".to_owned()),
        Just("2015-06-30T23:59:60.999999999Z".to_owned()),
        (1..=9999_u16, 1..=12_u8, 0..60_u8, any::<u64>()).prop_map(
            |(year, month, second, fraction)| {
                format!("{year:04}-{month:02}-15T00:00:{second:02}.{fraction}+13:59")
            }
        ),
    ];
    let comparison = (time.clone(), operator.clone(), moment)
        .prop_map(|(time, operator, moment)| format!("{time} {operator} \"{moment}\""));
    let priority = operator.prop_map(|operator| format!("priority {operator} NORMAL"));
    let others = select(vec![
        "status = PENDING",
        "status != COMPLETED",
        "labels:\"work\"",
        "labels:*",
    ]);
    prop_oneof![
        comparison,
        priority,
        time.prop_map(|time| format!("{time}:*")),
        others.prop_map(str::to_owned),
    ]
}

/// A filter that the contract accepts.
fn valid_filter() -> impl Strategy<Value = String> {
    term().prop_recursive(2, 8, 3, |inner| {
        let joined = |by: &'static str| {
            vec(inner.clone(), 1..=3).prop_map(move |all| format!("({})", all.join(by)))
        };
        let sign = select(vec!["NOT ", "-"]);
        prop_oneof![
            joined(" AND "),
            joined(" OR "),
            (sign, inner.clone()).prop_map(|(sign, inner)| format!("{sign}({inner})")),
        ]
    })
}

fn check<S: Strategy>(strategy: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(strategy, property)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// The number of tasks that match.
async fn count(user: &User, filter: &str, order_by: &str) -> Result<i32, Status> {
    let request = ListTasksRequest {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        include_total_size: true,
        ..Default::default()
    };
    let page = user.list_tasks(request).await?;
    Ok(page.total_size.unwrap())
}

#[test]
fn any_filter_and_any_order_is_answered_or_refused_as_invalid() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(user_with_three_tasks(&world));
    check(&(any_text(), any_text()), |(filter, order_by)| {
        for (filter, order_by) in [(&*filter, ""), ("", &*order_by)] {
            if let Err(refused) = runtime.block_on(count(&user, filter, order_by)) {
                assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
            }
        }
        Ok(())
    });
}

#[test]
fn a_valid_filter_and_its_negation_match_each_task_once() {
    let runtime = runtime();
    let world = runtime.block_on(World::new());
    let user = runtime.block_on(user_with_three_tasks(&world));
    check(&valid_filter(), |filter| {
        let negated = format!("NOT ({filter})");
        let matching = runtime.block_on(count(&user, &filter, "")).unwrap();
        let others = runtime.block_on(count(&user, &negated, "")).unwrap();
        prop_assert_eq!(matching + others, 3, "{}", filter);
        Ok(())
    });
}
