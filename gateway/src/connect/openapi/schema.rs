//! JSON Schemas of messages and enums (JSON Schema 2020-12, as OpenAPI 3.1 uses it).

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;
use crate::json::{Shape, WellKnown};

/// The schemas that have been added, by the full name of their message or enum.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    schemas: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(comments: &'a Comments) -> Self {
        Self {
            comments,
            schemas: BTreeMap::new(),
        }
    }

    /// Adds a message and everything that it contains.
    pub(super) fn add(&mut self, message: &MessageDescriptor) {
        if self.schemas.contains_key(message.full_name()) {
            return;
        }
        let name = message.full_name().to_owned();
        self.schemas.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for field in message.fields() {
            match Shape::of_kind(&field.kind()) {
                Shape::Message(inner) => self.add(&inner),
                Shape::Enum(inner) => self.add_enum(&inner),
                _ => {}
            }
            properties.insert(field.json_name().to_owned(), self.field(&field));
        }
        let schema = json!({
            "type": "object",
            "description": self.comments.get(&message.parent_file(), message.path()),
            "properties": properties,
            "additionalProperties": false,
        });
        self.schemas.insert(name, schema);
    }

    pub(super) fn finish(self) -> Map<String, Value> {
        self.schemas.into_iter().collect()
    }

    fn add_enum(&mut self, names: &EnumDescriptor) {
        let values: Vec<_> = names
            .values()
            .map(|value| value.name().to_owned())
            .collect();
        let texts = names.values().map(|value| {
            let text = self.comments.get(&names.parent_file(), value.path());
            format!("\n- `{}`: {text}", value.name())
        });
        let texts: String = texts.collect();
        let text = self.comments.get(&names.parent_file(), names.path());
        // Requests may have the number of a value too.
        let schema = json!({
            "description": format!("{text}\n{texts}"),
            "anyOf": [{ "type": "string", "enum": values }, integer(i32::MIN.into(), i32::MAX.into())],
        });
        self.schemas.insert(names.full_name().to_owned(), schema);
    }

    fn field(&self, field: &FieldDescriptor) -> Value {
        let mut schema = nullable(value(&Shape::of_field(field)));
        let text = self.comments.get(&field.parent_file(), field.path());
        schema["description"] = text.into();
        schema
    }
}

/// The same schema, with null: it stands for a field that is not set. The elements of a list are never null.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
        schema
    } else {
        json!({ "anyOf": [schema, { "type": "null" }] })
    }
}

/// The schema of a value. Integers of 64 bits are texts.
fn value(shape: &Shape) -> Value {
    match shape {
        Shape::Message(message) => reference(message),
        Shape::List(element) => {
            json!({ "type": "array", "items": value(&Shape::of_kind(element)) })
        }
        Shape::Map(element) => {
            json!({ "type": "object", "additionalProperties": value(&Shape::of_kind(element)) })
        }
        Shape::Text(well_known) => text(*well_known),
        Shape::Integer(min, max) => integer(*min, *max),
        Shape::Float => json!({ "type": "number" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::String => json!({ "type": "string" }),
        Shape::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Shape::Enum(names) => reference_by_name(names.full_name()),
    }
}

fn integer(min: i128, max: i128) -> Value {
    match (i64::try_from(min), u32::try_from(max)) {
        (Ok(min), Ok(max)) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        _ if min < 0 => json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" }),
        _ => json!({ "type": "string", "pattern": "^[0-9]+$" }),
    }
}

/// The well-known types that have a form of their own.
fn text(well_known: WellKnown) -> Value {
    match well_known {
        WellKnown::Timestamp => json!({ "type": "string", "format": "date-time" }),
        WellKnown::Duration => {
            json!({ "type": "string", "pattern": "^-?[0-9]+([.][0-9]{1,9})?s$" })
        }
        WellKnown::FieldMask => json!({ "type": "string", "pattern": "^[^_]*$" }),
    }
}

pub(super) fn reference(message: &MessageDescriptor) -> Value {
    reference_by_name(message.full_name())
}

pub(super) fn reference_by_name(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An error of the Connect protocol.
pub(super) fn error() -> Value {
    json!({
        "type": "object",
        "description": "Why a call has failed. `google.rpc.ErrorInfo` among the details has the reason for programs.",
        "required": ["code"],
        "properties": {
            "code": {
                "type": "string",
                "enum": [
                    "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
                    "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range",
                    "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated",
                ],
            },
            "message": { "type": "string" },
            "details": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "value"],
                    "properties": {
                        "type": { "type": "string", "description": "The full name of a message." },
                        "value": { "type": "string", "description": "The message, in base64 without padding." },
                        "debug": { "description": "The message as JSON, for people." },
                    },
                    "additionalProperties": false,
                },
            },
        },
        "additionalProperties": false,
    })
}
