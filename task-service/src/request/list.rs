//! `ListTasks`

use chrono::{DateTime, Utc};
use shared::{
    ids::UserId,
    paging::{self, Binding, PageTokens},
    proto::task::ListTasksRequest,
    refusal::{Problem, Violations},
};

use crate::{
    error::Error,
    filter::Filter,
    order::Order,
    page_token::{self, Last},
    store::list::Listing,
};

/// How many tasks can be passed over.
const MOST_SKIPPED: i32 = 10_000;

/// A page of tasks to be shown.
#[derive(Debug, Clone)]
pub struct List {
    /// Which tasks, in which order.
    pub listing: Listing,
    /// Where the page before ended.
    pub last: Option<Last>,
    /// What the token of the next page is bound to.
    pub binding: Binding,
    /// Tasks at most, 1 to 200.
    pub page_size: usize,
    /// Tasks to pass over, 0 to 10,000.
    pub skip: i64,
    /// Whether all that match are to be counted too.
    pub count: bool,
}

impl List {
    /// Parses the message of `owner` at `now`.
    pub fn parse(
        message: &ListTasksRequest,
        owner: UserId,
        tokens: &PageTokens,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let ListTasksRequest {
            page_size,
            page_token,
            skip,
            filter,
            order_by,
            show_deleted,
            include_total_size,
        } = message;
        let mut violations = Violations::default();
        let size = violations.take("page_size", paging::size(*page_size));
        let binding = page_token::binding(owner, filter, order_by, *show_deleted);
        let last = violations.take("page_token", tokens.open(page_token, binding, now));
        let skip = violations.take("skip", skipped(*skip));
        let filter = violations.take("filter", Filter::parse(filter));
        let order = violations.take("order_by", Order::parse(order_by));
        let parsed = violations.finish(|| {
            Some(Self {
                listing: Listing {
                    filter: filter?,
                    order: order?,
                    show_deleted: *show_deleted,
                },
                last: last?,
                binding,
                page_size: size?,
                skip: skip?,
                count: *include_total_size,
            })
        })?;
        Ok(parsed)
    }
}

fn skipped(asked: i32) -> Result<i64, Problem> {
    if (0..=MOST_SKIPPED).contains(&asked) {
        Ok(asked.into())
    } else {
        Err(Problem::new(
            "OUT_OF_RANGE",
            format!("must be from 0 to {MOST_SKIPPED}"),
        ))
    }
}
