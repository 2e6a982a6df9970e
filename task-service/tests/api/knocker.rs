//! Somebody who presents one token again and again, and remembers what became of it.

use std::time::{Duration, Instant};

use shared::{
    proto::task::{CreateTaskRequest, ListTasksRequest, task_service_client::TaskServiceClient},
    token::Purpose,
};
use tokio::{sync::watch, task::JoinHandle};
use tonic::{Status, transport::Channel};

use crate::{pair::bearing, world::titled};

/// One call.
#[derive(Debug)]
struct Knock {
    purpose: Purpose,
    began: Instant,
    /// The reason, when it was refused.
    refused: Option<String>,
}

/// Knocks until it is told to stop.
pub(crate) struct Knocker {
    stop: watch::Sender<bool>,
    knocking: JoinHandle<Knocks>,
}

/// Everything that became of a token, in order.
#[derive(Debug)]
pub(crate) struct Knocks(Vec<Knock>);

impl Knocker {
    pub(crate) fn begin(tasks: &TaskServiceClient<Channel>, token: &str) -> Self {
        let stop = watch::Sender::new(false);
        let (tasks, token, stopped) = (tasks.clone(), token.to_owned(), stop.subscribe());
        let knocking = tokio::spawn(knock(tasks, token, stopped));
        Self { stop, knocking }
    }

    pub(crate) async fn end(self) -> Knocks {
        self.stop.send_replace(true);
        self.knocking.await.unwrap()
    }
}

impl Knocks {
    /// Claims that no call of this purpose was let in that began later than `bound` after `since`, and that some later
    /// than that were made.
    pub(crate) fn assert_refused_after(&self, purpose: Purpose, since: Instant, bound: Duration) {
        let late = || {
            let of_purpose = self.0.iter().filter(|knock| knock.purpose == purpose);
            of_purpose.filter(|knock| knock.began > since + bound)
        };
        assert!(late().count() > 10, "{purpose:?} was hardly tried");
        let let_in = late().find(|knock| knock.refused.is_none());
        let after = let_in.map(|knock| knock.began - since);
        assert_eq!(after, None, "{purpose:?} was let in, bound {bound:?}");
    }

    /// The reasons of refusals, in the order in which they came first.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        let mut reasons = Vec::new();
        for reason in self.0.iter().filter_map(|knock| knock.refused.as_deref()) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// Claims that nothing followed a refusal for this reason but more of them.
    pub(crate) fn assert_last(&self, reason: &str) {
        let is_so = |knock: &Knock| knock.refused.as_deref() == Some(reason);
        let from = self.0.iter().position(is_so);
        let after = &self.0[from.unwrap_or_else(|| panic!("never {reason}"))..];
        assert!(after.iter().all(is_so), "something came after {reason}");
    }
}

async fn knock(
    tasks: TaskServiceClient<Channel>,
    token: String,
    stopped: watch::Receiver<bool>,
) -> Knocks {
    let mut knocks = Vec::new();
    while !*stopped.borrow() {
        for purpose in [Purpose::Read, Purpose::Write] {
            let began = Instant::now();
            let refused = call(&tasks, &token, purpose).await.err();
            knocks.push(Knock {
                purpose,
                began,
                refused: refused.map(|status| testing::reason(&status)),
            });
        }
    }
    Knocks(knocks)
}

/// A read or a write with the token.
pub(crate) async fn call(
    tasks: &TaskServiceClient<Channel>,
    token: &str,
    purpose: Purpose,
) -> Result<(), Status> {
    let mut tasks = tasks.clone();
    match purpose {
        Purpose::Read => {
            let request = ListTasksRequest {
                page_size: 1,
                ..ListTasksRequest::default()
            };
            tasks.list_tasks(bearing(token, request)).await.map(drop)
        }
        Purpose::Write => {
            let request = CreateTaskRequest {
                task: Some(titled("t")),
                ..CreateTaskRequest::default()
            };
            tasks.create_task(bearing(token, request)).await.map(drop)
        }
    }
}
