//! The smallest server: tonic with one method, which answers with the id that it was asked for. It shows what gRPC alone costs.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    task::{Context, Poll},
};

use contract::proto::task::{GetTaskRequest, GetTaskResponse, Task};
use futures_util::future::BoxFuture;
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;
use tower::Service;

/// Where it listens.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EchoArguments {
    #[arg(long)]
    listen: SocketAddr,
}

/// Serves until it is killed.
pub(crate) async fn run(arguments: EchoArguments) -> anyhow::Result<bool> {
    Server::builder()
        .add_service(Echo)
        .serve(arguments.listen)
        .await?;
    Ok(true)
}

#[derive(Debug, Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "tandem.task.v1.TaskService";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::default());
            Ok(grpc.unary(GetTask, request).await)
        })
    }
}

struct GetTask;

impl UnaryService<GetTaskRequest> for GetTask {
    type Response = GetTaskResponse;
    type Future = Ready<Result<Response<GetTaskResponse>, Status>>;

    fn call(&mut self, request: Request<GetTaskRequest>) -> Self::Future {
        let task = Task {
            id: request.into_inner().id,
            ..Task::default()
        };
        ready(Ok(Response::new(GetTaskResponse { task: Some(task) })))
    }
}
