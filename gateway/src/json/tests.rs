//! Tests of the JSON mapping.

use contract::proto::{
    FILE_DESCRIPTOR_SET,
    task::{CreateTaskRequest, ListTasksRequest, Task, TaskPriority, UpdateTaskRequest},
};
use prost::Message as _;
use prost_reflect::DescriptorPool;
use serde_json::json;

use super::*;

pub(super) fn message(name: &str) -> MessageDescriptor {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    pool.get_message_by_name(name).unwrap()
}

pub(super) fn create() -> MessageDescriptor {
    message("tandem.task.v1.CreateTaskRequest")
}

/// The only violation of this JSON: its field, its reason and its description.
fn violation(message: &MessageDescriptor, json: &str) -> (String, &'static str, String) {
    let error = to_protobuf(message, json.as_bytes()).unwrap_err();
    let [violation] = error.violations() else {
        panic!("{json}: {:?}", error.violations());
    };
    let violation = violation.clone();
    let problem = violation.problem;
    (violation.field, problem.reason, problem.description)
}

/// Asserts the field and the reason of the only violation of each JSON.
fn assert_refused(message: &str, cases: &[(&str, &str, &str)]) {
    let message = self::message(message);
    for (json, field, reason) in cases {
        let error = to_protobuf(&message, json.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), Reason::FieldInvalid, "{json}");
        let (actual_field, actual_reason, _) = violation(&message, json);
        assert_eq!((&*actual_field, actual_reason), (*field, *reason), "{json}");
    }
}

#[test]
fn a_task_in_json_is_the_same_task_in_protobuf() {
    let json = r#"{"task":{"title":"Buy milk","dueTime":"2026-01-31T10:00:00+01:00","priority":"TASK_PRIORITY_HIGH",
        "labels":["a"],"description":null},"request_id":"x","validateOnly":true}"#;
    let request = to_protobuf(&create(), json.as_bytes()).unwrap();
    let request = CreateTaskRequest::decode(&*request).unwrap();
    let task = request.task.unwrap();
    assert_eq!(task.title, "Buy milk");
    assert_eq!(task.due_time.unwrap().seconds, 1_769_850_000);
    assert_eq!(task.priority(), TaskPriority::High);
    assert_eq!(task.labels, ["a"]);
    assert_eq!(task.description, "");
    assert_eq!((&*request.request_id, request.validate_only), ("x", true));
}

