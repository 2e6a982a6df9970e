//! What each protocol sends, and how its answers are read and checked.

use anyhow::Context as _;
use contract::proto::task::{GetTaskRequest, ListTasksRequest};
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::{Message, bytes::Bytes};

use super::rows::Rows;
use crate::generator::Answer;

/// The bytes before the message in a frame: whether it is compressed, and its length.
const FRAME_HEAD: usize = 5;
/// The flag of the frame that has the trailers of gRPC-web.
const TRAILERS: u8 = 0x80;

/// A way to make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    GrpcWeb,
    ConnectProto,
    ConnectJson,
    Rest,
}

impl Protocol {
    /// The headers of all calls.
    pub(crate) fn headers(self) -> HeaderMap {
        let names: &[(&'static str, &'static str)] = match self {
            Self::Grpc => &[("content-type", "application/grpc"), ("te", "trailers")],
            Self::GrpcWeb => &[
                ("content-type", "application/grpc-web+proto"),
                ("x-grpc-web", "1"),
            ],
            Self::ConnectProto => &[
                ("content-type", "application/proto"),
                ("connect-protocol-version", "1"),
            ],
            Self::ConnectJson => &[
                ("content-type", "application/json"),
                ("connect-protocol-version", "1"),
            ],
            Self::Rest => &[("accept", "application/json")],
        };
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        names.iter().map(header).collect()
    }

    /// The body that asks for a task.
    pub(crate) fn get(self, id: &str) -> Bytes {
        match self {
            Self::ConnectJson => format!(r#"{{"id":"{id}"}}"#).into(),
            Self::Rest => Bytes::new(),
            _ => self.message(&GetTaskRequest { id: id.to_owned() }),
        }
    }

    /// The body that asks for a page.
    pub(crate) fn list(self, page: u64) -> anyhow::Result<Bytes> {
        let request = ListTasksRequest {
            page_size: i32::try_from(page)?,
            ..ListTasksRequest::default()
        };
        Ok(match self {
            Self::ConnectJson => format!(r#"{{"pageSize":{page}}}"#).into(),
            Self::Rest => Bytes::new(),
            _ => self.message(&request),
        })
    }

    /// A message as the body of a call, in the protocols that are not JSON.
    pub(super) fn message(self, message: &impl Message) -> Bytes {
        if self == Self::ConnectProto {
            return message.encode_to_vec().into();
        }
        let length = message.encoded_len();
        let mut frame = Vec::with_capacity(FRAME_HEAD + length);
        frame.push(0);
        let length = u32::try_from(length).expect("a small message");
        frame.extend_from_slice(&length.to_be_bytes());
        message.encode(&mut frame).expect("a vector grows");
        frame.into()
    }

    /// The message of a successful answer over gRPC.
    pub(crate) fn message_of(answer: &Answer) -> anyhow::Result<Bytes> {
        let text = || format!("{answer:?}");
        let trailers = answer.trailers.as_ref().unwrap_or(&answer.headers);
        let status = trailers.get("grpc-status").with_context(text)?;
        anyhow::ensure!(status == "0", text());
        let (flag, message, rest) = split_frame(&answer.body)?;
        anyhow::ensure!(flag == 0 && rest.is_empty(), text());
        Ok(message)
    }

    /// Returns an error unless the answer is a success and has exactly these rows.
    pub(crate) fn check(self, rows: &Rows<'_>, answer: &Answer) -> anyhow::Result<()> {
        let text = || format!("{self:?}: {answer:?}");
        anyhow::ensure!(answer.status == 200, text());
        match self {
            Self::Grpc => rows.check_message(Self::message_of(answer)?),
            Self::GrpcWeb => {
                let (flag, message, rest) = split_frame(&answer.body)?;
                let (last, trailers, end) = split_frame(&rest).with_context(text)?;
                anyhow::ensure!(flag == 0 && last == TRAILERS && end.is_empty(), text());
                anyhow::ensure!(has_status_0(&trailers), text());
                rows.check_message(message)
            }
            Self::ConnectProto => rows.check_message(answer.body.clone()),
            Self::ConnectJson => rows.check_connect_json(&answer.body),
            Self::Rest => rows.check_rest(&answer.body),
        }
        .with_context(text)
    }
}

/// The flag and the message of the first frame, and what follows it.
fn split_frame(body: &Bytes) -> anyhow::Result<(u8, Bytes, Bytes)> {
    let head = body.first_chunk::<FRAME_HEAD>().context("no frame")?;
    let [flag, length @ ..] = *head;
    let end = FRAME_HEAD + usize::try_from(u32::from_be_bytes(length))?;
    anyhow::ensure!(body.len() >= end, "half a frame");
    Ok((flag, body.slice(FRAME_HEAD..end), body.slice(end..)))
}

fn has_status_0(trailers: &[u8]) -> bool {
    let mut lines = trailers.split(|byte| *byte == b'\n');
    lines.any(|line| {
        let line = line.strip_prefix(b"grpc-status:");
        line.is_some_and(|status| status.trim_ascii() == b"0")
    })
}

#[cfg(test)]
mod tests {
    use contract::proto::task::{GetTaskResponse, Task};
    use http::StatusCode;

    use super::*;

    const ROWS: Rows<'_> = Rows {
        number: 1,
        user: "u",
        task: Some("t"),
    };

    fn message(id: &str, user_id: &str) -> GetTaskResponse {
        let task = Task {
            id: id.to_owned(),
            title: "Buy milk".to_owned(),
            user_id: user_id.to_owned(),
            ..Task::default()
        };
        GetTaskResponse { task: Some(task) }
    }

    fn answer(body: Bytes, trailers: Option<(&'static str, &'static str)>) -> Answer {
        let header = |(name, value)| {
            let pair = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            HeaderMap::from_iter([pair])
        };
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
            trailers: trailers.map(header),
        }
    }

