//! Isolation of users: an id or a token of one user, in any field of a request of another user, acts like one that does not
//! exist.
//!
//! The fields are found in the descriptors. A field without an expectation here fails the test, so a new RPC or field must
//! declare what another user gets.

use std::collections::BTreeMap;

use contract::proto::task as proto;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};
use testing::reason;
use tonic::Status;

use crate::{
    raw::{call, rpcs},
    world::{ABSENT, User, World, titled},
};

const REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad92";
const OTHER_REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad93";

/// The required result, both of another user's value and of one that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The same refusal, equal in every byte but the value and the request id.
    Refused(&'static str),
    /// Success that does not depend on the value: it is ignored, or it refers to something of the caller.
    Unaffected,
}

use Expected::{Refused, Unaffected};

const EXPECTED: [(&str, &str, Expected); 18] = [
    ("CreateTask", "task.id", Unaffected),
    ("CreateTask", "task.user_id", Unaffected),
    ("CreateTask", "task.etag", Unaffected),
    ("CreateTask", "task.revision", Unaffected),
    ("CreateTask", "request_id", Unaffected),
    ("GetTask", "id", Refused("TASK_NOT_FOUND")),
    ("ListTasks", "page_token", Refused("FIELD_INVALID")),
    ("ListTasks", "filter", Unaffected),
    ("ListTasks", "order_by", Refused("FIELD_INVALID")),
    ("UpdateTask", "task.id", Refused("TASK_NOT_FOUND")),
    ("UpdateTask", "task.user_id", Unaffected),
    ("UpdateTask", "task.etag", Refused("ETAG_MISMATCH")),
    ("UpdateTask", "task.revision", Unaffected),
    ("UpdateTask", "request_id", Unaffected),
    ("DeleteTask", "id", Refused("TASK_NOT_FOUND")),
    ("DeleteTask", "etag", Refused("ETAG_MISMATCH")),
    ("UndeleteTask", "id", Refused("TASK_NOT_FOUND")),
    ("UndeleteTask", "etag", Refused("ETAG_MISMATCH")),
];

/// Free text, which refers to nothing.
const FREE_TEXT: [&str; 3] = ["title", "description", "labels"];

