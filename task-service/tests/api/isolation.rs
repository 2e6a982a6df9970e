//! Two users: whatever id or token of the one the other puts wherever one can stand, it is as if it did not exist.
//!
//! The places are found through the descriptors. One that has no expectation here fails the test, so that nobody adds an
//! RPC or a field without deciding what a stranger gets.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_reflect::{
    DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};
use shared::proto::task::{self as proto};
use testing::reason;
use tonic::Status;

use crate::{
    raw::{call, rpcs},
    world::{ABSENT, User, World, titled},
};

const REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad92";
const OTHER_REQUEST: &str = "0190163d-8694-739b-aea5-966c26f8ad93";

/// What both a foreign value and one that nobody has must lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The same refusal, byte for byte, but for the id asked for and the request id.
    Refused(&'static str),
    /// Success that has nothing to do with the value: it is passed over, or stands for something of the caller's own.
    OfTheCallersOwn,
}

use Expected::{OfTheCallersOwn, Refused};

const EXPECTED: [(&str, &str, Expected); 18] = [
    ("CreateTask", "task.id", OfTheCallersOwn),
    ("CreateTask", "task.user_id", OfTheCallersOwn),
    ("CreateTask", "task.etag", OfTheCallersOwn),
    ("CreateTask", "task.revision", OfTheCallersOwn),
    ("CreateTask", "request_id", OfTheCallersOwn),
    ("GetTask", "id", Refused("TASK_NOT_FOUND")),
    ("ListTasks", "page_token", Refused("FIELD_INVALID")),
    ("ListTasks", "filter", OfTheCallersOwn),
    ("ListTasks", "order_by", Refused("FIELD_INVALID")),
    ("UpdateTask", "task.id", Refused("TASK_NOT_FOUND")),
    ("UpdateTask", "task.user_id", OfTheCallersOwn),
    ("UpdateTask", "task.etag", Refused("ETAG_MISMATCH")),
    ("UpdateTask", "task.revision", OfTheCallersOwn),
    ("UpdateTask", "request_id", OfTheCallersOwn),
    ("DeleteTask", "id", Refused("TASK_NOT_FOUND")),
    ("DeleteTask", "etag", Refused("ETAG_MISMATCH")),
    ("UndeleteTask", "id", Refused("TASK_NOT_FOUND")),
    ("UndeleteTask", "etag", Refused("ETAG_MISMATCH")),
];

/// Text that a person writes or a program chooses: no reference to anything.
const PLAIN: [&str; 3] = ["title", "description", "labels"];

/// Every field of `message` that can refer to something: text and revisions, also inside other messages.
fn places(message: &MessageDescriptor, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for field in message.fields() {
        let path = format!("{prefix}{}", field.name());
        match field.kind() {
            Kind::Message(inner) if inner.full_name().starts_with("tandem.") => {
                found.extend(places(&inner, &format!("{path}.")));
            }
            Kind::String | Kind::Bytes if !PLAIN.contains(&field.name()) => found.push(path),
            Kind::Int64 => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn every_place_for_an_id_or_a_token_has_an_expectation() {
    let found = rpcs().into_iter().flat_map(|rpc| {
        let name = rpc.name().to_owned();
        places(&rpc.input(), "")
            .into_iter()
            .map(move |place| (name.clone(), place))
    });
    let mut found: Vec<_> = found.collect();
    let mut expected: Vec<_> = EXPECTED
        .iter()
        .map(|(rpc, place, _)| ((*rpc).to_owned(), (*place).to_owned()))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// Something of each kind that belongs to one user.
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

/// A request of the caller's own that would succeed, but for one field.
fn request(rpc: &MethodDescriptor, own: &Belongings, place: &str, value: &str) -> Vec<u8> {
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
    set(&mut message, place, &[], value);
    message.encode_to_vec()
}

/// Sets the field at a path: an encoded message, a text, or a number.
fn set(message: &mut DynamicMessage, path: &str, encoded: &[u8], value: &str) {
    if let Some((outer, inner)) = path.split_once('.') {
        let Value::Message(nested) = message.get_field_by_name_mut(outer).unwrap() else {
            panic!("{outer} is no message");
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

/// The victim's value for a place, and one of the same form that nobody has.
fn values(rpc: &str, place: &str, victim: &User, theirs: &Belongings) -> (String, String) {
    let task = if rpc == "UndeleteTask" {
        &theirs.deleted
    } else {
        &theirs.live
    };
    let pair = |foreign: &str, absent: &str| (foreign.to_owned(), absent.to_owned());
    match place.rsplit('.').next().unwrap() {
        "id" | "order_by" => pair(&task.id, ABSENT),
        "user_id" => pair(&victim.id.to_string(), ABSENT),
        "etag" => pair(&task.etag, "\"r7fff\""),
        "request_id" => pair(REQUEST, OTHER_REQUEST),
        "page_token" => pair(&theirs.page_token, &"A".repeat(theirs.page_token.len())),
        "filter" => pair("\"secret of its owner\"", "\"secret of nobody\""),
        "revision" => pair("12", "123"),
        other => panic!("no value for {other}"),
    }
}

/// All of a refusal that a client can see, with the value asked for and the request id masked.
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
async fn what_belongs_to_another_user_is_as_if_it_did_not_exist() {
    let world = World::new().await;
    let (victim, stranger) = (world.user(), world.user());
    let theirs = belongings(&victim, 5).await;
    let before = victim.all().await;
    for (name, place, expected) in EXPECTED {
        let rpc = rpcs().into_iter().find(|rpc| rpc.name() == name).unwrap();
        let (foreign, absent) = values(name, place, &victim, &theirs);
        let mut caller = stranger.clone();
        let mut mine = own(&caller).await;
        let mut seen = Vec::new();
        for value in [&foreign, &absent] {
            if expected == OfTheCallersOwn {
                // What succeeds changes something, so the next call is another stranger's.
                caller = world.user();
                mine = own(&caller).await;
            }
            let message = request(&rpc, &mine, place, value);
            let answer = call(&world.channel, &rpc, Some(&caller.token()), message).await;
            seen.push(judge(
                expected,
                answer,
                value,
                &victim,
                &format!("{name} {place}"),
            ));
        }
        assert_eq!(seen[0], seen[1], "{name} {place}");
    }
    assert_eq!(victim.all().await, before);
}

/// What the stranger saw, if the answer is as it must be; the content of an own answer is not compared.
fn judge(
    expected: Expected,
    answer: Result<Vec<u8>, Status>,
    value: &str,
    victim: &User,
    place: &str,
) -> String {
    match (expected, answer) {
        (OfTheCallersOwn, Ok(answer)) => {
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(!text.contains("secret"), "{place}: {text:?}");
            assert!(!text.contains(&victim.id.to_string()), "{place}: {text:?}");
            String::new()
        }
        (Refused(expected), Err(status)) => {
            assert_eq!(reason(&status), expected, "{place} {value}");
            visible(&status, value)
        }
        (expected, answer) => panic!("{place} {value}: {expected:?}, but {answer:?}"),
    }
}

/// Tasks of the stranger's own, so that only the one field makes the difference.
async fn own(stranger: &User) -> Belongings {
    let live = stranger.task("mine").await;
    let deleted = stranger.task("deleted").await;
    let deleted = stranger.delete(&deleted.id).await.unwrap();
    Belongings {
        live,
        deleted,
        page_token: String::new(),
    }
}
