//! Protobuf's canonical JSON, by descriptors (protobuf.dev, "ProtoJSON Format").
//!
//! prost-reflect converts. What it accepts although a client should hear of it is refused before, in [`check`]: unknown fields
//! (with their path), fields that are given twice, integers out of range, and masks in the spelling of the protos. No text of an
//! error repeats a value: it may be a password.

mod check;
mod shape;

use contract::refusal::{Problem, Reason, Refusal, Violation, Violations};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_path_to_error::{Path, Segment, Track};

pub(crate) use self::shape::{Shape, WellKnown};

/// Why a text is not the JSON of a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    /// It is not JSON.
    #[error("the request is not valid JSON")]
    Syntax([Violation; 1]),
    /// It is the JSON of something else.
    #[error("the JSON does not fit the request of this RPC")]
    Fields(Vec<Violation>),
}

impl Refusal for JsonError {
    fn reason(&self) -> Reason {
        match self {
            Self::Syntax(_) => Reason::RequestMalformed,
            Self::Fields(_) => Reason::FieldInvalid,
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Syntax(violation) => violation,
            Self::Fields(violations) => violations,
        }
    }
}

/// These bytes are not a message of the expected type.
#[derive(Debug, thiserror::Error)]
#[error("a message cannot be decoded")]
pub(crate) struct Undecodable;

/// The message whose JSON this is, in the encoding of protobuf.
pub(crate) fn to_protobuf(message: &MessageDescriptor, json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut violations = Violations::default();
    check::check(message, json, &mut violations).map_err(|error| syntax(&error))?;
    violations.finish(|| Some(())).map_err(JsonError::Fields)?;
    let mut track = Track::new();
    let mut json = serde_json::Deserializer::from_slice(json);
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    match DynamicMessage::deserialize(message.clone(), tracked) {
        Ok(message) => Ok(message.encode_to_vec()),
        // The error may repeat the value.
        Err(_wrong_value) => Err(wrong_value(message, &track.path())),
    }
}

/// The JSON of a message. Fields that have their default value are omitted.
pub(crate) fn from_protobuf(
    message: &MessageDescriptor,
    bytes: &[u8],
) -> Result<Vec<u8>, Undecodable> {
    let message =
        DynamicMessage::decode(message.clone(), bytes).map_err(|_wrong_bytes| Undecodable)?;
    serde_json::to_vec(&message).map_err(|_no_json_form| Undecodable)
}

/// What a parser expected, and where; it repeats no value.
fn syntax(error: &serde_json::Error) -> JsonError {
    JsonError::Syntax([Violation {
        field: String::new(),
        problem: Problem::new("NOT_JSON", error.to_string()),
    }])
}

/// The violation for a value that a check does not know, such as a time that is no time.
fn wrong_value(message: &MessageDescriptor, path: &Path) -> JsonError {
    let mut shape = Shape::Message(message.clone());
    let mut field = String::new();
    for segment in path {
        let inner = match (segment, &shape) {
            (Segment::Map { key }, Shape::Message(message)) => {
                let inner = shape::field(message, key);
                inner.map(|inner| (shape::join(&field, inner.name()), Shape::of_field(&inner)))
            }
            (Segment::Map { key }, Shape::Map(value)) => {
                Some((shape::join(&field, key), Shape::of_kind(value)))
            }
            (Segment::Seq { index }, Shape::List(element)) => {
                Some((format!("{field}[{index}]"), Shape::of_kind(element)))
            }
            _ => None,
        };
        let Some(inner) = inner else { break };
        (field, shape) = inner;
    }
    let problem = Problem::new("WRONG_TYPE", shape.expected());
    JsonError::Fields(vec![Violation { field, problem }])
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
