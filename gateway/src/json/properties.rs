//! Properties of the JSON mapping.

use contract::proto::task::{CreateTaskRequest, Task, UpdateTaskRequest};
use proptest::{collection::vec, option, prelude::*};
use prost::Message as _;
use prost_types::{FieldMask, Timestamp};

use super::{
    from_protobuf,
    tests::{create, message},
    to_protobuf,
};
use contract::refusal::Refusal as _;

fn tasks() -> impl Strategy<Value = Task> {
    let timestamp = (-62_135_596_800i64..253_402_300_800, 0..1_000_000_000i32);
    let timestamp = option::of(timestamp.prop_map(|(seconds, nanos)| Timestamp { seconds, nanos }));
    (
        any::<String>(),
        0..4i32,
        timestamp,
        vec(any::<String>(), 0..4),
        any::<i64>(),
    )
        .prop_map(|(title, priority, due_time, labels, revision)| Task {
            title,
            priority,
            due_time,
            labels,
            revision,
            ..Task::default()
        })
}

proptest! {
    #[test]
    fn every_message_is_the_same_after_json(task in tasks(), request_id: String, validate_only: bool) {
        let request = CreateTaskRequest { task: Some(task), request_id, validate_only };
        let json = from_protobuf(&create(), &request.encode_to_vec()).unwrap();
        let bytes = to_protobuf(&create(), &json).unwrap();
        prop_assert_eq!(CreateTaskRequest::decode(&*bytes).unwrap(), request);
    }

    #[test]
    fn every_mask_of_field_names_is_the_same_after_json(paths in vec("[a-z]{1,8}(_[a-z]{1,8}){0,2}", 1..5)) {
        let update = message("tandem.task.v1.UpdateTaskRequest");
        let request = UpdateTaskRequest { update_mask: Some(FieldMask { paths }), ..UpdateTaskRequest::default() };
        let json = from_protobuf(&update, &request.encode_to_vec()).unwrap();
        let bytes = to_protobuf(&update, &json).unwrap();
        prop_assert_eq!(UpdateTaskRequest::decode(&*bytes).unwrap(), request);
    }

    /// What is accepted is exactly what a correct reader makes of it; nothing panics.
    #[test]
    fn an_integer_is_accepted_exactly_within_its_range(value in any::<i128>(), quoted: bool) {
        let text = if quoted { format!("\"{value}\"") } else { value.to_string() };
        let json = format!(r#"{{"task":{{"revision":{text}}}}}"#);
        let accepted = to_protobuf(&create(), json.as_bytes());
        prop_assert_eq!(accepted.is_ok(), i64::try_from(value).is_ok());
    }

    #[test]
    fn any_text_is_accepted_or_refused_with_violations(json in "[{}\\[\\]\",:a-z0-9.eT-]{0,40}") {
        if let Err(error) = to_protobuf(&create(), json.as_bytes()) {
            prop_assert!(!error.violations().is_empty());
        }
    }
}
