//! A server with reflection, and a client of it.

use std::time::Duration;

use contract::proto::{
    FILE_DESCRIPTOR_SET,
    reflection_v1::{
        ErrorResponse, FileDescriptorResponse, ServerReflectionRequest, ServerReflectionResponse,
        server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use serving::reflection::Reflection;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::{Code, service::Routes, transport::Channel};

use crate::wire::{Served, serve};

pub(crate) const SERVICE: &str = "tandem.task.v1.TaskService";
pub(crate) const TASK_SERVICE_FILE: &str = "tandem/task/v1/task_service.proto";
pub(crate) const TASK_FILE: &str = "tandem/task/v1/task.proto";

/// Longer than any step takes. Only a test that fails waits this long.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn reflection() -> Reflection {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    Reflection::new(pool, vec![SERVICE.to_owned()])
}

pub(crate) async fn start(reflection: Reflection) -> Served {
    serve(Routes::new(reflection.v1()).add_service(reflection.v1alpha())).await
}

pub(crate) fn request(lookup: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: "tandem.test".to_owned(),
        message_request: Some(lookup),
    }
}

pub(crate) fn symbol(name: &str) -> MessageRequest {
    MessageRequest::FileContainingSymbol(name.to_owned())
}

/// All answers to the requests of one stream. It fails unless the server ends the stream after the client has.
pub(crate) async fn ask_raw(
    channel: Channel,
    requests: Vec<ServerReflectionRequest>,
) -> Vec<ServerReflectionResponse> {
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter(requests))
        .await
        .unwrap()
        .into_inner();
    let answers = timeout(TEST_TIMEOUT, answers.collect::<Result<_, _>>()).await;
    answers.expect("the stream ends").unwrap()
}

pub(crate) async fn ask<const N: usize>(lookups: [MessageRequest; N]) -> [MessageResponse; N] {
    let served = start(reflection()).await;
    let answers = ask_raw(served.channel, lookups.map(request).into()).await;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.message_response.unwrap())
        .collect();
    answers.try_into().unwrap()
}

pub(crate) fn files(answer: &MessageResponse) -> DescriptorPool {
    let MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("the answer has no files: {answer:?}");
    };
    // The encoding of repeated bytes in field 1 is that of a FileDescriptorSet.
    DescriptorPool::decode(files.encode_to_vec().as_slice()).unwrap()
}

pub(crate) fn file_names(answer: &MessageResponse) -> Vec<String> {
    let MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
        file_descriptor_proto: files,
    }) = answer
    else {
        panic!("the answer has no files: {answer:?}");
    };
    let decode = |file: &Vec<u8>| prost_types::FileDescriptorProto::decode(file.as_slice());
    files
        .iter()
        .map(|file| decode(file).unwrap().name().to_owned())
        .collect()
}

pub(crate) fn refused(answer: &MessageResponse, code: Code, message: &str) -> bool {
    let expected = ErrorResponse {
        error_code: code.into(),
        error_message: message.to_owned(),
    };
    *answer == MessageResponse::ErrorResponse(expected)
}
