//! What of a JSON text does not fit a message, each with its path.

use std::{collections::HashSet, fmt};

use contract::refusal::{Problem, Violations};
use prost_reflect::{Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::shape::{self, Shape, WellKnown};

/// A longer key is cut in a violation.
const MAX_KEY: usize = 64;

/// Notes everything that is wrong with the fields. Fails if the text is not one JSON value.
pub(super) fn check(
    message: &MessageDescriptor,
    json: &[u8],
    violations: &mut Violations,
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let root = Check {
        shape: Shape::Message(message.clone()),
        path: String::new(),
        nullable: false,
        violations,
    };
    root.deserialize(&mut json)?;
    json.end()
}

/// Checks one value.
struct Check<'a> {
    shape: Shape,
    path: String,
    /// Null stands for a field that is not set. A list holds no null.
    nullable: bool,
    violations: &'a mut Violations,
}

impl Check<'_> {
    fn inner(&mut self, shape: Shape, path: String, nullable: bool) -> Check<'_> {
        Check {
            shape,
            path,
            nullable,
            violations: self.violations,
        }
    }

    fn note(&mut self, reason: &'static str, description: impl Into<String>) {
        let problem = Problem::new(reason, description);
        self.violations.note(&self.path, problem);
    }

    fn wrong_type(&mut self) {
        self.note("WRONG_TYPE", self.shape.expected());
    }

    fn out_of_range(&mut self) {
        self.note("OUT_OF_RANGE", self.shape.expected());
    }

    fn fields<'de, A: MapAccess<'de>>(
        &mut self,
        message: &MessageDescriptor,
        mut map: A,
    ) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let Some(field) = shape::field(message, &key) else {
                let key: String = key.chars().take(MAX_KEY).collect();
                let path = shape::join(&self.path, &key);
                let problem = Problem::new("UNKNOWN_FIELD", "there is no such field");
                self.violations.note(&path, problem);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let path = shape::join(&self.path, field.name());
            if !seen.insert(field.number()) {
                let problem = Problem::new("DUPLICATE_FIELD", "must be given only once");
                self.violations.note(&path, problem);
            }
            map.next_value_seed(self.inner(Shape::of_field(&field), path, true))?;
        }
        Ok(())
    }

    fn entries<'de, A: MapAccess<'de>>(
        &mut self,
        value: &Kind,
        mut map: A,
    ) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let shown: String = key.chars().take(MAX_KEY).collect();
            let path = shape::join(&self.path, &shown);
            if !seen.insert(key) {
                let problem = Problem::new("DUPLICATE_FIELD", "must be given only once");
                self.violations.note(&path, problem);
            }
            map.next_value_seed(self.inner(Shape::of_kind(value), path, false))?;
        }
        Ok(())
    }

    fn integer(&mut self, value: i128) {
        match &self.shape {
            Shape::Integer(min, max) if (*min..=*max).contains(&value) => {}
            // A number of an enum may be one that this version does not know.
            Shape::Enum(_) if i32::try_from(value).is_ok() => {}
            Shape::Integer(..) | Shape::Enum(_) => self.out_of_range(),
            Shape::Float => {}
            _ => self.wrong_type(),
        }
    }

    /// A number with a fraction or an exponent, or one of more than 64 bits.
    fn float(&mut self, value: f64) {
        match &self.shape {
            Shape::Float => {}
            Shape::Integer(min, max) => {
                // One past the bounds, because a double does not hold the largest integer of 64 bits. The smallest one comes here
                // only from a number that was rounded to it.
                let below = value < bound(*min) || value <= bound(i64::MIN.into());
                let above = value >= bound(*max + 1);
                if below || above {
                    self.out_of_range();
                } else if value.fract() != 0.0 {
                    self.wrong_type();
                }
            }
            _ => self.wrong_type(),
        }
    }

    fn text(&mut self, text: &str) {
        match &self.shape {
            Shape::Text(WellKnown::FieldMask) if text.contains('_') => {
                let camel = camel_case(text);
                self.note(
                    "WRONG_CASE",
                    format!("in JSON the names are spelled {camel}"),
                );
            }
            // A Timestamp has no leap second.
            Shape::Text(WellKnown::Timestamp) if text.get(17..19) == Some("60") => {
                self.wrong_type();
            }
            Shape::String | Shape::Bytes | Shape::Float | Shape::Text(_) => {}
            Shape::Enum(names) if names.get_value_by_name(text).is_some() => {}
            Shape::Integer(..) => match parse_integer(text) {
                Some(value) => self.integer(value),
                None => self.wrong_type(),
            },
            _ => self.wrong_type(),
        }
    }
}

/// Both bounds are powers of two or small, so a double holds them.
#[expect(clippy::cast_precision_loss, reason = "a power of two is exact")]
fn bound(value: i128) -> f64 {
    value as f64
}

/// An integer in quotes: digits, with a minus or without. More digits than an `i128` holds are out of every range.
fn parse_integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(i128::MAX))
}

/// `due_time` as `dueTime`; at most as long as a key.
fn camel_case(mask: &str) -> String {
    let mut upper = false;
    let mut camel = String::new();
    for c in mask.chars().take(MAX_KEY) {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.push(c.to_ascii_uppercase());
        } else {
            camel.push(c);
        }
    }
    camel
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        match &self.shape {
            Shape::Message(message) => {
                let message = message.clone();
                self.fields(&message, map)
            }
            Shape::Map(value) => {
                let value = value.clone();
                self.entries(&value, map)
            }
            _ => {
                self.wrong_type();
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(())
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let Shape::List(element) = &self.shape else {
            self.wrong_type();
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let element = element.clone();
        let mut index = 0;
        loop {
            let path = format!("{}[{index}]", self.path);
            let inner = self.inner(Shape::of_kind(&element), path, false);
            if seq.next_element_seed(inner)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        if !self.nullable {
            self.wrong_type();
        }
        Ok(())
    }

    fn visit_bool<E>(mut self, _: bool) -> Result<(), E> {
        if !matches!(self.shape, Shape::Bool) {
            self.wrong_type();
        }
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.integer(value.into());
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.integer(value.into());
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        self.float(value);
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }
}
