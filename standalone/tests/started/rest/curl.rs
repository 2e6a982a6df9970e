//! Requests by curl.

use std::path::Path;

use serde_json::{Value, json};

use crate::{stack::Stack, tools::run};

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The status line and the headers, names in lower case.
    head: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// What `curl -i` prints.
    pub(super) fn parse(text: &str) -> Self {
        let (mut head, mut body) = text.split_once("\r\n\r\n").unwrap();
        while head.starts_with("HTTP/1.1 100") {
            (head, body) = body.split_once("\r\n\r\n").unwrap();
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let headers = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        Self {
            status,
            head: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Asserts that it is a refusal with exactly this text.
    pub(super) fn assert_refused(&self, status: u16, detail: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json(), json!({ "detail": detail }));
    }

    /// Asserts that it is a 422 with entries of exactly these types and places.
    pub(super) fn assert_invalid(&self, expected: &[(&str, Value)]) {
        assert_eq!(self.status, 422, "{self:?}");
        let detail = self.json()["detail"].clone();
        let entries = detail.as_array().unwrap().iter();
        let found: Vec<_> = entries
            .map(|entry| {
                for key in ["msg", "input"] {
                    assert!(entry.get(key).is_some(), "{entry}");
                }
                (entry["type"].as_str().unwrap(), entry["loc"].clone())
            })
            .collect();
        assert_eq!(found, expected, "{detail}");
    }
}

/// Runs `curl -i` with these arguments on a path of the gateway.
pub(super) fn curl(stack: &Stack, path: &str, arguments: &[&str]) -> Answer {
    let url = format!("http://{}{path}", stack.addresses().gateway);
    let arguments = [&["-q", "-s", "-i", "--path-as-is", &url], arguments].concat();
    Answer::parse(&run(Path::new("curl"), &arguments, &[]).stdout_of_success())
}

/// Sends JSON, with a token unless it is empty.
pub(super) fn send(stack: &Stack, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("authorization: Bearer {token}");
    let mut arguments = vec!["-X", method];
    if !token.is_empty() {
        arguments.extend(["-H", &bearer]);
    }
    if !body.is_empty() {
        arguments.extend([
            "-H",
            "content-type: application/json",
            "--data-binary",
            body,
        ]);
    }
    curl(stack, path, &arguments)
}

/// Signs a new user up. Returns the answer.
pub(super) fn sign_up(stack: &Stack, email: &str) -> Value {
    let body = json!({ "email": email, "password": "correct horse battery" });
    let answer = send(stack, "POST", "/api/auth/sign-up", "", &body.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// The token of a new user.
pub(super) fn token(stack: &Stack, email: &str) -> String {
    let answer = sign_up(stack, email);
    answer["access_token"].as_str().unwrap().to_owned()
}
