//! `ListTasks`: parses the request, calls the use case, converts the page.

use api::{
    ids::UserId,
    paging::{self, PageTokens},
};
use chrono::{DateTime, Utc};
use contract::{
    proto::task::{ListTasksRequest, ListTasksResponse},
    refusal::Violations,
};
use serving::caller::authenticated;
use tonic::{Request, Response, Status};

use super::{
    Lists,
    domain::{ListTasks, Listing, Page, Skip},
    filter::Filter,
    order::Order,
    page_token,
};
use crate::error::Error;

pub(crate) async fn list(
    lists: &Lists,
    request: Request<ListTasksRequest>,
) -> Result<Response<ListTasksResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let now = lists.context.now();
    let command = parse(&message, caller.user_id, &lists.tokens, now)?;
    let page = lists.list(caller, call.deadline, command).await?;
    Ok(Response::new(page.into()))
}

fn parse(
    message: &ListTasksRequest,
    owner: UserId,
    tokens: &PageTokens,
    now: DateTime<Utc>,
) -> Result<ListTasks, Error> {
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
    let page_size = violations.take("page_size", paging::size(*page_size));
    let binding = page_token::binding(owner, filter, order_by, *show_deleted);
    let last = violations.take("page_token", tokens.open(page_token, binding, now));
    let skip = violations.take("skip", Skip::parse(*skip));
    let filter = violations.take("filter", Filter::parse(filter));
    let order = violations.take("order_by", Order::parse(order_by));
    let command = violations.finish(|| {
        Some(ListTasks {
            listing: Listing {
                filter: filter?,
                order: order?,
                show_deleted: *show_deleted,
            },
            last: last?,
            binding,
            page_size: page_size?,
            skip: skip?,
            count: *include_total_size,
        })
    })?;
    Ok(command)
}

impl From<Page> for ListTasksResponse {
    fn from(page: Page) -> Self {
        let Page {
            tasks,
            next_page_token,
            total_size,
        } = page;
        Self {
            tasks: tasks.into_iter().map(Into::into).collect(),
            next_page_token,
            total_size,
        }
    }
}
