//! Request ids (AIP-155), each with a fingerprint of its request.

use api::ids::parse_request_id;
use aws_lc_rs::digest::{Context, SHA256};
use contract::refusal::Problem;
use uuid::Uuid;

/// Identifies a request that must be done only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// The id that the client gave it.
    pub(crate) id: Uuid,
    /// SHA-256 of the method and of the request without its id. Another request with the same id has another fingerprint.
    pub(crate) fingerprint: [u8; 32],
}

impl RequestKey {
    /// The key of a request to `method`; `None` when the client sent no id. `encode` gives the request without its id.
    pub(crate) fn parse(
        id: &str,
        method: &str,
        encode: impl FnOnce() -> Vec<u8>,
    ) -> Result<Option<Self>, Problem> {
        if id.is_empty() {
            return Ok(None);
        }
        let id = parse_request_id(id)?;
        let mut hash = Context::new(&SHA256);
        hash.update(method.as_bytes());
        hash.update(&[0]);
        // Equal requests have equal bytes: fields are encoded in a fixed order, and no field is a map.
        hash.update(&encode());
        let fingerprint = hash.finish();
        Ok(Some(Self {
            id,
            fingerprint: fingerprint
                .as_ref()
                .try_into()
                .expect("SHA-256 has 32 bytes"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use contract::proto::task::{CreateTaskRequest, Task};
    use prost::Message as _;

    use super::*;

    const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

    #[test]
    fn different_requests_and_methods_have_different_fingerprints() {
        let request = |title: &str| CreateTaskRequest {
            task: Some(Task {
                title: title.to_owned(),
                ..Task::default()
            }),
            ..CreateTaskRequest::default()
        };
        let parse =
            |id, method, title| RequestKey::parse(id, method, || request(title).encode_to_vec());
        let key = |method, title| parse(ID, method, title).unwrap().unwrap();
        assert_eq!(key("CreateTask", "a"), key("CreateTask", "a"));
        assert_ne!(key("CreateTask", "a"), key("CreateTask", "b"));
        assert_ne!(key("CreateTask", "a"), key("UpdateTask", "a"));
        assert_eq!(parse("", "CreateTask", "a").unwrap(), None);
        assert!(parse("7", "CreateTask", "a").is_err());
    }
}
