//! Users who write all the time, repeat a refused write with the same request id, and remember the confirmed writes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use contract::proto::{
    auth::{SignUpRequest, auth_service_client::AuthServiceClient},
    task::{CreateTaskRequest, ListTasksRequest, Task, task_service_client::TaskServiceClient},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt as _;
use uuid::Uuid;

/// The deadline of each call.
const DEADLINE: Duration = Duration::from_secs(10);
/// The pause between two attempts. It is far shorter than the delay in `RetryInfo`, so that a recovery is seen at once.
const PAUSE: Duration = Duration::from_millis(10);

/// An attempt to write, and its result.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    /// `None` if the write was confirmed.
    pub(crate) refusal: Option<(Code, String)>,
}

/// The attempts of all writers.
pub(crate) type AttemptLog = Arc<Mutex<Vec<Attempt>>>;

/// The confirmed tasks of one user: titles by id.
type Confirmed = BTreeMap<String, String>;

/// Users who are writing.
#[derive(Debug)]
pub(crate) struct Writers {
    pub(crate) log: AttemptLog,
    stop: CancellationToken,
    working: JoinSet<(WritingUser, Confirmed)>,
}

impl Writers {
    /// Signs up `count` users, who begin to write.
    pub(crate) async fn start(auth: &str, task: &str, count: usize) -> Self {
        let mut writers = Self {
            log: AttemptLog::default(),
            stop: CancellationToken::new(),
            working: JoinSet::new(),
        };
        for number in 0..count {
            let user = WritingUser::sign_up(auth, task, number).await;
            let (log, stop) = (Arc::clone(&writers.log), writers.stop.clone());
            writers.working.spawn(user.work(log, stop));
        }
        writers
    }

    /// Waits until this many more writes are confirmed.
    pub(crate) async fn confirm(&self, more: usize) {
        let confirmed = || {
            let log = self.log.lock().unwrap();
            log.iter()
                .filter(|attempt| attempt.refusal.is_none())
                .count()
        };
        let enough = confirmed() + more;
        while confirmed() < enough {
            sleep(PAUSE).await;
        }
    }

    /// Waits for a confirmed write after `since`. Returns how long the first one took.
    pub(crate) async fn confirmed_after(&self, since: Instant) -> Duration {
        loop {
            let first = {
                let log = self.log.lock().unwrap();
                let since = log
                    .iter()
                    .rev()
                    .take_while(|attempt| attempt.ended >= since);
                since
                    .filter(|attempt| attempt.refusal.is_none())
                    .map(|attempt| attempt.ended)
                    .min()
            };
            if let Some(first) = first {
                return first - since;
            }
            sleep(PAUSE).await;
        }
    }

    /// Ends the writing. Returns how many writes were confirmed, how many of them are lost, and how many were stored twice.
    pub(crate) async fn end(mut self) -> (usize, usize, usize) {
        self.stop.cancel();
        let (mut all, mut lost, mut twice) = (0, 0, 0);
        while let Some(ended) = self.working.join_next().await {
            let (mut user, confirmed) = ended.unwrap();
            let found = user.all_tasks().await;
            all += confirmed.len();
            let is_stored = |id, title| found.iter().any(|(i, t)| i == id && t == title);
            lost += confirmed
                .iter()
                .filter(|(id, title)| !is_stored(*id, *title))
                .count();
            let mut titles: Vec<_> = found.iter().map(|(_, title)| title).collect();
            titles.sort();
            twice += titles.windows(2).filter(|pair| pair[0] == pair[1]).count();
        }
        (all, lost, twice)
    }
}

#[derive(Debug)]
struct WritingUser {
    tasks: TaskServiceClient<Channel>,
    bearer: String,
}

impl WritingUser {
    async fn sign_up(auth: &str, task: &str, number: usize) -> Self {
        let channel = |at: &str| {
            Channel::from_shared(format!("http://{at}"))
                .unwrap()
                .connect_lazy()
        };
        let request = SignUpRequest {
            email: format!("{number}@example.com"),
            password: "a password of my own".to_owned(),
            ..SignUpRequest::default()
        };
        let answer = AuthServiceClient::new(channel(auth)).sign_up(request).await;
        let tokens = answer.unwrap().into_inner().tokens.unwrap();
        Self {
            tasks: TaskServiceClient::new(channel(task)),
            bearer: format!("Bearer {}", tokens.access_token),
        }
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert("authorization", self.bearer.parse().unwrap());
        request.set_timeout(DEADLINE);
        request
    }

    async fn work(mut self, log: AttemptLog, stop: CancellationToken) -> (Self, Confirmed) {
        let mut confirmed = Confirmed::new();
        for turn in 0_u64.. {
            let message = CreateTaskRequest {
                task: Some(Task {
                    title: turn.to_string(),
                    ..Task::default()
                }),
                request_id: Uuid::from_u64_pair(1, turn).to_string(),
                ..CreateTaskRequest::default()
            };
            loop {
                let begun = Instant::now();
                let request = self.request(message.clone());
                let result = self.tasks.create_task(request).await;
                let refusal = result.as_ref().err().map(refusal);
                let ended = Instant::now();
                log.lock().unwrap().push(Attempt {
                    begun,
                    ended,
                    refusal,
                });
                if let Ok(answer) = result {
                    let task = answer.into_inner().task.unwrap();
                    confirmed.insert(task.id, task.title);
                    break;
                }
                if stop.is_cancelled() {
                    break;
                }
                sleep(PAUSE).await;
            }
            if stop.is_cancelled() {
                break;
            }
            sleep(PAUSE).await;
        }
        (self, confirmed)
    }

    async fn all_tasks(&mut self) -> Vec<(String, String)> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = ListTasksRequest {
                page_size: 100,
                page_token,
                ..ListTasksRequest::default()
            };
            let request = self.request(message);
            let page = self.tasks.list_tasks(request).await.unwrap().into_inner();
            found.extend(page.tasks.into_iter().map(|task| (task.id, task.title)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return found;
            }
        }
    }
}

fn refusal(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    // A refusal that the client library creates itself has no reason.
    (status.code(), reason.unwrap_or_default())
}
