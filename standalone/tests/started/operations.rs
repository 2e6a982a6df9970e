//! The operations ports of running processes: during a stop, and when their addresses are in use.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use contract::proto::auth::{SignInRequest, SignInResponse};
use testing::Process;
use tokio_stream::pending;
use tonic::{Request, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use crate::{
    scrape::{get, ports, scrape},
    stack::Stack,
    tools::{binary, end_of},
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The answer to a GET with any status. `None` if the port is closed.
fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Begins a sign-in whose message is never sent, so that the call runs until it is dropped.
async fn endless_call(auth: SocketAddr) -> tokio::task::JoinHandle<()> {
    let channel = Channel::from_shared(format!("http://{auth}")).unwrap();
    let mut grpc = Grpc::new(channel.connect().await.unwrap());
    grpc.ready().await.unwrap();
    tokio::spawn(async move {
        let path = PathAndQuery::from_static("/tandem.auth.v1.AuthService/SignIn");
        let codec = ProstCodec::<SignInRequest, SignInResponse>::default();
        let messages = Request::new(pending::<SignInRequest>());
        let answer = grpc.client_streaming(messages, path, codec).await;
        panic!("it was answered: {answer:?}");
    })
}

/// Repeats a GET until the answer contains this text.
async fn until(address: SocketAddr, path: &str, text: &str) {
    let asking = async {
        while !ask(address, path).is_some_and(|answer| answer.contains(text)) {
            tokio::task::yield_now().await;
        }
    };
    let answered = tokio::time::timeout(TIMEOUT, asking).await;
    answered.unwrap_or_else(|_| panic!("{path} never contained {text}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operations_port_shows_a_stop_and_answers_until_the_last_call_has_ended() {
    let stack = Stack::start().await;
    let process = stack.running.process;
    let all = ports(&process);
    let serves_auth =
        |port: &&SocketAddr| get(**port, "/metrics").contains("service=\"tandem-auth\"");
    let auth = *all.iter().find(serves_auth).unwrap();
    let call = endless_call(stack.running.addresses.auth).await;
    let in_flight = "tandem_rpc_in_flight{rpc_method=\"tandem.auth.v1.AuthService/SignIn\"} 1";
    until(auth, "/metrics", in_flight).await;

    process.terminate();
    until(auth, "/readyz", r#"{"failing":[],"status":"draining"}"#).await;
    assert!(ask(auth, "/readyz").unwrap().starts_with("HTTP/1.0 503"));
    assert!(get(auth, "/livez").contains("live"));
    let metrics = get(auth, "/metrics");
    assert!(
        metrics.contains(in_flight) && metrics.contains("\ntandem_ready 0\n"),
        "{metrics}"
    );

    call.abort();
    let (code, output) = end_of(process, TIMEOUT).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(all.into_iter().all(|port| ask(port, "/livez").is_none()));
}

fn gateway(ops: &str) -> Process {
    let variables = [
        ("TANDEM_GATEWAY__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY__OPS__LISTEN", ops.to_owned()),
    ];
    Process::spawn(binary("gateway"), ["serve"], variables)
}

#[tokio::test]
async fn a_service_ends_with_the_name_of_the_setting_when_its_operations_port_is_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, output) = end_of(gateway(&address), TIMEOUT).await;
    assert_eq!(code, Some(1));
    assert!(
        output.contains("gateway.ops.listen") && output.contains(&address),
        "{output}"
    );
}

#[tokio::test]
async fn an_operations_port_that_is_off_is_not_opened() {
    let process = gateway("off");
    process
        .wait_for_line(TIMEOUT, |line| line.contains("\"listening\""))
        .await;
    assert_eq!(ports(&process), []);
    process.terminate();
    let (code, output) = end_of(process, TIMEOUT).await;
    assert_eq!((code, output.contains("operations port")), (Some(0), false));
}

#[tokio::test]
async fn a_second_standalone_uses_free_ports_when_the_default_ones_are_in_use() {
    // If this fails, another process uses the port already.
    let _listener = TcpListener::bind("127.0.0.1:9051");
    let stack = Stack::start_with(&[("TANDEM_AUTH__OPS__LISTEN", "127.0.0.1:9051")]).await;
    let ports = ports(&stack.running.process);
    assert!(
        ports.len() == 3 && ports.iter().all(|port| port.port() != 9051),
        "{ports:?}"
    );
    assert_eq!(scrape(&stack.running.process).len(), 3);
}
