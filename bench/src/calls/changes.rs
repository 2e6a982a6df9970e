//! `CreateTask` and `UpdateTask` over gRPC.

use std::{net::SocketAddr, sync::Arc};

use contract::proto::task::{CreateTaskRequest, Task, UpdateTaskRequest};
use http::Request;
use prost::bytes::Bytes;
use prost_types::FieldMask;

use super::{TASK_SERVICE, protocol::Protocol, rows::Rows, template::Template};
use crate::{
    deployment::{Deployment, User},
    generator::{Answer, Calls},
    population::{Population, task_id},
    random::Random,
};

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new task.
    Create,
    /// The title of a task.
    Update,
}

impl Change {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Create => "CreateTask",
            Self::Update => "UpdateTask",
        }
    }
}

/// Changes by users chosen at random.
pub(crate) struct Changes {
    change: Change,
    population: Population,
    users: Arc<Vec<User>>,
    template: Template,
}

/// Whose row the answer must have.
pub(crate) struct Expected {
    user: usize,
    /// The id, unless the server chooses it.
    task: Option<String>,
}

impl Changes {
    pub(crate) fn new(
        change: Change,
        address: SocketAddr,
        deployment: &Deployment,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            change,
            population: deployment.population,
            users: Arc::clone(&deployment.users),
            template: Template::grpc(address, TASK_SERVICE, change.method())?,
        })
    }

    /// The body, and the id of the task that it changes.
    fn body(&self, task: u64) -> (Bytes, Option<String>) {
        let mut changed = Task {
            title: format!("Changed, number {task}"),
            ..Task::default()
        };
        match self.change {
            Change::Create => {
                let request = CreateTaskRequest {
                    task: Some(changed),
                    ..CreateTaskRequest::default()
                };
                (Protocol::Grpc.message(&request), None)
            }
            Change::Update => {
                let id = task_id(task);
                changed.id.clone_from(&id);
                let request = UpdateTaskRequest {
                    task: Some(changed),
                    update_mask: Some(FieldMask {
                        paths: vec!["title".to_owned()],
                    }),
                    ..UpdateTaskRequest::default()
                };
                (Protocol::Grpc.message(&request), Some(id))
            }
        }
    }
}

impl Calls for Changes {
    type Expected = Expected;

    fn next(&self, random: &mut Random) -> (Request<Bytes>, Expected) {
        let task = random.below(self.population.tasks);
        let user = usize::try_from(self.population.owner(task)).expect("users are in memory");
        let (body, task) = self.body(task);
        let request = self.template.post_as(&self.users[user].bearer, body);
        (request, Expected { user, task })
    }

    fn check(&self, expected: &Expected, answer: &Answer) -> anyhow::Result<()> {
        let rows = Rows {
            number: 1,
            user: &self.users[expected.user].id,
            task: expected.task.as_deref(),
        };
        Protocol::Grpc.check(&rows, answer)
    }
}