/// Every field of `message` that can refer to something: text and revisions, also in nested messages.
fn fields(message: &MessageDescriptor, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for field in message.fields() {
        let path = format!("{prefix}{}", field.name());
        match field.kind() {
            Kind::Message(inner) if inner.full_name().starts_with("tandem.") => {
                found.extend(fields(&inner, &format!("{path}.")));
            }
            Kind::String | Kind::Bytes if !FREE_TEXT.contains(&field.name()) => found.push(path),
            Kind::Int64 => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn every_field_for_an_id_or_a_token_has_an_expectation() {
    let found = rpcs().into_iter().flat_map(|rpc| {
        let name = rpc.name().to_owned();
        fields(&rpc.input(), "")
            .into_iter()
            .map(move |field| (name.clone(), field))
    });
    let mut found: Vec<_> = found.collect();
    let mut expected: Vec<_> = EXPECTED
        .iter()
        .map(|(rpc, field, _)| ((*rpc).to_owned(), (*field).to_owned()))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// What belongs to one user.
struct Belongings {
    live: proto::Task,
    deleted: proto::Task,
    page_token: String,
}

async fn belongings(user: &User, changes: usize) -> Belongings {
    let create = proto::CreateTaskRequest {
        task: Some(titled("secret of its owner")),
        request_id: REQUEST.to_owned(),
        validate_only: false,
    };
    let mut live = user.create_task(create).await.unwrap().task.unwrap();
    for _ in 0..changes {
        live = user.update(live, &["title"]).await.unwrap();
    }
    let deleted = user.task("deleted secret").await;
    let deleted = user.delete(&deleted.id).await.unwrap();
    user.task("another").await;
    let request = proto::ListTasksRequest {
        page_size: 1,
        ..Default::default()
    };
    let page_token = user.list_tasks(request).await.unwrap().next_page_token;
    Belongings {
        live,
        deleted,
        page_token,
    }
}

/// A request about the caller's own tasks, valid but for one field.
fn request(rpc: &MethodDescriptor, own: &Belongings, field: &str, value: &str) -> Vec<u8> {
    let task = match rpc.name() {
        "UndeleteTask" => &own.deleted,
        _ => &own.live,
    };
    let mut message = DynamicMessage::new(rpc.input());
    if message.has_field_by_name("task") || rpc.input().get_field_by_name("task").is_some() {
        let task = proto::Task {
            id: task.id.clone(),
            ..titled("mine")
        };
        set(&mut message, "task", &task.encode_to_vec(), "");
    }
    if rpc.input().get_field_by_name("id").is_some() {
        message.set_field_by_name("id", Value::String(task.id.clone()));
    }
    set(&mut message, field, &[], value);
    message.encode_to_vec()
}

/// Sets the field at a path: an encoded message, a text, or a number.
fn set(message: &mut DynamicMessage, path: &str, encoded: &[u8], value: &str) {
    if let Some((outer, inner)) = path.split_once('.') {
        let Value::Message(nested) = message.get_field_by_name_mut(outer).unwrap() else {
            panic!("{outer} is not a message");
        };
        return set(nested, inner, encoded, value);
    }
    let field = message.descriptor().get_field_by_name(path).unwrap();
    let value = match field.kind() {
        Kind::Message(kind) => Value::Message(DynamicMessage::decode(kind, encoded).unwrap()),
        Kind::Int64 => Value::I64(value.len().try_into().unwrap()),
        _ => Value::String(value.to_owned()),
    };
    message.set_field(&field, value);
}

/// The victim's value for a field, and a value of the same form that does not exist.
fn values(rpc: &str, field: &str, victim: &User, victims: &Belongings) -> (String, String) {
    let task = if rpc == "UndeleteTask" {
        &victims.deleted
    } else {
        &victims.live
    };
    let pair = |foreign: &str, absent: &str| (foreign.to_owned(), absent.to_owned());
    match field.rsplit('.').next().unwrap() {
        "id" | "order_by" => pair(&task.id, ABSENT),
        "user_id" => pair(&victim.id.to_string(), ABSENT),
        "etag" => pair(&task.etag, "\"r7fff\""),
        "request_id" => pair(REQUEST, OTHER_REQUEST),
        "page_token" => pair(&victims.page_token, &"A".repeat(victims.page_token.len())),
        "filter" => pair("\"secret of its owner\"", "\"secret of nobody\""),
        "revision" => pair("12", "123"),
        other => panic!("no value for {other}"),
    }
}

/// Everything that a client can see of a refusal, with the value and the request id masked.
fn visible(status: &Status, value: &str) -> String {
    let details = tonic_types::StatusExt::get_error_details(status);
    let request_id = details.request_info().unwrap().request_id.clone();
    let metadata: BTreeMap<_, _> = status
        .metadata()
        .as_ref()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    let seen = format!(
        "{:?} {:?} {details:?} {metadata:?}",
        status.code(),
        status.message()
    );
    seen.replace(&request_id, "<request>")
        .replace(value, "<value>")
}

#[tokio::test]
async fn values_of_another_user_act_like_values_that_do_not_exist() {
    let world = World::new().await;
    let (victim, other) = (world.user(), world.user());
    let victims = belongings(&victim, 5).await;
    let before = victim.all().await;
    for (name, field, expected) in EXPECTED {
        let rpc = rpcs().into_iter().find(|rpc| rpc.name() == name).unwrap();
        let (foreign, absent) = values(name, field, &victim, &victims);
        let mut caller = other.clone();
        let mut own = own_belongings(&caller).await;
        let mut seen = Vec::new();
        for value in [&foreign, &absent] {
            if expected == Unaffected {
                // A successful call changes something, so each call is made by a new user.
                caller = world.user();
                own = own_belongings(&caller).await;
            }
            let message = request(&rpc, &own, field, value);
            let answer = call(&world.channel, &rpc, Some(&caller.token()), message).await;
            seen.push(check_answer(
                expected,
                answer,
                value,
                &victim,
                &format!("{name} {field}"),
            ));
        }
        assert_eq!(seen[0], seen[1], "{name} {field}");
    }
    assert_eq!(victim.all().await, before);
}

/// Asserts that the answer is as expected; returns what of it must be equal for both values.
fn check_answer(
    expected: Expected,
    answer: Result<Vec<u8>, Status>,
    value: &str,
    victim: &User,
    field: &str,
) -> String {
    match (expected, answer) {
        (Unaffected, Ok(answer)) => {
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(!text.contains("secret"), "{field}: {text:?}");
            assert!(!text.contains(&victim.id.to_string()), "{field}: {text:?}");
            String::new()
        }
        (Refused(expected), Err(status)) => {
            assert_eq!(reason(&status), expected, "{field} {value}");
            visible(&status, value)
        }
        (expected, answer) => panic!("{field} {value}: {expected:?}, but {answer:?}"),
    }
}

/// Valid tasks of the caller, so that only the one field makes the difference.
async fn own_belongings(caller: &User) -> Belongings {
    let live = caller.task("mine").await;
    let deleted = caller.task("deleted").await;
    let deleted = caller.delete(&deleted.id).await.unwrap();
    Belongings {
        live,
        deleted,
        page_token: String::new(),
    }
}