    fn over_web(message: &GetTaskResponse, status: &str) -> Answer {
        let trailers = format!("grpc-status:{status}\r\n");
        let length = u8::try_from(trailers.len()).unwrap();
        let head = [TRAILERS, 0, 0, 0, length];
        let body = [
            &Protocol::GrpcWeb.message(message),
            &head[..],
            trailers.as_bytes(),
        ]
        .concat();
        answer(body.into(), None)
    }

    #[test]
    fn the_right_row_is_accepted_in_every_protocol() {
        let right = message("t", "u");
        let check = |protocol: Protocol, answer| protocol.check(&ROWS, &answer).unwrap();
        let frame = Protocol::Grpc.message(&right);
        check(Protocol::Grpc, answer(frame, Some(("grpc-status", "0"))));
        check(Protocol::GrpcWeb, over_web(&right, "0"));
        let bytes = right.encode_to_vec();
        check(Protocol::ConnectProto, answer(bytes.into(), None));
        let json = r#"{"task":{"id":"t","title":"x","userId":"u"}}"#;
        check(Protocol::ConnectJson, answer(json.into(), None));
        let json = r#"{"id":"t","title":"x","user_id":"u"}"#;
        check(Protocol::Rest, answer(json.into(), None));
    }

    #[test]
    fn a_wrong_row_is_refused_in_every_protocol() {
        for (id, user) in [("t", "somebody else"), ("another", "u")] {
            let wrong = message(id, user);
            let refused = |protocol: Protocol, answer| protocol.check(&ROWS, &answer).unwrap_err();
            let frame = Protocol::Grpc.message(&wrong);
            refused(Protocol::Grpc, answer(frame, Some(("grpc-status", "0"))));
            refused(Protocol::GrpcWeb, over_web(&wrong, "0"));
            let bytes = wrong.encode_to_vec();
            refused(Protocol::ConnectProto, answer(bytes.into(), None));
            let json = format!(r#"{{"task":{{"id":"{id}","userId":"{user}"}}}}"#);
            refused(Protocol::ConnectJson, answer(json.into(), None));
            let json = format!(r#"{{"id":"{id}","user_id":"{user}"}}"#);
            refused(Protocol::Rest, answer(json.into(), None));
        }
    }

    #[test]
    fn a_refusal_is_refused_although_the_row_is_there() {
        let right = message("t", "u");
        let frame = Protocol::Grpc.message(&right);
        let failed = answer(frame, Some(("grpc-status", "14")));
        Protocol::Grpc.check(&ROWS, &failed).unwrap_err();
        Protocol::GrpcWeb
            .check(&ROWS, &over_web(&right, "14"))
            .unwrap_err();
        let unavailable = Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            ..answer(r#"{"id":"t","user_id":"u"}"#.into(), None)
        };
        Protocol::Rest.check(&ROWS, &unavailable).unwrap_err();
    }

    #[test]
    fn a_page_must_have_all_its_rows() {
        let rows = Rows {
            number: 2,
            task: None,
            ..ROWS
        };
        let check = |json: &'static str| Protocol::Rest.check(&rows, &answer(json.into(), None));
        check(r#"[{"id":"a","user_id":"u"},{"id":"b","user_id":"u"}]"#).unwrap();
        check(r#"[{"id":"a","user_id":"u"}]"#).unwrap_err();
    }
}