#[test]
fn an_unknown_field_is_refused_with_its_path() {
    assert_refused(
        "tandem.task.v1.CreateTaskRequest",
        &[
            (r#"{"tasks":{}}"#, "tasks", "UNKNOWN_FIELD"),
            (r#"{"task":{"titel":"a"}}"#, "task.titel", "UNKNOWN_FIELD"),
            (r#"{"task":{"x":null}}"#, "task.x", "UNKNOWN_FIELD"),
            (r#"{"task":{"x":[{"y":1}]}}"#, "task.x", "UNKNOWN_FIELD"),
        ],
    );
}

#[test]
fn all_violations_are_listed() {
    let json = r#"{"task":{"title":1,"dueTime":2,"x":3},"validateOnly":"yes"}"#;
    let error = to_protobuf(&create(), json.as_bytes()).unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|v| &*v.field).collect();
    assert_eq!(
        fields,
        ["task.title", "task.due_time", "task.x", "validate_only"]
    );
}

#[test]
fn a_field_that_is_given_twice_is_refused_in_either_spelling() {
    assert_refused(
        "tandem.task.v1.ListTasksRequest",
        &[
            (
                r#"{"pageSize":1,"pageSize":1}"#,
                "page_size",
                "DUPLICATE_FIELD",
            ),
            (
                r#"{"pageSize":1,"page_size":2}"#,
                "page_size",
                "DUPLICATE_FIELD",
            ),
            (
                r#"{"page_size":null,"pageSize":2}"#,
                "page_size",
                "DUPLICATE_FIELD",
            ),
        ],
    );
    assert_refused(
        "tandem.task.v1.CreateTaskRequest",
        &[(
            r#"{"task":{"labels":["a"],"labels":["b"]}}"#,
            "task.labels",
            "DUPLICATE_FIELD",
        )],
    );
}

#[test]
fn an_integer_out_of_range_is_refused_and_never_becomes_another_number() {
    for wrong in [
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "9.223372036854775808e18",
        "1e400",
        "\"9223372036854775808\"",
        "\"99999999999999999999999999999999999999999999\"",
    ] {
        let json = format!(r#"{{"task":{{"revision":{wrong}}}}}"#);
        let Err(JsonError::Fields(violations)) = to_protobuf(&create(), json.as_bytes()) else {
            // serde_json itself refuses a number that no double holds.
            assert_eq!(wrong, "1e400");
            continue;
        };
        assert_eq!(violations[0].field, "task.revision");
        assert_eq!(violations[0].problem.reason, "OUT_OF_RANGE", "{wrong}");
    }
    assert_refused(
        "tandem.task.v1.ListTasksRequest",
        &[
            (r#"{"pageSize":2147483648}"#, "page_size", "OUT_OF_RANGE"),
            (r#"{"pageSize":-2147483649}"#, "page_size", "OUT_OF_RANGE"),
            (r#"{"pageSize":1.5}"#, "page_size", "WRONG_TYPE"),
            (r#"{"pageSize":"+1"}"#, "page_size", "WRONG_TYPE"),
            (r#"{"pageSize":"1e2"}"#, "page_size", "WRONG_TYPE"),
            (r#"{"pageSize":""}"#, "page_size", "WRONG_TYPE"),
        ],
    );
    for (json, size) in [("1e2", 100), ("1.0", 1), ("\"7\"", 7), ("-1", -1)] {
        let json = format!(r#"{{"pageSize":{json}}}"#);
        let list = message("tandem.task.v1.ListTasksRequest");
        let request = to_protobuf(&list, json.as_bytes()).unwrap();
        assert_eq!(ListTasksRequest::decode(&*request).unwrap().page_size, size);
    }
}

#[test]
fn a_mask_in_the_spelling_of_the_protos_is_refused_with_the_right_one() {
    let update = message("tandem.task.v1.UpdateTaskRequest");
    let (field, reason, text) = violation(&update, r#"{"updateMask":"title,due_time"}"#);
    assert_eq!((&*field, reason), ("update_mask", "WRONG_CASE"));
    assert_eq!(text, "in JSON the names are spelled title,dueTime");
    let request = to_protobuf(&update, br#"{"updateMask":"title,dueTime"}"#).unwrap();
    let mask = UpdateTaskRequest::decode(&*request).unwrap().update_mask;
    assert_eq!(mask.unwrap().paths, ["title", "due_time"]);
}

#[test]
fn a_value_of_another_type_is_refused_with_its_path_and_without_repeating_it() {
    let cases = [
        (r#"{"task":{"title":77001}}"#, "task.title"),
        (r#"{"task":{"dueTime":"77001"}}"#, "task.due_time"),
        (r#"{"task":{"dueTime":"2026-01-31"}}"#, "task.due_time"),
        (
            r#"{"task":{"dueTime":"2016-12-31T23:59:60Z"}}"#,
            "task.due_time",
        ),
        (
            r#"{"task":{"dueTime":"2026-01-31t09:00:00z"}}"#,
            "task.due_time",
        ),
        (r#"{"task":{"labels":["a",77001]}}"#, "task.labels[1]"),
        (r#"{"task":{"labels":["a",null]}}"#, "task.labels[1]"),
        (r#"{"task":{"labels":"77001"}}"#, "task.labels"),
        (r#"{"task":{"status":"77001"}}"#, "task.status"),
        (r#"{"task":{"status":1.5}}"#, "task.status"),
        (r#"{"task":[77001]}"#, "task"),
        (r#"{"task":"77001"}"#, "task"),
        (r#"{"validateOnly":77001}"#, "validate_only"),
        ("[77001]", ""),
        ("null", ""),
        ("77001", ""),
    ];
    for (json, field) in cases {
        let (actual, reason, description) = violation(&create(), json);
        assert_eq!((&*actual, reason), (field, "WRONG_TYPE"), "{json}");
        assert!(!description.contains("77001"), "{description}");
    }
    let tag = r#"{"attemptTag":"?77001?"}"#;
    let (field, _, description) = violation(&message("tandem.auth.v1.SignInRequest"), tag);
    assert_eq!(field, "attempt_tag");
    assert!(!description.contains("77001"), "{description}");
}

#[test]
fn what_is_not_one_json_value_is_malformed() {
    for bad in [
        "",
        "{",
        "{}{}",
        "{} x",
        "{\"task\"}",
        "\u{feff}{}",
        "{'a':1}",
        "{\"task\":{},}",
    ] {
        let error = to_protobuf(&create(), bad.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), Reason::RequestMalformed, "{bad:.20}");
        assert_eq!(error.violations()[0].problem.reason, "NOT_JSON");
    }
    let not_utf8 = to_protobuf(&create(), b"{\"task\":{\"title\":\"\xff\"}}");
    assert_eq!(not_utf8.unwrap_err().reason(), Reason::RequestMalformed);
}

#[test]
fn any_depth_is_refused_as_what_stands_at_its_top() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let (_, reason, _) = violation(&create(), &deep);
    assert_eq!(reason, "WRONG_TYPE");
    let (field, reason, _) = violation(&create(), &format!(r#"{{"x":{deep}}}"#));
    assert_eq!((&*field, reason), ("x", "UNKNOWN_FIELD"));
}

#[test]
fn defaults_are_omitted_and_integers_of_64_bits_are_texts() {
    let task = Task {
        title: "a".into(),
        revision: i64::MAX,
        ..Task::default()
    };
    let json = from_protobuf(&message("tandem.task.v1.Task"), &task.encode_to_vec()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        json,
        json!({"title": "a", "revision": "9223372036854775807"})
    );
}
