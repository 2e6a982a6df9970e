//! The statements of a list in every form: each term, each way to join terms, and each order, with and without a previous page, with and without
//! deleted tasks.

use api::ids::UserId;
use chrono::DateTime;

use crate::{
    lists::{
        domain::Listing,
        filter::Filter,
        order::{Key, Order},
        page_token::LastTask,
        store,
    },
    tasks::domain::Draft,
};

const FILTERS: [&str; 8] = [
    "",
    "status = PENDING",
    "status != PENDING AND priority < HIGH AND priority >= LOW",
    "due_time < \"2026-01-01T00:00:00Z\" AND create_time > \"2026-01-01T00:00:00Z\" AND update_time != \"2026-01-01T00:00:00Z\"",
    "labels:\"x\" AND \"text\"",
    "complete_time >= \"2026-01-01T00:00:00Z\" OR -labels:\"x\" OR NOT (\"text\" AND status = PENDING)",
    "due_time:* AND create_time:* OR update_time:* AND complete_time:* AND labels:*",
    "due_time = \"2026-01-01T00:00:00.0000005Z\" OR due_time != \"2026-01-01T00:00:00.0000005Z\"",
];

fn orders() -> Vec<String> {
    let directions = |key: Key| [key.name().to_owned(), format!("{} desc", key.name())];
    let mut orders: Vec<String> = Key::ALL.into_iter().flat_map(directions).collect();
    orders.push("priority desc, due_time, title desc".to_owned());
    orders.push("create_time, title".to_owned());
    orders
}

pub(super) fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for filter in FILTERS {
        for order in orders() {
            for show_deleted in [false, true] {
                found.extend(statements_of(&Listing {
                    filter: Filter::parse(filter).unwrap(),
                    order: Order::parse(&order).unwrap(),
                    show_deleted,
                }));
            }
        }
    }
    found
}

fn statements_of(listing: &Listing) -> [String; 3] {
    let now = DateTime::UNIX_EPOCH;
    let owner = UserId::at(now);
    let task = Draft::for_test("t", "").into_task(owner, now);
    let last = LastTask::of(&task, &listing.order);
    [
        store::page(owner, listing, None, 0, 1, now),
        store::page(owner, listing, Some(&last), 0, 1, now),
        store::count(owner, listing, now),
    ]
    .map(|sql| sql.into_sql().as_str().to_owned())
}
