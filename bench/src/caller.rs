//! A user who creates, reads, lists and updates tasks, and checks every answer.

use std::time::Duration;

use anyhow::Context as _;
use contract::proto::{
    auth::{
        RefreshTokensRequest, SignInRequest, SignUpRequest, SignUpResponse, TokenPair,
        auth_service_client::AuthServiceClient,
    },
    task::{
        CreateTaskRequest, GetTaskRequest, ListTasksRequest, Task, TaskStatus, UpdateTaskRequest,
        task_service_client::TaskServiceClient,
    },
};
use tokio::time::Instant;
use tonic::{Code, Request, Status, metadata::AsciiMetadataValue, transport::Channel};

use crate::{report::LoadReport, stack::BenchStack};

pub(crate) const PASSWORD: &str = "a long enough password";
/// How long a token is used. It is valid for 5 min minus up to 5 %.
const TOKEN_USE: Duration = Duration::from_mins(4);

/// A signed-in user.
pub(crate) struct BenchUser {
    auth: AuthServiceClient<Channel>,
    tasks: TaskServiceClient<Channel>,
    email: String,
    user_id: String,
    known: Vec<String>,
    turns: usize,
    refresh_token: String,
    /// Access tokens, the newest last. All of them are valid, and calls use one after another.
    tokens: Vec<AccessToken>,
    /// After this many calls the user gets new tokens.
    fresh_every: Option<u64>,
}

/// Signs up. Tries again while the hashing queue is full.
async fn open_account(auth: &Channel, email: &str) -> anyhow::Result<SignUpResponse> {
    let mut auth = AuthServiceClient::new(auth.clone());
    let request = SignUpRequest {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    loop {
        match auth.sign_up(request.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if status.code() == Code::ResourceExhausted => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// Opens an account, and returns the tokens of its first session.
pub(crate) async fn sign_up(auth: &Channel, email: &str) -> anyhow::Result<TokenPair> {
    let answer = open_account(auth, email).await?;
    answer.tokens.context("an answer without tokens")
}

/// An access token, and when it was issued.
struct AccessToken {
    bearer: AsciiMetadataValue,
    since: Instant,
    kid: String,
}

impl BenchUser {
    /// Signs up. Tries again while the hashing queue is full.
    pub(crate) async fn sign_up(
        stack: &BenchStack,
        number: usize,
        fresh_every: Option<u64>,
    ) -> anyhow::Result<Self> {
        let email = format!("bench-{number}@example.test");
        let answer = open_account(&stack.auth, &email).await?;
        let tokens = answer.tokens.context("an answer without tokens")?;
        let mut user = Self {
            auth: AuthServiceClient::new(stack.auth.clone()),
            tasks: TaskServiceClient::new(stack.tasks[number % stack.tasks.len()].clone()),
            email,
            user_id: answer.account.context("an answer without an account")?.id,
            known: Vec::new(),
            turns: 0,
            refresh_token: String::new(),
            tokens: Vec::new(),
            fresh_every,
        };
        user.keep(tokens);
        Ok(user)
    }

    /// Makes one call after another until this time.
    pub(crate) async fn work(&mut self, until: Instant) -> LoadReport {
        let mut report = LoadReport::default();
        while Instant::now() < until {
            let next = self.turns as u64 + 1;
            let is_due = |every: u64| next.is_multiple_of(every);
            if self.fresh_every.is_some_and(is_due) {
                self.get_fresh_tokens(&mut report).await;
            }
            let began = Instant::now();
            let (method, result) = self.turn(self.turns).await;
            report.record(method, began.elapsed(), result);
            self.turns += 1;
        }
        for token in &self.tokens {
            report.record_token(token.kid.clone());
        }
        report
    }

    /// Gets new tokens, by a sign-in and by a refresh in turn.
    async fn get_fresh_tokens(&mut self, report: &mut LoadReport) {
        let began = Instant::now();
        let (method, result) = if self.tokens.len().is_multiple_of(2) {
            ("SignIn", self.sign_in().await)
        } else {
            ("RefreshTokens", self.refresh().await)
        };
        let result = result.map(|tokens| self.keep(tokens));
        report.record(method, began.elapsed(), result);
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

    fn keep(&mut self, tokens: TokenPair) {
        let kid = verifier::key_id(&tokens.access_token);
        let bearer = format!("Bearer {}", tokens.access_token).parse();
        self.tokens.push(AccessToken {
            bearer: bearer.expect("a token is ASCII"),
            since: Instant::now(),
            kid: kid.expect("a token names its key"),
        });
        self.refresh_token = tokens.refresh_token;
    }

    /// Creates a task and reads it again and again until this time. Returns how often it was read. The token must be valid for all
    /// of these calls.
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

    /// Of ten calls, two create, five get, two list and one updates.
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
        let request = self.authorized(turn, request);
        let created = self.tasks.create_task(request).await?.into_inner().task;
        self.known.push(self.check_owner(created).id);
        Ok(())
    }

    async fn get(&mut self, turn: usize) -> Result<(), Status> {
        let id = self.pick(turn);
        let request = self.authorized(turn, GetTaskRequest { id });
        let task = self.tasks.get_task(request).await?.into_inner().task;
        self.check_owner(task);
        Ok(())
    }

    async fn list(&mut self, turn: usize) -> Result<(), Status> {
        let request = ListTasksRequest {
            page_size: 20,
            ..ListTasksRequest::default()
        };
        let request = self.authorized(turn, request);
        for task in self.tasks.list_tasks(request).await?.into_inner().tasks {
            self.check_owner(Some(task));
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
        let request = self.authorized(turn, request);
        let task = self.tasks.update_task(request).await?.into_inner().task;
        self.check_owner(task);
        Ok(())
    }

    fn pick(&self, turn: usize) -> String {
        self.known[turn % self.known.len()].clone()
    }

    /// A request with a token: the newest one and an older one in turn.
    fn authorized<M>(&self, turn: usize, message: M) -> Request<M> {
        let newest = self
            .tokens
            .last()
            .expect("a user has a token since its sign-up");
        let any = &self.tokens[turn / 2 % self.tokens.len()];
        let use_old = turn.is_multiple_of(2) && any.since.elapsed() < TOKEN_USE;
        let token = if use_old { any } else { newest };
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", token.bearer.clone());
        request
    }

    /// Checks that a task belongs to this user. A single wrong row ends the run.
    fn check_owner(&self, task: Option<Task>) -> Task {
        let task = task.expect("an answer has its task");
        assert_eq!(task.user_id, self.user_id, "a task of another user");
        task
    }
}
