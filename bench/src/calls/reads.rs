//! `GetTask` and `ListTasks` in every protocol.

use std::{net::SocketAddr, sync::Arc};

use clap::ValueEnum;
use http::{Method, Request};
use prost::bytes::Bytes;

use super::{TASK_SERVICE, protocol::Protocol, rows::Rows, template::Template};
use crate::{
    deployment::{Deployment, User},
    generator::{Answer, Calls},
    population::{Population, task_id},
    random::Random,
};

/// Tasks on a page.
pub(crate) const PAGE: u64 = 50;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Question {
    GetTask,
    ListTasks,
}

impl Question {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GetTask => "GetTask",
            Self::ListTasks => "ListTasks of 50",
        }
    }
}

/// Reads of users chosen at random.
pub(crate) struct Reads {
    protocol: Protocol,
    question: Question,
    population: Population,
    users: Arc<Vec<User>>,
    /// All but the id in the path of REST.
    template: Template,
    /// The body of all calls for a page.
    page: Bytes,
}

/// Whose rows an answer must have.
pub(crate) struct Expected {
    user: usize,
    /// The id of the task, when one is asked for.
    task: Option<String>,
}

impl Reads {
    pub(crate) fn new(
        protocol: Protocol,
        question: Question,
        address: SocketAddr,
        deployment: &Deployment,
    ) -> anyhow::Result<Self> {
        let path = match (protocol, question) {
            (Protocol::Rest, Question::GetTask) => "/api/tasks/".to_owned(),
            (Protocol::Rest, Question::ListTasks) => format!("/api/tasks?limit={PAGE}"),
            (_, Question::GetTask) => format!("/{TASK_SERVICE}/GetTask"),
            (_, Question::ListTasks) => format!("/{TASK_SERVICE}/ListTasks"),
        };
        Ok(Self {
            protocol,
            question,
            population: deployment.population,
            users: Arc::clone(&deployment.users),
            template: Template::new(protocol, &format!("http://{address}{path}"))?,
            page: protocol.list(PAGE)?,
        })
    }

    /// The same for a table with fewer tasks, of the first users.
    pub(crate) fn of(self, population: Population) -> Self {
        Self { population, ..self }
    }

    /// Makes a call one of REST: a GET, with the id of its task in the path.
    fn make_rest(&self, request: &mut Request<Bytes>, task: Option<&str>) {
        *request.method_mut() = Method::GET;
        if let Some(task) = task {
            let uri = format!("{}{task}", self.template.uri);
            *request.uri_mut() = uri.parse().expect("an id is a part of a path");
        }
    }

    /// The body, and the id of the task that it asks for.
    fn body(&self, task: u64) -> (Bytes, Option<String>) {
        match self.question {
            Question::GetTask => {
                let id = task_id(task);
                (self.protocol.get(&id), Some(id))
            }
            Question::ListTasks => (self.page.clone(), None),
        }
    }
}

impl Calls for Reads {
    type Expected = Expected;

    fn next(&self, random: &mut Random) -> (Request<Bytes>, Expected) {
        let task = random.below(self.population.tasks);
        let user = usize::try_from(self.population.owner(task)).expect("users are in memory");
        let (body, task) = self.body(task);
        let mut request = self.template.post_as(&self.users[user].bearer, body);
        if self.protocol == Protocol::Rest {
            self.make_rest(&mut request, task.as_deref());
        }
        (request, Expected { user, task })
    }

    fn check(&self, expected: &Expected, answer: &Answer) -> anyhow::Result<()> {
        let rows = match expected.task {
            Some(_) => 1,
            None => usize::try_from(PAGE)?,
        };
        let rows = Rows {
            number: rows,
            user: &self.users[expected.user].id,
            task: expected.task.as_deref(),
        };
        self.protocol.check(&rows, answer)
    }
}
