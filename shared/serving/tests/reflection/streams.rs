//! The stream of a client, in both versions.

use contract::proto::{
    reflection_v1::{
        ServerReflectionRequest,
        server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest::{
            AllExtensionNumbersOfType, FileByFilename, ListServices,
        },
    },
    reflection_v1alpha as v1alpha,
};
use prost::Message as _;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::client::{
    SERVICE, TASK_FILE, TASK_SERVICE_FILE, TEST_TIMEOUT, ask, ask_raw, file_names, reflection,
    refused, request, start, symbol,
};

#[tokio::test]
async fn a_stream_sends_an_import_once_but_always_the_requested_file() {
    let lookup = || FileByFilename(TASK_SERVICE_FILE.to_owned());
    let [first, import, again] = ask([lookup(), symbol("tandem.task.v1.Task"), lookup()]).await;
    assert!(file_names(&first).len() > 1);
    assert_eq!(file_names(&import), [TASK_FILE]);
    assert_eq!(file_names(&again), [TASK_SERVICE_FILE]);
}

#[tokio::test]
async fn a_failed_lookup_is_an_answer_and_the_stream_goes_on() {
    let [first, second, file, found] = ask([
        symbol("tandem.task.v1.Nothing"),
        symbol("tandem.task.v1.Nothing"),
        FileByFilename("nothing.proto".to_owned()),
        symbol(SERVICE),
    ])
    .await;
    assert!(refused(&first, Code::NotFound, "no such symbol"));
    assert!(refused(&second, Code::NotFound, "no such symbol"));
    assert!(refused(&file, Code::NotFound, "no such file"));
    assert_eq!(file_names(&found)[0], TASK_SERVICE_FILE);
}

#[tokio::test]
async fn an_empty_request_is_an_invalid_argument_within_the_stream() {
    let served = start(reflection()).await;
    let nothing = ServerReflectionRequest::default();
    let requests = vec![nothing, request(symbol(SERVICE))];
    let answers = ask_raw(served.channel, requests).await;
    let [refusal, found] = answers.try_into().unwrap();
    assert!(refused(
        &refusal.message_response.unwrap(),
        Code::InvalidArgument,
        "the request is empty",
    ));
    let found = found.message_response.unwrap();
    assert_eq!(file_names(&found)[0], TASK_SERVICE_FILE);
}

#[tokio::test]
async fn each_answer_names_its_request_and_host() {
    let served = start(reflection()).await;
    let requests = vec![request(symbol("nothing")), request(symbol(SERVICE))];
    let answers = ask_raw(served.channel, requests.clone()).await;
    assert_eq!(answers.len(), 2);
    for (answer, request) in answers.into_iter().zip(requests) {
        assert_eq!(answer.valid_host, "tandem.test");
        assert_eq!(answer.original_request, Some(request));
    }
}

#[tokio::test]
async fn v1alpha_answers_as_v1_does() {
    let served = start(reflection()).await;
    let requests = vec![
        request(ListServices(String::new())),
        request(symbol(SERVICE)),
        request(symbol("nothing")),
        request(AllExtensionNumbersOfType(
            "google.protobuf.MethodOptions".to_owned(),
        )),
    ];
    let as_alpha = requests.iter().map(|request| {
        v1alpha::ServerReflectionRequest::decode(request.encode_to_vec().as_slice()).unwrap()
    });
    let as_alpha: Vec<_> = as_alpha.collect();
    let answers =
        v1alpha::server_reflection_client::ServerReflectionClient::new(served.channel.clone())
            .server_reflection_info(tokio_stream::iter(as_alpha))
            .await
            .unwrap()
            .into_inner();
    let answers: Vec<_> = answers
        .map(|answer| answer.unwrap().encode_to_vec())
        .collect()
        .await;
    let expected = ask_raw(served.channel, requests).await;
    let expected: Vec<_> = expected.iter().map(prost::Message::encode_to_vec).collect();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn an_idle_stream_does_not_delay_a_graceful_stop() {
    let stop = CancellationToken::new();
    let served = start(reflection().with_stop(stop.clone())).await;
    let (requests, received) = mpsc::channel(1);
    let mut answers = ServerReflectionClient::new(served.channel)
        .server_reflection_info(ReceiverStream::new(received))
        .await
        .unwrap()
        .into_inner();
    requests.send(request(symbol(SERVICE))).await.unwrap();
    assert!(answers.message().await.unwrap().is_some());

    stop.cancel();
    served.stop.cancel();
    let end = timeout(TEST_TIMEOUT, answers.message()).await;
    assert_eq!(end.expect("the stream ends").unwrap(), None);
    let end = timeout(TEST_TIMEOUT, served.server).await;
    end.expect("the server stops").unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_without_requests_ends() {
    let idle_timeout = std::time::Duration::from_millis(50);
    let served = start(reflection().with_idle_timeout(idle_timeout)).await;
    let (sender, requests) = mpsc::channel(1);
    sender.send(request(symbol(SERVICE))).await.unwrap();
    let answers = ServerReflectionClient::new(served.channel)
        .server_reflection_info(ReceiverStream::new(requests))
        .await
        .unwrap();
    let mut answers = answers.into_inner();
    answers.message().await.unwrap().unwrap();
    let ended = timeout(TEST_TIMEOUT, answers.message()).await;
    assert!(ended.expect("the stream ends").unwrap().is_none());
    drop(sender);
}
