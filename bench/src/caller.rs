//! One person who works with tasks: creates, reads, lists and updates, and looks at every answer.

use std::time::Duration;

use anyhow::Context as _;
use shared::proto::{
    auth::{SignUpRequest, auth_service_client::AuthServiceClient},
    task::{
        CreateTaskRequest, GetTaskRequest, ListTasksRequest, Task, TaskStatus, UpdateTaskRequest,
        task_service_client::TaskServiceClient,
    },
};
use tokio::time::Instant;
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue, transport::Channel};

use crate::{report::Report, stack::Stack};

/// A signed-in person.
pub(crate) struct Person {
    tasks: TaskServiceClient<Channel>,
    bearer: AsciiMetadataValue,
    user_id: String,
    known: Vec<String>,
    turns: usize,
}

impl Person {
    /// Signs up, waiting while the hashing queue is full.
    pub(crate) async fn sign_up(stack: &Stack, number: usize) -> anyhow::Result<Self> {
        let mut auth = AuthServiceClient::new(stack.auth.clone());
        let request = SignUpRequest {
            email: format!("bench-{number}@example.test"),
            password: "a long enough password".to_owned(),
            ..SignUpRequest::default()
        };
        let answer = loop {
            match auth.sign_up(request.clone()).await {
                Ok(answer) => break answer.into_inner(),
                Err(status) if status.code() == Code::ResourceExhausted => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(status) => return Err(status.into()),
            }
        };
        let tokens = answer.tokens.context("an answer without tokens")?;
        Ok(Self {
            tasks: TaskServiceClient::new(stack.tasks[number % stack.tasks.len()].clone()),
            bearer: format!("Bearer {}", tokens.access_token).parse()?,
            user_id: answer.account.context("an answer without an account")?.id,
            known: Vec::new(),
            turns: 0,
        })
    }

    /// Calls one after another until the time is up.
    pub(crate) async fn work(&mut self, until: Instant) -> Report {
        let mut report = Report::default();
        while Instant::now() < until {
            let began = Instant::now();
            let (method, result) = self.turn(self.turns).await;
            report.note(method, began.elapsed(), result);
            self.turns += 1;
        }
        report
    }

    /// Reads one task again and again, having made it, until the time is up; gives how many calls that were.
    pub(crate) async fn read(&mut self, until: Instant) -> Result<u64, Status> {
        if self.known.is_empty() {
            self.create(0).await?;
        }
        let mut calls = 0;
        while Instant::now() < until {
            self.get(0).await?;
            calls += 1;
        }
        Ok(calls)
    }

    /// Of ten calls two create, five get, two list, one updates.
    async fn turn(&mut self, turn: usize) -> (&'static str, Result<(), Status>) {
        match turn % 10 {
            0 | 5 => ("CreateTask", self.create(turn).await),
            1 | 6 => ("ListTasks", self.list().await),
            2 => ("UpdateTask", self.update(turn).await),
            _ => ("GetTask", self.get(turn).await),
        }
    }

    async fn create(&mut self, turn: usize) -> Result<(), Status> {
        let task = Task {
            title: format!("task {turn}"),
            ..Task::default()
        };
        let request = CreateTaskRequest {
            task: Some(task),
            ..CreateTaskRequest::default()
        };
        let request = self.signed(request);
        let created = self.tasks.create_task(request).await?.into_inner().task;
        self.known.push(self.own(created).id);
        Ok(())
    }

    async fn get(&mut self, turn: usize) -> Result<(), Status> {
        let request = self.signed(GetTaskRequest {
            id: self.pick(turn),
        });
        let task = self.tasks.get_task(request).await?.into_inner().task;
        self.own(task);
        Ok(())
    }

    async fn list(&mut self) -> Result<(), Status> {
        let request = self.signed(ListTasksRequest {
            page_size: 20,
            ..ListTasksRequest::default()
        });
        for task in self.tasks.list_tasks(request).await?.into_inner().tasks {
            self.own(Some(task));
        }
        Ok(())
    }

    async fn update(&mut self, turn: usize) -> Result<(), Status> {
        let task = Task {
            id: self.pick(turn),
            status: TaskStatus::InProgress.into(),
            ..Task::default()
        };
        let request = self.signed(UpdateTaskRequest {
            task: Some(task),
            ..UpdateTaskRequest::default()
        });
        let task = self.tasks.update_task(request).await?.into_inner().task;
        self.own(task);
        Ok(())
    }

    fn pick(&self, turn: usize) -> String {
        self.known[turn % self.known.len()].clone()
    }

    fn signed<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.bearer.clone());
        request
    }

    /// One wrong row would void the whole run.
    fn own(&self, task: Option<Task>) -> Task {
        let task = task.expect("an answer has its task");
        assert_eq!(task.user_id, self.user_id, "a row of somebody else");
        task
    }
}
