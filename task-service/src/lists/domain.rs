//! A list request and a page of its result.

use api::paging::Binding;
use contract::refusal::Problem;

use super::{filter::Filter, order::Order, page_token::LastTask};
use crate::tasks::domain::Task;

/// The largest number of tasks that can be skipped.
const MAX_SKIP: i32 = 10_000;

/// Which tasks are listed, and in which order.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) filter: Filter,
    pub(crate) order: Order,
    /// Also list deleted tasks that are not purged yet.
    pub(crate) show_deleted: bool,
}

/// `ListTasks`
#[derive(Debug, Clone)]
pub(crate) struct ListTasks {
    pub(crate) listing: Listing,
    /// The last task of the previous page; `None` for the first page.
    pub(crate) last: Option<LastTask>,
    /// What the token of the next page is bound to.
    pub(crate) binding: Binding,
    /// The largest number of tasks on the page: 1 to 200.
    pub(crate) page_size: usize,
    pub(crate) skip: Skip,
    /// Also count all tasks that match.
    pub(crate) count: bool,
}

impl ListTasks {
    /// Whether the primary key leads to the rows of the page. Anything else may read all tasks of the user.
    pub(crate) fn is_read_by_key(&self) -> bool {
        let Listing { filter, order, .. } = &self.listing;
        filter.condition().is_none()
            && order.columns().is_empty()
            && self.skip.number() == 0
            && !self.count
    }
}

/// The number of tasks to skip: 0 to 10,000.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skip(i32);

impl Skip {
    pub(crate) fn parse(number: i32) -> Result<Self, Problem> {
        if (0..=MAX_SKIP).contains(&number) {
            Ok(Self(number))
        } else {
            let description = format!("must be from 0 to {MAX_SKIP}");
            Err(Problem::new("OUT_OF_RANGE", description))
        }
    }

    pub(crate) fn number(self) -> i64 {
        self.0.into()
    }
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// In the order of the request.
    pub(crate) tasks: Vec<Task>,
    /// Empty on the last page.
    pub(crate) next_page_token: String,
    /// The number of all tasks that match, if the request asks for it.
    pub(crate) total_size: Option<i32>,
}
