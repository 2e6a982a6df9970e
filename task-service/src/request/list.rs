//! `ListTasks`

use chrono::{DateTime, Utc};
use shared::{
    ids::UserId,
    proto::task::ListTasksRequest,
    refusal::{Problem, Violations},
};

use crate::{
    error::Error,
    filter::Filter,
    order::Order,
    page_token::{Binding, Last, PageTokens},
    store::list::Listing,
};

/// The page size of a request that names none.
const USUAL: usize = 50;
/// The largest page.
const LARGEST: usize = 200;
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
        let size = violations.take("page_size", size(*page_size));
        let binding = Binding::of(owner, filter, order_by, *show_deleted);
        let last = violations.take("page_token", last(page_token, tokens, binding, now));
        let skip = violations.take("skip", skipped(*skip));
        let filter = violations.take("filter", Filter::parse(filter));
        let order = violations.take("order_by", Order::parse(order_by));
        let parsed = violations.finish(|| {
            let (filter, order, show_deleted) = (filter?, order?, *show_deleted);
            Some(Self {
                listing: Listing {
                    filter,
                    order,
                    show_deleted,
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

/// Where the page before ended; `None` on the first page.
fn last(
    token: &str,
    tokens: &PageTokens,
    binding: Binding,
    now: DateTime<Utc>,
) -> Result<Option<Last>, Problem> {
    if token.is_empty() {
        return Ok(None);
    }
    tokens.open(token, binding, now).map(Some)
}

/// AIP-158: nothing means the usual size, too much means the largest.
fn size(asked: i32) -> Result<usize, Problem> {
    match usize::try_from(asked) {
        Ok(0) => Ok(USUAL),
        Ok(size) => Ok(size.min(LARGEST)),
        Err(_negative) => Err(Problem::new("OUT_OF_RANGE", "must not be negative")),
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
