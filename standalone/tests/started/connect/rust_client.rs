//! The client of the crate `connectrpc`, over each of its protocols and both encodings.

use std::slice;

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use connectrpc::{
    Protocol,
    client::{CallOptions, ClientConfig, HttpClient},
    error::{ConnectError, ErrorCode},
};
use connectrpc_client::tandem::{
    auth::v1::{AuthServiceClient, SignUpRequest},
    task::v1::{
        CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task,
        TaskServiceClient, TaskStatus,
    },
};
use prost::Message as _;
use tonic_types::pb::ErrorInfo;

use crate::stack::Stack;

/// A way to call.
struct Way {
    name: &'static str,
    http: HttpClient,
    config: ClientConfig,
}

/// Connect and gRPC-web in both encodings that the gateway has for each, over HTTP/1.1 and HTTP/2.
fn ways(stack: &Stack) -> Vec<Way> {
    let gateway = format!("http://{}", stack.addresses().gateway);
    let config = || ClientConfig::new(gateway.parse().unwrap());
    let connect = || config().with_protocol(Protocol::Connect);
    let web = config().with_protocol(Protocol::GrpcWeb);
    let (http1, http2) = (HttpClient::plaintext, HttpClient::plaintext_http2_only);
    [
        ("connect", http1(), connect()),
        ("connect-h2", http2(), connect()),
        ("connect-json", http1(), connect().json()),
        ("connect-gzip", http1(), connect().compress_requests("gzip")),
        ("web", http1(), web.clone()),
        ("web-h2", http2(), web),
    ]
    .map(|(name, http, config)| Way { name, http, config })
    .into()
}

/// A new account. Returns the value of `authorization`.
async fn sign_up(Way { name, http, config }: &Way) -> String {
    let auth = AuthServiceClient::new(http.clone(), config.clone());
    let request = SignUpRequest {
        email: format!("{name}@example.com"),
        password: "a password of my own".to_owned(),
        ..SignUpRequest::default()
    };
    let answer = auth.sign_up(request).await.unwrap().into_owned();
    let tokens = answer.tokens.into_option().unwrap();
    format!("Bearer {}", tokens.access_token)
}

/// The reason in the details of a refusal.
fn reason(error: &ConnectError) -> String {
    let info = error
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("google.rpc.ErrorInfo"))
        .and_then(|detail| detail.value.as_deref())
        .unwrap_or_else(|| panic!("{error:?}"));
    let bytes = BASE64_STANDARD_NO_PAD.decode(info.trim_end_matches('='));
    ErrorInfo::decode(&*bytes.unwrap()).unwrap().reason
}

async fn life_of_a_task(way: &Way) {
    let Way { name, http, config } = way;
    let token = sign_up(way).await;
    let config = config.clone().with_default_header("authorization", &token);
    let tasks = TaskServiceClient::new(http.clone(), config);

    let title = format!("Milk over {name} \u{1f95b}");
    let create = CreateTaskRequest {
        task: Task {
            title: title.clone(),
            ..Task::default()
        }
        .into(),
        ..CreateTaskRequest::default()
    };
    let created = tasks.create_task(create).await.unwrap().into_owned();
    let created = created.task.into_option().unwrap();
    assert_eq!(created.title, title, "{name}");
    assert_eq!(created.status, TaskStatus::TASK_STATUS_PENDING, "{name}");

    let get = || GetTaskRequest {
        id: created.id.clone(),
        ..GetTaskRequest::default()
    };
    let got = tasks.get_task(get()).await.unwrap().into_owned();
    assert_eq!(got.task.as_option(), Some(&created), "{name}");
    let all = ListTasksRequest::default();
    let listed = tasks.list_tasks(all).await.unwrap().into_owned();
    assert_eq!(listed.tasks, slice::from_ref(&created), "{name}");

    let delete = DeleteTaskRequest {
        id: created.id.clone(),
        ..DeleteTaskRequest::default()
    };
    tasks.delete_task(delete).await.unwrap();
    assert_refusals(&tasks, get(), name).await;
}

/// What is refused: a task that is not there, and a call without a token.
async fn assert_refusals(tasks: &TaskServiceClient<HttpClient>, get: GetTaskRequest, name: &str) {
    let missing = GetTaskRequest {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        ..GetTaskRequest::default()
    };
    let refused = tasks.get_task(missing).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound, "{name}");
    assert_eq!(reason(&refused), "TASK_NOT_FOUND", "{name}");
    let no_token = CallOptions::default().with_header("authorization", "");
    let refused = tasks.get_task_with_options(get, no_token).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unauthenticated, "{name}");
}

#[tokio::test]
async fn the_crate_connectrpc_works_with_a_task_over_connect_and_grpc_web() {
    let stack = Stack::start().await;
    for way in ways(&stack) {
        life_of_a_task(&way).await;
    }
}
