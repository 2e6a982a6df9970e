//! The running services and gateway, and the order in which they stop.

use std::{fmt::Display, sync::Arc};

use clock::{Clock, SystemClock};
use serving::ops::Ops;
use telemetry::trace::{Otlp, StartError};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, plan::Plan, ports::Ports};

/// How a part ended: with its error, if there was one.
type PartResult = Result<Option<String>, JoinError>;

/// A part that serves until it is stopped.
#[derive(Debug)]
struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<Option<String>>,
    ended: bool,
}

impl Part {
    /// Runs `serve`, which ends when the future that it gets resolves.
    fn start<S, F>(name: &'static str, serve: S) -> Self
    where
        S: FnOnce(tokio_util::sync::WaitForCancellationFutureOwned) -> F,
        F: Future<Output = Option<String>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(stop.clone().cancelled_owned()));
        Self {
            name,
            stop,
            task,
            ended: false,
        }
    }

    /// Resolves when the part ends before it is stopped.
    async fn failure(&mut self) -> Error {
        let ended = (&mut self.task).await;
        self.ended = true;
        self.error(ended)
            .unwrap_or_else(|| self.failed("it stopped unexpectedly"))
    }

    /// Stops the part and waits until it has stopped.
    async fn stop(mut self) -> Result<(), Error> {
        self.stop.cancel();
        if self.ended {
            return Ok(());
        }
        let ended = (&mut self.task).await;
        self.error(ended).map_or(Ok(()), Err)
    }

    fn error(&self, ended: PartResult) -> Option<Error> {
        match ended {
            Ok(why) => why.map(|why| self.failed(&why)),
            Err(panicked) => Some(self.failed(&panicked.to_string())),
        }
    }

    fn failed(&self, why: &str) -> Error {
        Error::Part {
            part: self.name,
            why: why.to_owned(),
        }
    }
}

/// Both services and the gateway.
#[derive(Debug)]
pub(crate) struct Parts {
    gateway: Part,
    task: Part,
    auth: Part,
    otlp: Otlp,
}

impl Parts {
    /// Starts all three on their listeners.
    pub(crate) fn start(plan: Plan, ports: Ports) -> Result<Self, Error> {
        let otlp = Otlp::start(&plan.telemetry).map_err(|error| cannot_export(&error))?;
        let tracing = |service| {
            let tracing = otlp.tracing(service);
            tracing.map_err(|error| cannot_export(&error))
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let [auth_ops, task_ops, gateway_ops] = ports.ops;
        let metrics = |ops: &Ops, service| {
            let metrics = ops.metrics(&otlp, service);
            metrics.map_err(|error| cannot_export(&error))
        };
        let counted = metrics(&auth_ops, auth_service::SERVICE)?;
        let auth = auth_service::App::counted(plan.auth, Arc::clone(&clock), &counted)
            .map_err(|error| cannot_start("auth service", &error))?
            .with_ops(auth_ops)
            .traced(tracing(auth_service::SERVICE)?);
        let counted = metrics(&task_ops, task_service::SERVICE)?;
        let task = task_service::App::counted(plan.task, clock, &counted)
            .map_err(|error| cannot_start("task service", &error))?
            .with_ops(task_ops)
            .traced(tracing(task_service::SERVICE)?);
        let counted = metrics(&gateway_ops, gateway::SERVICE)?;
        let gateway = gateway::App::counted(plan.gateway, &counted)
            .with_ops(gateway_ops)
            .traced(tracing(gateway::SERVICE)?);
        Ok(Self {
            auth: Part::start("auth service", |stop| async move {
                error_text(auth.serve(ports.auth, stop).await)
            }),
            task: Part::start("task service", |stop| async move {
                error_text(task.serve(ports.task, stop).await)
            }),
            gateway: Part::start("gateway", |stop| async move {
                error_text(gateway.serve(ports.gateway, stop).await)
            }),
            otlp,
        })
    }

    /// Resolves when a part ends before it is stopped.
    pub(crate) async fn failure(&mut self) -> Error {
        tokio::select! {
            error = self.gateway.failure() => error,
            error = self.task.failure() => error,
            error = self.auth.failure() => error,
        }
    }

    /// Stops the gateway first, then the services it calls, each with its connections to the database; then exports the rest
    /// of the telemetry.
    pub(crate) async fn stop(self) -> Result<(), Error> {
        let stopped = [
            self.gateway.stop().await,
            self.task.stop().await,
            self.auth.stop().await,
        ];
        let exported = tokio::task::spawn_blocking(|| self.otlp.stop());
        exported
            .await
            .expect("stopping the export of telemetry does not panic");
        stopped.into_iter().collect()
    }
}

fn error_text<E: Display>(ended: Result<(), E>) -> Option<String> {
    ended.err().map(|error| error.to_string())
}

fn cannot_export(error: &StartError) -> Error {
    cannot_start("telemetry", error)
}

fn cannot_start(part: &'static str, error: &dyn Display) -> Error {
    Error::Part {
        part,
        why: error.to_string(),
    }
}
