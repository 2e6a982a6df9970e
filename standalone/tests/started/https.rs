//! Requests to a proxy that speaks TLS, sent with curl from any loopback address.

use std::{fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message;
use serde_json::Value;
use testing::Folder;

use crate::tools::run;

/// A proxy with this name on this port. Its folder has the certificate of its authority as `ca.pem`.
pub(crate) struct Https {
    pub(crate) folder: Folder,
    pub(crate) name: &'static str,
    pub(crate) port: u16,
}

impl Https {
    pub(crate) fn new(folder: Folder, name: &'static str, port: u16) -> Self {
        Self { folder, name, port }
    }

    /// What curl prints of a request with this body, from a loopback address. It pretends to come from elsewhere.
    pub(crate) fn call(&self, from: &str, method: &str, body: &[u8], options: &str) -> String {
        let file = self.folder.path("body");
        fs::write(&file, body).unwrap();
        let (name, port, folder) = (self.name, self.port, self.folder.text());
        let command = format!(
            "curl --silent --show-error --interface {from} --cacert {folder}/ca.pem --resolve {name}:{port}:127.0.0.1 \
             --header 'x-forwarded-for: 198.51.100.66' --data-binary @{} {options} https://{name}:{port}/{method}",
            file.display()
        );
        let shell = run(Path::new("/bin/bash"), &["-c", &command], &[]);
        shell.stdout_of_success()
    }

    /// The HTTP status and the JSON of the answer to a POST of JSON.
    pub(crate) fn json(
        &self,
        from: &str,
        method: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, Value) {
        let bearer = token.map(|token| format!("--header 'authorization: Bearer {token}'"));
        let options = format!(
            "--header 'content-type: application/json' --write-out '\\n%{{http_code}}' {}",
            bearer.unwrap_or_default()
        );
        let answer = self.call(from, method, body.to_string().as_bytes(), &options);
        let (json, status) = answer.rsplit_once('\n').unwrap();
        let json = serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned()));
        (status.parse().unwrap(), json)
    }

    /// The frames of the answer to a call in the text form of gRPC-web.
    pub(crate) fn call_as_browser(
        &self,
        from: &str,
        method: &str,
        message: &impl Message,
        options: &str,
    ) -> Vec<u8> {
        let body = BASE64_STANDARD.encode(frame(message));
        let text = "--header 'content-type: application/grpc-web-text+proto'";
        let answer = self.call(from, method, body.as_bytes(), &format!("{text} {options}"));
        // Each part is padded, so each four characters are decoded by themselves.
        let groups = answer.trim().as_bytes().chunks(4);
        groups
            .flat_map(|group| BASE64_STANDARD.decode(group).unwrap())
            .collect()
    }
}

pub(crate) fn frame(message: &impl Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &bytes].concat()
}

/// The code in the headers or in the trailers frame of an answer.
pub(crate) fn grpc_status(answer: &str) -> Option<u32> {
    let (_, rest) = answer.rsplit_once("grpc-status:")?;
    rest.lines().next()?.trim().parse().ok()
}

/// The first message of an answer that succeeded.
pub(crate) fn message<A: Message + Default>(answer: &[u8]) -> A {
    let text = String::from_utf8_lossy(answer);
    assert_eq!(grpc_status(&text), Some(0), "{text}");
    let [_flag, length @ ..] = <[u8; 5]>::try_from(&answer[..5]).unwrap();
    A::decode(&answer[5..5 + u32::from_be_bytes(length) as usize]).unwrap()
}
