//! A client that calls with one token without pause and records every result.

use std::time::{Duration, Instant};

use contract::proto::task::{
    CreateTaskRequest, ListTasksRequest, task_service_client::TaskServiceClient,
};
use tokio::{sync::watch, task::JoinHandle};
use tonic::{Status, transport::Channel};
use verifier::Purpose;

use crate::{pair::bearing, world::titled};

/// The result of one call.
#[derive(Debug)]
struct Attempt {
    purpose: Purpose,
    began: Instant,
    /// The reason, if it was refused.
    refused: Option<String>,
}

/// Calls until it is stopped.
pub(crate) struct Prober {
    stop: watch::Sender<bool>,
    task: JoinHandle<Attempts>,
}

/// The results of all calls, in order.
#[derive(Debug)]
pub(crate) struct Attempts(Vec<Attempt>);

impl Prober {
    pub(crate) fn start(tasks: &TaskServiceClient<Channel>, token: &str) -> Self {
        let stop = watch::Sender::new(false);
        let (tasks, token, stopped) = (tasks.clone(), token.to_owned(), stop.subscribe());
        let task = tokio::spawn(probe(tasks, token, stopped));
        Self { stop, task }
    }

    pub(crate) async fn stop(self) -> Attempts {
        self.stop.send_replace(true);
        self.task.await.unwrap()
    }
}

impl Attempts {
    /// Asserts that every call of this purpose that began later than `bound` after `since` was refused, and that there were
    /// such calls.
    pub(crate) fn assert_refused_after(&self, purpose: Purpose, since: Instant, bound: Duration) {
        let late = || {
            let of_purpose = self.0.iter().filter(|attempt| attempt.purpose == purpose);
            of_purpose.filter(|attempt| attempt.began > since + bound)
        };
        assert!(late().count() > 10, "too few calls: {purpose:?}");
        let accepted = late().find(|attempt| attempt.refused.is_none());
        let after = accepted.map(|attempt| attempt.began - since);
        assert_eq!(after, None, "{purpose:?} was accepted, bound {bound:?}");
    }

    /// The different reasons of refusals, in the order of their first appearance.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        let mut reasons = Vec::new();
        for reason in self
            .0
            .iter()
            .filter_map(|attempt| attempt.refused.as_deref())
        {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// Asserts that after the first refusal with this reason every call was refused with it.
    pub(crate) fn assert_last(&self, reason: &str) {
        let matches = |attempt: &Attempt| attempt.refused.as_deref() == Some(reason);
        let from = self.0.iter().position(matches);
        let after = &self.0[from.unwrap_or_else(|| panic!("never {reason}"))..];
        assert!(
            after.iter().all(matches),
            "there was another result after {reason}"
        );
    }
}

async fn probe(
    tasks: TaskServiceClient<Channel>,
    token: String,
    stopped: watch::Receiver<bool>,
) -> Attempts {
    let mut attempts = Vec::new();
    while !*stopped.borrow() {
        for purpose in [Purpose::Read, Purpose::Write] {
            let began = Instant::now();
            let refused = call(&tasks, &token, purpose).await.err();
            attempts.push(Attempt {
                purpose,
                began,
                refused: refused.map(|status| testing::reason(&status)),
            });
        }
    }
    Attempts(attempts)
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
