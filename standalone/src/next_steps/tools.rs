//! The command line of each tool for a call.

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::proto::task::{CreateTaskRequest, Task};
use prost::Message as _;

use super::{
    Addresses,
    calls::{Answer, Call, Message, Part},
};

/// The command with which a tool makes a call.
pub(super) type Tool = fn(&Call, &Addresses) -> String;

/// The commands of these calls, one per line, each after its note.
pub(super) fn commands(calls: &[Call], tool: Tool, addresses: &Addresses) -> String {
    let lines = calls.iter().map(|call| {
        let command = with_answer(&tool(call, addresses), call.answer);
        format!("# {}\n{command}", call.note)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The service that serves a call.
fn service(call: &Call, addresses: &Addresses) -> SocketAddr {
    match call.part {
        Part::Auth => addresses.auth,
        Part::Task => addresses.task,
    }
}

/// The command, with what it does with its JSON answer.
fn with_answer(command: &str, answer: Answer) -> String {
    let field = |field: &str| format!(r#"sed -n 's/.*"{field}": *"\([^"]*\)".*/\1/p'"#);
    match answer {
        Answer::Print => command.to_owned(),
        Answer::Store {
            variable,
            field: name,
        } => {
            format!("export {variable}=$({command} | {})", field(name))
        }
        Answer::PrintAndStore {
            variable,
            field: name,
        } => {
            format!(
                "export {variable}=$({command} | tee /dev/stderr | {})",
                field(name)
            )
        }
    }
}

/// curl, with JSON, through the gateway.
pub(super) fn curl(call: &Call, Addresses { gateway, .. }: &Addresses) -> String {
    let (Message::Same(message) | Message::ByTool { json: message, .. }) = call.message;
    let (token, method) = (token_header(call), call.method);
    format!(
        "curl -s -H 'content-type: application/json'{token} -d '{message}' http://{gateway}/{method}"
    )
}

pub(super) fn grpcurl(call: &Call, addresses: &Addresses) -> String {
    let (Message::Same(message)
    | Message::ByTool {
        grpcurl: message, ..
    }) = call.message;
    let (token, method) = (token_header(call), call.method);
    let address = service(call, addresses);
    format!("grpcurl -plaintext{token} -d '{message}' {address} {method}")
}

pub(super) fn buf(call: &Call, addresses: &Addresses) -> String {
    let (Message::Same(message) | Message::ByTool { json: message, .. }) = call.message;
    let (token, method) = (token_header(call), call.method);
    let address = service(call, addresses);
    format!(
        "buf curl --protocol grpc --http2-prior-knowledge{token} -d '{message}' http://{address}/{method}"
    )
}

fn token_header(call: &Call) -> &'static str {
    if call.with_token {
        r#" -H "authorization: Bearer $TOKEN""#
    } else {
        ""
    }
}

pub(super) fn grpcurl_reflection(Addresses { auth, task, .. }: &Addresses) -> String {
    format!(
        "grpcurl -plaintext {auth} list\n\
         grpcurl -plaintext {task} list tandem.task.v1.TaskService\n\
         grpcurl -plaintext {task} describe tandem.task.v1.TaskService.CreateTask\n\
         grpcurl -plaintext {task} describe tandem.task.v1.Task"
    )
}

pub(super) fn buf_reflection(Addresses { auth, task, .. }: &Addresses) -> String {
    let curl = "buf curl --protocol grpc --http2-prior-knowledge";
    format!("{curl} --list-services http://{auth}\n{curl} --list-methods http://{task}")
}

/// A gRPC-web call in the text format: a frame (flags, length, message) in base64 (grpc/grpc, doc/PROTOCOL-WEB.md). The
/// answer has the same format: a frame with the task and one with the trailers.
pub(super) fn grpc_web(addresses: &Addresses) -> String {
    let task = Task {
        title: "Made over gRPC-web".to_owned(),
        ..Task::default()
    };
    let message = CreateTaskRequest {
        task: Some(task),
        ..CreateTaskRequest::default()
    }
    .encode_to_vec();
    let length = u32::try_from(message.len()).expect("the message is short");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    let Addresses { gateway, .. } = addresses;
    format!(
        "# CreateTask with a title. The answer is printed as readable text, with the status at its end.\n\
         curl -s -H 'content-type: application/grpc-web-text' -H \"authorization: Bearer $TOKEN\" -d '{}' \
         http://{gateway}/tandem.task.v1.TaskService/CreateTask | base64 -d | cat -v",
        BASE64_STANDARD.encode(frame)
    )
}
