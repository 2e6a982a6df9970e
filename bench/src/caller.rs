//! One person who works with tasks: creates, reads, lists and updates, and looks at every answer.

use std::time::Duration;

use anyhow::Context as _;
use shared::proto::{
    auth::{
        RefreshTokensRequest, SignInRequest, SignUpRequest, TokenPair,
        auth_service_client::AuthServiceClient,
    },
    task::{
        CreateTaskRequest, GetTaskRequest, ListTasksRequest, Task, TaskStatus, UpdateTaskRequest,
        task_service_client::TaskServiceClient,
    },
};
use tokio::time::Instant;
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue, transport::Channel};

use crate::{report::Report, stack::Stack};

const PASSWORD: &str = "a long enough password";
/// A token is used for this long: less than it lives, 5 min minus up to 5 %.
const USED_FOR: Duration = Duration::from_mins(4);

/// A signed-in person.
pub(crate) struct Person {
    auth: AuthServiceClient<Channel>,
    tasks: TaskServiceClient<Channel>,
    email: String,
    user_id: String,
    known: Vec<String>,
    turns: usize,
    refresh_token: String,
    /// Access tokens, the newest last. All of them are good, so calls carry one after another.
    held: Vec<Held>,
    /// After so many calls come fresh tokens.
    fresh_every: Option<u64>,
}

/// An access token, and since when.
struct Held {
    bearer: AsciiMetadataValue,
    since: Instant,
    kid: String,
}

impl Person {
    /// Signs up, waiting while the hashing queue is full.
    pub(crate) async fn sign_up(
        stack: &Stack,
        number: usize,
        fresh_every: Option<u64>,
    ) -> anyhow::Result<Self> {
        let mut auth = AuthServiceClient::new(stack.auth.clone());
        let email = format!("bench-{number}@example.test");
        let request = SignUpRequest {
            email: email.clone(),
            password: PASSWORD.to_owned(),
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
        let mut person = Self {
            auth,
            tasks: TaskServiceClient::new(stack.tasks[number % stack.tasks.len()].clone()),
            email,
            user_id: answer.account.context("an answer without an account")?.id,
            known: Vec::new(),
            turns: 0,
            refresh_token: String::new(),
            held: Vec::new(),
            fresh_every,
        };
        person.hold(tokens);
        Ok(person)
    }

    /// Calls one after another until the time is up.
    pub(crate) async fn work(&mut self, until: Instant) -> Report {
        let mut report = Report::default();
        while Instant::now() < until {
            let next = self.turns as u64 + 1;
            let is_due = |every: u64| next.is_multiple_of(every);
            if self.fresh_every.is_some_and(is_due) {
                self.take_fresh_tokens(&mut report).await;
            }
            let began = Instant::now();
            let (method, result) = self.turn(self.turns).await;
            report.note(method, began.elapsed(), result);
            self.turns += 1;
        }
        for held in &self.held {
            report.note_token(held.kid.clone());
        }
        report
    }

    /// A refresh and a new session by turns.
    async fn take_fresh_tokens(&mut self, report: &mut Report) {
        let began = Instant::now();
        let (method, result) = if self.held.len().is_multiple_of(2) {
            ("SignIn", self.sign_in().await)
        } else {
            ("RefreshTokens", self.refresh().await)
        };
        let result = result.map(|tokens| self.hold(tokens));
        report.note(method, began.elapsed(), result);
    }

    async fn sign_in(&mut self) -> Result<TokenPair, Status> {
        let request = SignInRequest {
            email: self.email.clone(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        let answer = self.auth.sign_in(request).await?.into_inner();
        Ok(answer.tokens.expect("an answer has its tokens"))
    }

    async fn refresh(&mut self) -> Result<TokenPair, Status> {
        let request = RefreshTokensRequest {
            refresh_token: self.refresh_token.clone(),
            ..RefreshTokensRequest::default()
        };
        let answer = self.auth.refresh_tokens(request).await?.into_inner();
        Ok(answer.tokens.expect("an answer has its tokens"))
    }

    fn hold(&mut self, tokens: TokenPair) {
        let kid = shared::token::key_id(&tokens.access_token);
        let bearer = format!("Bearer {}", tokens.access_token).parse();
        self.held.push(Held {
            bearer: bearer.expect("a token is ASCII"),
            since: Instant::now(),
            kid: kid.expect("a token names its key"),
        });
        self.refresh_token = tokens.refresh_token;
    }

    /// Reads one task again and again, having made it, until the time is up; gives how many calls that were. Its token has to
    /// last for all of them.
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
            1 | 6 => ("ListTasks", self.list(turn).await),
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
        let request = self.signed(turn, request);
        let created = self.tasks.create_task(request).await?.into_inner().task;
        self.known.push(self.own(created).id);
        Ok(())
    }

    async fn get(&mut self, turn: usize) -> Result<(), Status> {
        let id = self.pick(turn);
        let request = self.signed(turn, GetTaskRequest { id });
        let task = self.tasks.get_task(request).await?.into_inner().task;
        self.own(task);
        Ok(())
    }

    async fn list(&mut self, turn: usize) -> Result<(), Status> {
        let request = ListTasksRequest {
            page_size: 20,
            ..ListTasksRequest::default()
        };
        let request = self.signed(turn, request);
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
        let request = UpdateTaskRequest {
            task: Some(task),
            ..UpdateTaskRequest::default()
        };
        let request = self.signed(turn, request);
        let task = self.tasks.update_task(request).await?.into_inner().task;
        self.own(task);
        Ok(())
    }

    fn pick(&self, turn: usize) -> String {
        self.known[turn % self.known.len()].clone()
    }

    /// The newest token and the older ones by turns.
    fn signed<M>(&self, turn: usize, message: M) -> Request<M> {
        let newest = self.held.last().expect("who has signed up has a token");
        let any = &self.held[turn / 2 % self.held.len()];
        let old_too = turn.is_multiple_of(2) && any.since.elapsed() < USED_FOR;
        let token = if old_too { any } else { newest };
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", token.bearer.clone());
        request
    }

    /// One wrong row would void the whole run.
    fn own(&self, task: Option<Task>) -> Task {
        let task = task.expect("an answer has its task");
        assert_eq!(task.user_id, self.user_id, "a row of somebody else");
        task
    }
}
