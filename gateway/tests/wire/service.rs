//! The services behind the gateway: a tonic server with the generated traits, which answers each RPC in a fixed way; and a plain
//! HTTP/2 server for answers that no generated service can give.

use std::{collections::HashMap, net::SocketAddr};

use axum::{Router, handler::Handler, routing::any};
use contract::proto::{
    auth::{
        self,
        auth_service_server::{AuthService, AuthServiceServer},
    },
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
    task::{
        self, Task,
        task_service_server::{TaskService, TaskServiceServer},
    },
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::{Once, Pending, StreamExt as _, adapters::Chain, wrappers::TcpListenerStream};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt};

/// What the service says about its issuer.
pub(crate) const ISSUER: &str = "https://tandem.example.com/one/";
pub(crate) const CREATE: &str = "/tandem.task.v1.TaskService/CreateTask";
pub(crate) const GET: &str = "/tandem.task.v1.TaskService/GetTask";
pub(crate) const LIST: &str = "/tandem.task.v1.TaskService/ListTasks";
pub(crate) const SIGN_OUT: &str = "/tandem.auth.v1.AuthService/SignOut";

type Answer<T> = Result<Response<T>, Status>;

/// A test service with this readiness.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) readiness: ServingStatus,
    pub(crate) seen: mpsc::UnboundedSender<Event>,
}

/// What a service observed.
#[derive(Debug)]
pub(crate) enum Event {
    /// A task RPC, with this metadata.
    Call(MetadataMap),
    /// The caller of a task RPC went away before the answer.
    Cancelled,
}

impl Service {
    fn report<T>(&self, request: &Request<T>) {
        let _the_test_may_ignore_events = self.seen.send(Event::Call(request.metadata().clone()));
    }
}

/// Reports, when it is dropped, that its call was cancelled.
pub(crate) struct CancelGuard(pub(crate) mpsc::UnboundedSender<Event>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        let _the_test_may_be_over = self.0.send(Event::Cancelled);
    }
}

/// Starts a service that is ready. The receiver yields what it observes.
pub(crate) async fn start() -> (SocketAddr, mpsc::UnboundedReceiver<Event>) {
    start_as(ServingStatus::Serving).await
}

pub(crate) async fn start_as(
    readiness: ServingStatus,
) -> (SocketAddr, mpsc::UnboundedReceiver<Event>) {
    let (seen, received) = mpsc::unbounded_channel();
    let service = Service { readiness, seen };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder()
        .add_service(AuthServiceServer::new(service.clone()))
        .add_service(
            TaskServiceServer::new(service.clone())
                .accept_compressed(tonic::codec::CompressionEncoding::Gzip),
        )
        .add_service(HealthServer::new(service));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (address, received)
}

/// Starts an HTTP/2 server that answers every call with `answer`.
pub(crate) async fn start_raw<H: Handler<T, ()>, T: 'static>(answer: H) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{service}/{method}", any(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn refusal(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, "tandem", HashMap::new());
    details.set_request_info("from-the-service", "");
    Status::with_error_details(code, "no task: größer\n", details)
}

/// No test calls this RPC.
fn uncalled<T>() -> Answer<T> {
    Err(refusal(Code::Unimplemented, "UNCALLED"))
}

#[tonic::async_trait]
impl TaskService for Service {
    /// Echoes the task.
    async fn create_task(
        &self,
        request: Request<task::CreateTaskRequest>,
    ) -> Answer<task::CreateTaskResponse> {
        self.report(&request);
        let mut response = Response::new(task::CreateTaskResponse {
            task: request.into_inner().task,
            replayed: false,
        });
        response
            .metadata_mut()
            .insert("x-served-by", "task".parse().unwrap());
        response
            .metadata_mut()
            .insert("set-cookie", "a=b".parse().unwrap());
        Ok(response)
    }

    /// There is no task: trailers only, with details and metadata.
    async fn get_task(
        &self,
        request: Request<task::GetTaskRequest>,
    ) -> Answer<task::GetTaskResponse> {
        self.report(&request);
        let mut status = refusal(Code::NotFound, "TASK_NOT_FOUND");
        status
            .metadata_mut()
            .insert("x-hint", "look elsewhere".parse().unwrap());
        Err(status)
    }

    /// Never answers.
    async fn list_tasks(
        &self,
        request: Request<task::ListTasksRequest>,
    ) -> Answer<task::ListTasksResponse> {
        self.report(&request);
        let _guard = CancelGuard(self.seen.clone());
        std::future::pending().await
    }

    async fn update_task(
        &self,
        _: Request<task::UpdateTaskRequest>,
    ) -> Answer<task::UpdateTaskResponse> {
        uncalled()
    }

    async fn delete_task(
        &self,
        _: Request<task::DeleteTaskRequest>,
    ) -> Answer<task::DeleteTaskResponse> {
        uncalled()
    }

    async fn undelete_task(
        &self,
        _: Request<task::UndeleteTaskRequest>,
    ) -> Answer<task::UndeleteTaskResponse> {
        uncalled()
    }
}

#[tonic::async_trait]
impl AuthService for Service {
    async fn sign_up(&self, _: Request<auth::SignUpRequest>) -> Answer<auth::SignUpResponse> {
        uncalled()
    }

    async fn sign_in(&self, _: Request<auth::SignInRequest>) -> Answer<auth::SignInResponse> {
        uncalled()
    }

    async fn refresh_tokens(
        &self,
        _: Request<auth::RefreshTokensRequest>,
    ) -> Answer<auth::RefreshTokensResponse> {
        uncalled()
    }

    async fn sign_out(&self, _: Request<auth::SignOutRequest>) -> Answer<auth::SignOutResponse> {
        Ok(Response::new(auth::SignOutResponse {}))
    }

    async fn exchange_api_key(
        &self,
        _: Request<auth::ExchangeApiKeyRequest>,
    ) -> Answer<auth::ExchangeApiKeyResponse> {
        uncalled()
    }

    async fn get_json_web_key_set(
        &self,
        _: Request<auth::GetJsonWebKeySetRequest>,
    ) -> Answer<auth::GetJsonWebKeySetResponse> {
        let key = auth::JsonWebKey {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into(),
            kid: "2026-11".into(),
            alg: "EdDSA".into(),
            r#use: "sig".into(),
        };
        let max_age = Some(prost_types::Duration {
            seconds: 300,
            nanos: 0,
        });
        Ok(Response::new(auth::GetJsonWebKeySetResponse {
            keys: vec![key],
            max_age,
            issuer: ISSUER.to_owned(),
        }))
    }
}

#[tonic::async_trait]
impl Health for Service {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        assert_eq!(request.get_ref().service, "readiness");
        Ok(Response::new(HealthCheckResponse {
            status: self.readiness.into(),
        }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Answer<HealthListResponse> {
        uncalled()
    }

    type WatchStream = Chain<
        Once<Result<HealthCheckResponse, Status>>,
        Pending<Result<HealthCheckResponse, Status>>,
    >;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Answer<Self::WatchStream> {
        let status = self.readiness.into();
        let current = tokio_stream::once(Ok(HealthCheckResponse { status }));
        Ok(Response::new(current.chain(tokio_stream::pending())))
    }
}

/// A task with this title.
pub(crate) fn task(title: &str) -> Task {
    Task {
        title: title.into(),
        ..Task::default()
    }
}
