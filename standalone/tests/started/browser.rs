//! gRPC-web requests, as a browser sends them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use prost::Message;
use tonic::Status;

/// The whole answer to a gRPC-web call.
#[derive(Debug)]
pub(crate) struct WebAnswer {
    head: String,
    /// With its chunk headers.
    body: Vec<u8>,
}

impl WebAnswer {
    /// The only header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value);
        assert!(values.next().is_none(), "{}", self.head);
        value
    }

    /// The message of a successful answer.
    pub(crate) fn message<A: Message + Default>(&self) -> A {
        assert_eq!(self.status(), 0, "{}", self.reason());
        let (frame, _) = self.frames();
        A::decode(frame.as_slice()).unwrap()
    }

    /// The code of the gRPC status.
    pub(crate) fn status(&self) -> i32 {
        self.grpc_status().code().into()
    }

    /// The reason of a refusal.
    pub(crate) fn reason(&self) -> String {
        testing::reason(&self.grpc_status())
    }

    fn grpc_status(&self) -> Status {
        let (_, trailers) = self.frames();
        let headers = trailers
            .lines()
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.parse().unwrap(), value.trim().parse().unwrap()));
        Status::from_header_map(&headers.collect()).unwrap()
    }

    /// The message, empty if there is none, and the text of the trailers.
    fn frames(&self) -> (Vec<u8>, String) {
        let body = self.unchunked();
        let mut rest = body.as_slice();
        let mut message = Vec::new();
        loop {
            let [flag, length @ ..] = *rest.first_chunk::<5>().unwrap();
            let length = u32::from_be_bytes(length) as usize;
            let content = rest[5..5 + length].to_vec();
            if flag == 0x80 {
                return (message, String::from_utf8(content).unwrap());
            }
            message = content;
            rest = &rest[5 + length..];
        }
    }

    fn unchunked(&self) -> Vec<u8> {
        if self.header("transfer-encoding").is_none() {
            return self.body.clone();
        }
        let mut rest = self.body.as_slice();
        let mut whole = Vec::new();
        loop {
            let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
            let size = std::str::from_utf8(&rest[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return whole;
            }
            whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
            rest = &rest[end + 4 + size..];
        }
    }
}

/// Makes a gRPC-web call. Returns the body of the answer, with its chunk headers.
pub(crate) fn post(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> Vec<u8> {
    exchange(gateway, method, message, headers).body
}

/// Makes a gRPC-web call.
pub(crate) fn exchange(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> WebAnswer {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &bytes].concat();
    let mut head = format!(
        "POST /{method} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
         content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\ncontent-length: {}\r\n",
        gateway.port(),
        frame.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    let mut stream = TcpStream::connect(gateway).unwrap();
    let request = [head.as_bytes(), b"\r\n", &frame].concat();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.unwrap() + 4);
    WebAnswer {
        head: String::from_utf8(answer).unwrap(),
        body,
    }
}

/// Makes a call that must succeed. Returns the message of the answer.
pub(crate) fn call<A: Message + Default>(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> A {
    let body = post(gateway, method, message, headers);
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("grpc-status: 0") || text.contains("grpc-status:0"),
        "{text}"
    );
    // The body is chunked. A small message is in one chunk.
    let start = body.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    let [_flag, length @ ..] = <[u8; 5]>::try_from(&body[start..start + 5]).unwrap();
    let length = u32::from_be_bytes(length) as usize;
    A::decode(&body[start + 5..start + 5 + length]).unwrap()
}
