//! The JSON form of a field: which kind of value it has, in words for people.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

/// The JSON form of a value.
pub(crate) enum Shape {
    /// An object whose keys are fields.
    Message(MessageDescriptor),
    /// An array.
    List(Kind),
    /// An object with free keys.
    Map(Kind),
    /// A text that stands for a message: a well-known type.
    Text(WellKnown),
    /// A whole number between these bounds.
    Integer(i128, i128),
    Float,
    Bool,
    String,
    Bytes,
    Enum(EnumDescriptor),
}

/// The well-known types that requests have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WellKnown {
    Timestamp,
    Duration,
    FieldMask,
}

impl Shape {
    pub(crate) fn of_field(field: &FieldDescriptor) -> Self {
        if field.is_map() {
            let entry = field.kind();
            let entry = entry.as_message().expect("the kind of a map is its entry");
            Self::Map(entry.map_entry_value_field().kind())
        } else if field.is_list() {
            Self::List(field.kind())
        } else {
            Self::of_kind(&field.kind())
        }
    }

    pub(crate) fn of_kind(kind: &Kind) -> Self {
        match kind {
            Kind::Double | Kind::Float => Self::Float,
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                Self::Integer(i32::MIN.into(), i32::MAX.into())
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                Self::Integer(i64::MIN.into(), i64::MAX.into())
            }
            Kind::Uint32 | Kind::Fixed32 => Self::Integer(0, u32::MAX.into()),
            Kind::Uint64 | Kind::Fixed64 => Self::Integer(0, u64::MAX.into()),
            Kind::Bool => Self::Bool,
            Kind::String => Self::String,
            Kind::Bytes => Self::Bytes,
            Kind::Enum(names) => Self::Enum(names.clone()),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => Self::Text(WellKnown::Timestamp),
                "google.protobuf.Duration" => Self::Text(WellKnown::Duration),
                "google.protobuf.FieldMask" => Self::Text(WellKnown::FieldMask),
                _ => Self::Message(message.clone()),
            },
        }
    }

    /// What a value must be.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Message(_) | Self::Map(_) => "must be an object".into(),
            Self::List(_) => "must be an array without null".into(),
            Self::Text(WellKnown::Timestamp) => {
                "must be a time of RFC 3339 as a string, such as \"2026-01-31T09:00:00Z\"".into()
            }
            Self::Text(WellKnown::Duration) => {
                "must be a number of seconds as a string, such as \"1.5s\"".into()
            }
            Self::Text(WellKnown::FieldMask) => {
                "must be names of fields as a string, such as \"title,dueTime\"".into()
            }
            Self::Integer(min, max) => format!("must be a whole number from {min} to {max}"),
            Self::Float => "must be a number".into(),
            Self::Bool => "must be true or false".into(),
            Self::String => "must be a string".into(),
            Self::Bytes => "must be a string of base64".into(),
            Self::Enum(names) => {
                let names: Vec<_> = names
                    .values()
                    .map(|value| value.name().to_owned())
                    .collect();
                format!("must be one of {}", names.join(", "))
            }
        }
    }
}

/// The field that a key names, in either spelling.
pub(super) fn field(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    let by_json_name = message.get_field_by_json_name(key);
    by_json_name.or_else(|| message.get_field_by_name(key))
}

/// The path of a field within the value at `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
