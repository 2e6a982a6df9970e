//! gRPC-web requests, as a browser sends them.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use prost::Message;

/// Makes a gRPC-web call. Returns the body of the answer, with its chunk headers.
pub(crate) fn post(
    gateway: SocketAddr,
    method: &str,
    message: &impl Message,
    headers: &[&str],
) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let frame = [&[0], &length[..], &bytes].concat();
    let mut head = format!(
        "POST /{method} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\ncontent-length: {}\r\n",
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
    answer.split_off(end.unwrap() + 4)
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
