//! The body of a request: received within its limits, and read as a JSON object.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
};
use contract::reason::Reason;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde_json::Value;

use super::{client::exchange, fields::Fields, problem::Problem, violation::Violation};
use crate::{calls, client_address::ClientAddress, state::GatewayState};

/// The JSON object in a body. Of a key that occurs twice, the last counts.
#[derive(Debug)]
pub(super) struct Object(pub(super) Fields);

impl FromRequest<GatewayState> for Object {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &GatewayState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = receive(state, &parts, body).await?;
        if bytes.is_empty() {
            let loc = [Value::from("body")];
            return Err(Problem::invalid(vec![Violation::missing(
                &loc,
                &Value::Null,
            )]));
        }
        if !is_plain_json(&parts.headers) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "Unsupported Media Type"));
        }
        match parse(&bytes)? {
            Value::Object(fields) => Ok(Self(Fields::new(fields))),
            other => Err(Problem::invalid(vec![Violation::not_an_object(&other)])),
        }
    }
}

async fn receive(state: &GatewayState, parts: &Parts, body: Body) -> Result<Bytes, Problem> {
    let principal = ClientAddress::principal(&parts.extensions);
    let begin_by = exchange(parts).begin_by;
    let read = |limit, share| calls::read(body, limit, share);
    let received = calls::receive(state, principal, begin_by, read).await;
    received.map_err(|reason| match reason {
        // The client is too slow here, not a service.
        Reason::DeadlineExceeded => Problem::body_too_late(),
        other => Problem::because(other),
    })
}

/// A page of another site can send a body without asking only if its type is not JSON, so the type must be JSON.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let coding = headers.get(header::CONTENT_ENCODING);
    let plain = coding.is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    let json = kind.strip_prefix("application/");
    plain && json.is_some_and(|name| name == "json" || name.ends_with("+json"))
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Problem::because(Reason::RequestMalformed));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| {
        let position = position(text, error.line(), error.column());
        let error = error.to_string();
        let error = error.split(" at line ").next().unwrap_or_default();
        Problem::invalid(vec![Violation::not_json(position, error)])
    })
}

/// In code points. `line` counts from 1, and `column` in bytes.
fn position(text: &str, line: usize, column: usize) -> usize {
    let before: usize = (text.split_inclusive('\n').take(line.saturating_sub(1)))
        .map(str::len)
        .sum();
    let end = (before + column.saturating_sub(1)).min(text.len());
    String::from_utf8_lossy(&text.as_bytes()[..end])
        .chars()
        .count()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_type_must_be_json_and_not_compressed() {
        let plain = |kind: &'static str, coding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            if let Some(coding) = coding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            is_plain_json(&headers)
        };
        assert!(plain("Application/JSON; charset=utf-8", None));
        assert!(plain("application/merge-patch+json", Some("identity")));
        assert!(!plain("text/json", None));
        assert!(!plain("application/x-www-form-urlencoded", None));
        assert!(!plain("application/json", Some("gzip")));
        assert!(!is_plain_json(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for bad in [
            "{",
            "{\"a\": NaN}",
            "{\"a\": \"\\ud800\"}",
            "[1e999]",
            "{} x",
        ] {
            let refused = parse(bad.as_bytes()).unwrap_err();
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        }
        assert_eq!(
            parse(b"\"\xff\"").unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
        assert_eq!(
            parse("\u{feff}{}".as_bytes()).unwrap(),
            serde_json::json!({})
        );
        assert_eq!(position("é\né x", 2, 4), 4);
    }

    #[test]
    fn of_a_key_that_occurs_twice_the_last_counts() {
        let read = parse(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(read["a"], 2);
    }
}
