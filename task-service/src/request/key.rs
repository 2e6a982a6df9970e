//! Request ids (AIP-155): the same id with the same request is answered once.

use aws_lc_rs::digest::{Context, SHA256};
use prost::Message;
use shared::{ids::parse_uuid, refusal::Problem};
use uuid::Uuid;

/// A request that wants to be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey {
    /// The client's id of it.
    pub id: Uuid,
    /// SHA-256 over the method and the request without its id: what the id stands for.
    pub fingerprint: [u8; 32],
}

impl RequestKey {
    /// The key of `request` to `method`; `None` when the client sent no id. `request` has its id taken out.
    pub fn parse(id: &str, method: &str, request: &impl Message) -> Result<Option<Self>, Problem> {
        if id.is_empty() {
            return Ok(None);
        }
        let id = parse_uuid(id)?;
        let mut hash = Context::new(&SHA256);
        hash.update(method.as_bytes());
        hash.update(&[0]);
        // Fields are encoded in their order and there is no map among them, so equal requests have equal bytes.
        hash.update(&request.encode_to_vec());
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
    use shared::proto::task::{CreateTaskRequest, Task};

    use super::*;

    const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

    #[test]
    fn the_fingerprint_tells_requests_and_methods_apart() {
        let request = |title: &str| CreateTaskRequest {
            task: Some(Task {
                title: title.to_owned(),
                ..Task::default()
            }),
            ..CreateTaskRequest::default()
        };
        let key = |method, title| {
            RequestKey::parse(ID, method, &request(title))
                .unwrap()
                .unwrap()
        };
        assert_eq!(key("CreateTask", "a"), key("CreateTask", "a"));
        assert_ne!(key("CreateTask", "a"), key("CreateTask", "b"));
        assert_ne!(key("CreateTask", "a"), key("UpdateTask", "a"));
        assert_eq!(
            RequestKey::parse("", "CreateTask", &request("a")).unwrap(),
            None
        );
        assert!(RequestKey::parse("7", "CreateTask", &request("a")).is_err());
    }
}
