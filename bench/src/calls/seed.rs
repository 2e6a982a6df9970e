//! The calls of the seed's REST API.

use http::{
    HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use prost::bytes::Bytes;
use serde::Deserialize;

use crate::{
    generator::{Answer, Calls},
    population::Population,
    random::Random,
    seed_stack::SeedStack,
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeedCall {
    Get,
    Create,
}

/// Calls of users chosen at random.
pub(crate) struct SeedCalls {
    call: SeedCall,
    population: Population,
    url: String,
    bearers: Vec<HeaderValue>,
}

/// What the answer must be.
pub(crate) struct Expected {
    user: u64,
    /// The id, unless the server chooses it.
    id: Option<u64>,
}

#[derive(Deserialize)]
struct SeedTask {
    id: u64,
    user_id: String,
}

impl SeedCalls {
    pub(crate) fn new(call: SeedCall, population: Population, stack: &SeedStack) -> Self {
        Self {
            call,
            population,
            url: format!("http://{}/api/tasks", stack.address),
            bearers: stack.bearers.clone(),
        }
    }
}

impl Calls for SeedCalls {
    type Expected = Expected;

    fn next(&self, random: &mut Random) -> (Request<Bytes>, Expected) {
        let task = random.below(self.population.tasks);
        let user = self.population.owner(task);
        let (method, path, body, id) = match self.call {
            SeedCall::Get => (Method::GET, format!("/{}", task + 1), "", Some(task + 1)),
            SeedCall::Create => (
                Method::POST,
                String::new(),
                r#"{"title":"A new task"}"#,
                None,
            ),
        };
        let mut request = Request::new(Bytes::from_static(body.as_bytes()));
        *request.method_mut() = method;
        let uri = format!("{}{path}", self.url);
        *request.uri_mut() = uri.parse().expect("a number is a part of a path");
        let bearer = usize::try_from(user).expect("users are in memory");
        let bearer = self.bearers[bearer].clone();
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        (request, Expected { user, id })
    }

    fn check(&self, expected: &Expected, answer: &Answer) -> anyhow::Result<()> {
        let text = || format!("{answer:?}");
        let status = match self.call {
            SeedCall::Get => 200,
            SeedCall::Create => 201,
        };
        anyhow::ensure!(answer.status == status, text());
        let task: SeedTask = serde_json::from_slice(&answer.body)?;
        let right = expected.id.is_none_or(|id| id == task.id);
        anyhow::ensure!(
            right && task.user_id == format!("user-{}", expected.user),
            text()
        );
        Ok(())
    }
}
