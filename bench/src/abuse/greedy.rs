//! A greedy user, and the peers that attack with this user's calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use contract::proto::{
    auth::{SignInRequest, SignOutRequest, auth_service_client::AuthServiceClient},
    health::HealthCheckRequest,
    task::{
        CreateTaskRequest, ListTasksRequest, Task, UpdateTaskRequest,
        task_service_client::TaskServiceClient,
    },
};
use tokio::{task::JoinSet, time::sleep};
use tonic::{
    Request,
    metadata::AsciiMetadataValue,
    transport::{Channel, Endpoint},
};

use super::{
    attacks::{Attack, PAUSE},
    peer::{Call, Peer},
};
use crate::{
    caller::{PASSWORD, sign_up},
    stack::{BenchStack, StackPorts},
};

/// The loopback address that attackers come from. The honest user has 127.0.0.1.
const ADDRESS: [u8; 4] = [127, 0, 0, 2];
/// How many tasks the greedy user has, each with the longest description.
const TASKS: usize = 200;

/// A greedy user.
pub(super) struct Greedy {
    ports: StackPorts,
    auth: Channel,
    tasks: Channel,
    email: String,
    token: AsciiMetadataValue,
    /// The ids of this user's tasks.
    known: Vec<String>,
    /// Made once, so that it costs the processor, which all share, as little as possible to send.
    long_watch: Call,
    answers: AtomicU64,
}

impl Greedy {
    pub(super) async fn new(stack: &BenchStack) -> anyhow::Result<Self> {
        let email = "greedy@example.test";
        let tokens = sign_up(&stack.auth, email).await?;
        let mut greedy = Self {
            ports: stack.ports,
            auth: channel(stack.ports.auth)?,
            tasks: channel(stack.ports.task)?,
            email: email.to_owned(),
            token: format!("Bearer {}", tokens.access_token).parse()?,
            known: Vec::new(),
            long_watch: long_watch(),
            answers: AtomicU64::new(0),
        };
        for number in 0..TASKS {
            greedy.create(number).await?;
        }
        Ok(greedy)
    }

    /// How many calls of the attackers were answered or reset.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// One connection's part of an attack, with this many calls at a time. Ends only when the connection is lost.
    pub(super) async fn attack(
        self: &Arc<Self>,
        attack: Attack,
        calls: usize,
    ) -> anyhow::Result<()> {
        let peer = self.connect(attack).await?;
        let mut calling: JoinSet<_> = (0..calls)
            .map(|number| {
                let (greedy, peer) = (Arc::clone(self), peer.clone());
                async move { greedy.call_on(attack, number, peer.as_ref()).await }
            })
            .collect();
        match calling.join_next().await {
            Some(ended) => Err(ended?),
            None => Ok(()),
        }
    }

    /// A connection of an attack with raw calls.
    async fn connect(&self, attack: Attack) -> anyhow::Result<Option<Peer>> {
        let (port, window) = match attack {
            Attack::Headers | Attack::Health => (self.ports.auth, None),
            Attack::UnreadWeb => (self.ports.gateway, Some(0)),
            Attack::UnreadLists => (self.ports.task, Some(0)),
            Attack::Searches | Attack::Writes | Attack::SignIns => return Ok(None),
        };
        Ok(Some(Peer::connect(ADDRESS, port, window).await?))
    }

    /// One call after another until the connection is lost; returns why.
    async fn call_on(&self, attack: Attack, number: usize, peer: Option<&Peer>) -> anyhow::Error {
        loop {
            let result = match peer {
                Some(peer) => self.call_raw(attack, peer).await.map_err(Into::into),
                None => self.call(attack, number).await,
            };
            self.answers.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = result {
                if is_lost(&error) {
                    return error;
                }
                sleep(PAUSE).await;
            }
        }
    }

    /// A raw call, which ends when it is refused or reset, and then the pause of one that was refused.
    async fn call_raw(&self, attack: Attack, peer: &Peer) -> Result<(), h2::Error> {
        let ended = match attack {
            Attack::Headers => peer.send_headers_only(&sign_out()).await,
            Attack::Health => peer.never_read(&self.long_watch).await,
            Attack::UnreadWeb => peer.never_read(&Call::keys_over_web()).await,
            _ => peer.never_read(&self.list()).await,
        };
        sleep(PAUSE).await;
        ended
    }

    /// One call of a client of gRPC. Its refusal is an error.
    async fn call(&self, attack: Attack, number: usize) -> anyhow::Result<()> {
        match attack {
            Attack::Writes => self.write(number).await,
            Attack::SignIns => self.sign_in().await,
            _ => self.search().await,
        }
    }

    async fn sign_in(&self) -> anyhow::Result<()> {
        let request = SignInRequest {
            email: self.email.clone(),
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        AuthServiceClient::new(self.auth.clone())
            .sign_in(request)
            .await?;
        Ok(())
    }

    async fn create(&mut self, number: usize) -> anyhow::Result<()> {
        let task = Task {
            title: format!("long task {number}"),
            description: "\u{1f600}".repeat(2000),
            ..Task::default()
        };
        let request = self.authorized(CreateTaskRequest {
            task: Some(task),
            ..CreateTaskRequest::default()
        });
        let created = self.task_client().create_task(request).await?.into_inner();
        self.known.push(created.task.unwrap_or_default().id);
        Ok(())
    }

    async fn write(&self, number: usize) -> anyhow::Result<()> {
        let task = Task {
            id: self.known[number % self.known.len()].clone(),
            title: format!("title {number}"),
            ..Task::default()
        };
        let request = self.authorized(UpdateTaskRequest {
            task: Some(task),
            ..UpdateTaskRequest::default()
        });
        self.task_client().update_task(request).await?;
        Ok(())
    }

    async fn search(&self) -> anyhow::Result<()> {
        let request = self.authorized(ListTasksRequest {
            filter: "\"no such text\"".to_owned(),
            page_size: 200,
            include_total_size: true,
            ..ListTasksRequest::default()
        });
        self.task_client().list_tasks(request).await?;
        Ok(())
    }

    /// The call for a list of all tasks.
    fn list(&self) -> Call {
        let request = ListTasksRequest {
            page_size: 200,
            ..ListTasksRequest::default()
        };
        Call::native("tandem.task.v1.TaskService/ListTasks", &request).with_token(&self.token)
    }

    fn task_client(&self) -> TaskServiceClient<Channel> {
        TaskServiceClient::new(self.tasks.clone())
    }

    fn authorized<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.token.clone());
        request
    }
}

/// A call of Health.Watch with a name of almost 4 MiB.
fn long_watch() -> Call {
    let service = "x".repeat(4 * 1024 * 1024 - 64);
    Call::native(
        "grpc.health.v1.Health/Watch",
        &HealthCheckRequest { service },
    )
}

fn sign_out() -> Call {
    let request = SignOutRequest {
        refresh_token: String::new(),
    };
    Call::native("tandem.auth.v1.AuthService/SignOut", &request)
}

/// Whether the connection is lost, and not only one call.
fn is_lost(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<h2::Error>()
        .is_some_and(|error| error.is_io() || error.is_go_away())
}

fn channel(port: u16) -> anyhow::Result<Channel> {
    let endpoint: Endpoint = Channel::from_shared(format!("http://127.0.0.1:{port}"))?;
    Ok(endpoint.local_address(Some(ADDRESS.into())).connect_lazy())
}
