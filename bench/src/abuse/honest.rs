//! The honest user: calls at fixed times, over every way in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use contract::proto::{
    auth::{
        GetAccountRequest, SignInRequest, account_service_client::AccountServiceClient,
        auth_service_client::AuthServiceClient,
    },
    health::{HealthCheckRequest, health_client::HealthClient},
    task::{
        CreateTaskRequest, GetTaskRequest, Task, UpdateTaskRequest,
        task_service_client::TaskServiceClient,
    },
};
use tokio::{task::JoinSet, time::Instant};
use tonic::{Request, Status, metadata::AsciiMetadataValue, transport::Channel};

use super::peer::{Call, Peer};
use crate::{
    caller::{PASSWORD, sign_up},
    stack::BenchStack,
};

/// The time between two calls.
const INTERVAL: Duration = Duration::from_millis(10);
/// The time between two sign-ins. Each costs a hash of a password.
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(500);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A signed-in user with one task.
pub(super) struct Honest {
    auth: Channel,
    tasks: Channel,
    gateway: Peer,
    email: String,
    token: AsciiMetadataValue,
    refresh_token: AsciiMetadataValue,
    task: String,
    /// Whether this user's calls are sign-ins of a known device.
    signs_in: bool,
}

/// What the honest user saw.
#[derive(Default)]
pub(super) struct Measured {
    latencies: Vec<Duration>,
    refusals: BTreeMap<String, usize>,
}

impl Measured {
    pub(super) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (refusal, count) in other.refusals {
            *self.refusals.entry(refusal).or_default() += count;
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.latencies.len()
    }

    pub(super) fn errors(&self) -> usize {
        self.refusals.values().sum()
    }

    pub(super) fn refusals(&self) -> impl Iterator<Item = (&String, &usize)> {
        self.refusals.iter()
    }

    pub(super) fn sorted(&self) -> Vec<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted
    }
}

impl Honest {
    pub(super) async fn new(stack: &BenchStack, signs_in: bool) -> anyhow::Result<Arc<Self>> {
        let email = "honest@example.test";
        let tokens = sign_up(&stack.auth, email).await?;
        let token: AsciiMetadataValue = format!("Bearer {}", tokens.access_token).parse()?;
        let tasks = stack.tasks.first().context("no channel")?.clone();
        let mut request = Request::new(CreateTaskRequest {
            task: Some(titled("the task of the honest user")),
            ..CreateTaskRequest::default()
        });
        request
            .metadata_mut()
            .insert("authorization", token.clone());
        let created = TaskServiceClient::new(tasks.clone())
            .create_task(request)
            .await?
            .into_inner();
        Ok(Arc::new(Self {
            auth: stack.auth.clone(),
            tasks,
            gateway: Peer::connect([127, 0, 0, 1], stack.ports.gateway, None).await?,
            email: email.to_owned(),
            token,
            refresh_token: tokens.refresh_token.parse()?,
            task: created.task.context("an answer without a task")?.id,
            signs_in,
        }))
    }

    /// Calls for this time. A call's latency counts from the time at which it was due.
    pub(super) async fn measure(self: &Arc<Self>, time: Duration) -> Measured {
        let interval = if self.signs_in {
            SIGN_IN_INTERVAL
        } else {
            INTERVAL
        };
        let (began, mut number) = (Instant::now(), 0);
        let mut calls = JoinSet::new();
        while interval * number < time {
            let due = began + interval * number;
            tokio::time::sleep_until(due).await;
            let honest = Arc::clone(self);
            calls.spawn(async move {
                let (method, result) = honest.call(number).await;
                (method, due.elapsed(), result)
            });
            number += 1;
        }
        let mut measured = Measured::default();
        while let Some(call) = calls.join_next().await {
            let (method, took, result) = call.expect("a call does not panic");
            measured.latencies.push(took);
            if let Err(refusal) = result {
                let refusal = format!("{method}: {refusal}");
                *measured.refusals.entry(refusal).or_default() += 1;
            }
        }
        measured
    }

    async fn call(&self, number: u32) -> (&'static str, Result<(), String>) {
        if self.signs_in {
            return ("SignIn", said(self.sign_in().await));
        }
        match number % 6 {
            0 => ("GetTask", said(self.get().await)),
            1 => ("UpdateTask", said(self.update().await)),
            2 => ("GetAccount", said(self.account().await)),
            3 => ("GetTask over gRPC-web", self.get_over_web().await),
            4 => ("GetJsonWebKeySet over gRPC-web", self.keys_over_web().await),
            _ => ("Health.Check", said(self.health().await)),
        }
    }

    fn authorized<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.set_timeout(TIMEOUT);
        request
            .metadata_mut()
            .insert("authorization", self.token.clone());
        request
    }

    async fn get(&self) -> Result<(), Status> {
        let id = self.task.clone();
        let request = self.authorized(GetTaskRequest { id });
        TaskServiceClient::new(self.tasks.clone())
            .get_task(request)
            .await?;
        Ok(())
    }

    async fn update(&self) -> Result<(), Status> {
        let task = Task {
            id: self.task.clone(),
            ..titled("another title")
        };
        let request = self.authorized(UpdateTaskRequest {
            task: Some(task),
            ..UpdateTaskRequest::default()
        });
        TaskServiceClient::new(self.tasks.clone())
            .update_task(request)
            .await?;
        Ok(())
    }

    async fn account(&self) -> Result<(), Status> {
        let request = self.authorized(GetAccountRequest {});
        AccountServiceClient::new(self.auth.clone())
            .get_account(request)
            .await?;
        Ok(())
    }

    async fn health(&self) -> Result<(), Status> {
        let request = Request::new(HealthCheckRequest {
            service: "readiness".to_owned(),
        });
        HealthClient::new(self.auth.clone()).check(request).await?;
        Ok(())
    }

    async fn get_over_web(&self) -> Result<(), String> {
        let message = GetTaskRequest {
            id: self.task.clone(),
        };
        let call = Call::over_web("tandem.task.v1.TaskService/GetTask", &message);
        self.gateway
            .call(&call.with_token(&self.token), TIMEOUT)
            .await
    }

    async fn keys_over_web(&self) -> Result<(), String> {
        self.gateway.call(&Call::keys_over_web(), TIMEOUT).await
    }

    /// A sign-in of a device that shows a token of this account.
    async fn sign_in(&self) -> Result<(), Status> {
        let mut request = Request::new(SignInRequest {
            email: self.email.clone(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        });
        request.set_timeout(TIMEOUT);
        request
            .metadata_mut()
            .insert("tandem-device-token", self.refresh_token.clone());
        AuthServiceClient::new(self.auth.clone())
            .sign_in(request)
            .await?;
        Ok(())
    }
}

fn titled(title: &str) -> Task {
    Task {
        title: title.to_owned(),
        ..Task::default()
    }
}

fn said(result: Result<(), Status>) -> Result<(), String> {
    result.map_err(|status| format!("{:?} {}", status.code(), status.message()))
}
