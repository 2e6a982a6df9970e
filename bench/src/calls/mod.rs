//! The calls that the generator makes, and how their answers are checked.

mod changes;
mod page;
mod protocol;
mod reads;
mod refreshes;
mod rows;
mod seed;
mod sign_ins;
mod status;
mod template;

use contract::proto::{
    auth::auth_service_server::SERVICE_NAME as AUTH_SERVICE,
    task::task_service_server::SERVICE_NAME as TASK_SERVICE,
};

pub(crate) use self::{
    changes::{Change, Changes},
    page::Page,
    protocol::Protocol,
    reads::{PAGE, Question, Reads},
    refreshes::Refreshes,
    seed::{SeedCall, SeedCalls},
    sign_ins::SignIns,
    status::StatusCalls,
};
