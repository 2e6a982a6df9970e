//! Reads the fields of a request, and collects everything that is wrong with them.

use std::ops::RangeInclusive;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::Uri;
use serde_json::{Map, Value, json};

use super::{problem::Problem, violation::Violation};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The fields of a body.
#[derive(Debug)]
pub(super) struct Fields {
    object: Value,
    violations: Vec<Violation>,
}

/// A field of a partial update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change<T> {
    /// The body does not have it.
    Unset,
    To(T),
}

impl Fields {
    pub(super) fn new(object: Map<String, Value>) -> Self {
        Self {
            object: Value::Object(object),
            violations: Vec::new(),
        }
    }

    /// A text that must be there, with a length in code points within `bounds`.
    pub(super) fn required(&mut self, name: &str, bounds: RangeInclusive<usize>) -> String {
        if self.object.get(name).is_none() {
            let violation = Violation::missing(&body(name), &self.object);
            self.violations.push(violation);
        }
        self.text(name, bounds, false).unwrap_or_default()
    }

    /// A text that may be left out or null.
    pub(super) fn optional(&mut self, name: &str, most: usize) -> Option<String> {
        self.text(name, 0..=most, true)
    }

    /// Bytes as base64, in either alphabet, padded or not; none if they are left out or null.
    pub(super) fn bytes(&mut self, name: &str, bounds: RangeInclusive<usize>) -> Vec<u8> {
        let Some(text) = self.text(name, 0..=2 * bounds.end(), true) else {
            return Vec::new();
        };
        let (loc, given) = (body(name), json!(text));
        let standard = text.replace('-', "+").replace('_', "/");
        let violation = match BASE64.decode(standard) {
            Ok(bytes) if bytes.len() < *bounds.start() => {
                Violation::too_few_bytes(&loc, &given, *bounds.start())
            }
            Ok(bytes) if bytes.len() > *bounds.end() => {
                Violation::too_many_bytes(&loc, &given, *bounds.end())
            }
            Ok(bytes) => return bytes,
            Err(_not_base64) => Violation::not_base64(&loc, &given),
        };
        self.violations.push(violation);
        Vec::new()
    }

    /// A text that may be left out. Null is a value only if `nullable`; it is the empty text.
    pub(super) fn change(
        &mut self,
        name: &str,
        bounds: RangeInclusive<usize>,
        nullable: bool,
    ) -> Change<String> {
        match self.object.get(name) {
            None => Change::Unset,
            Some(_) => Change::To(self.text(name, bounds, nullable).unwrap_or_default()),
        }
    }

    /// One of the values of an enum, if it is there. `expected`: the values as a sentence lists them.
    pub(super) fn one_of<T>(
        &mut self,
        name: &str,
        parse: fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let given = self.object.get(name)?;
        let found = given.as_str().and_then(parse);
        if found.is_none() {
            let violation = Violation::not_in_enum(&body(name), given, expected);
            self.violations.push(violation);
        }
        found
    }

    fn text(
        &mut self,
        name: &str,
        bounds: RangeInclusive<usize>,
        nullable: bool,
    ) -> Option<String> {
        let given = self.object.get(name)?;
        let loc = body(name);
        let violation = match given {
            Value::Null if nullable => return None,
            Value::String(text) => {
                let length = text.chars().count();
                if length < *bounds.start() {
                    Violation::too_short(&loc, given, *bounds.start())
                } else if length > *bounds.end() {
                    Violation::too_long(&loc, given, *bounds.end())
                } else {
                    return Some(text.clone());
                }
            }
            _ => Violation::not_a_string(&loc, given),
        };
        self.violations.push(violation);
        None
    }

    /// The fields as they were sent, if nothing is wrong with them.
    pub(super) fn finish(self) -> Result<Value, Problem> {
        if self.violations.is_empty() {
            Ok(self.object)
        } else {
            Err(Problem::invalid(self.violations))
        }
    }
}

fn body(name: &str) -> [Value; 2] {
    [json!("body"), json!(name)]
}

/// Reads the number `name` of a query for each of `numbers`: name, default and bounds. Of a name that occurs twice, the last counts.
pub(super) fn query<const N: usize>(
    uri: &Uri,
    numbers: [(&str, u32, RangeInclusive<u32>); N],
) -> Result<[u32; N], Problem> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut violations = Vec::new();
    let values = numbers.map(|(name, default, bounds)| {
        let given = form_urlencoded::parse(query).filter(|(key, _)| key == name);
        let Some((_, text)) = given.last() else {
            return default;
        };
        number(&text, &bounds).unwrap_or_else(|violation| {
            let loc = [json!("query"), json!(name)];
            violations.push(violation(&loc, &json!(text), &bounds));
            default
        })
    });
    if violations.is_empty() {
        Ok(values)
    } else {
        Err(Problem::invalid(violations))
    }
}

type NumberViolation = fn(&[Value], &Value, &RangeInclusive<u32>) -> Violation;

/// Only digits, with a minus before them: no white space, fraction, plus or underscore.
fn number(text: &str, bounds: &RangeInclusive<u32>) -> Result<u32, NumberViolation> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(|loc, input, _| Violation::not_an_integer(loc, input));
    }
    let zero = digits.bytes().all(|digit| digit == b'0');
    // Too many digits for the type are too large for the bounds.
    let value = digits.parse().unwrap_or(u32::MAX);
    if value < *bounds.start() || (negative && !zero) {
        return Err(|loc, input, bounds| Violation::too_small(loc, input, *bounds.start()));
    }
    if value > *bounds.end() {
        return Err(|loc, input, bounds| Violation::too_large(loc, input, *bounds.end()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query_text: &str) -> Result<[u32; 2], Problem> {
        let uri: Uri = format!("/api/tasks?{query_text}").parse().unwrap();
        query(&uri, [("limit", 100, 1..=200), ("offset", 0, 0..=10_000)])
    }

    #[test]
    fn numbers_of_a_query_are_digits_within_bounds() {
        assert_eq!(parse("").unwrap(), [100, 0]);
        assert_eq!(parse("limit=5&offset=10000&x=y").unwrap(), [5, 10_000]);
        assert_eq!(parse("limit=7&limit=9&offset=-0").unwrap(), [9, 0]);
        for bad in [
            "limit=0",
            "limit=201",
            "limit=5.0",
            "limit=1_0",
            "limit=%2B5",
            "limit=+5",
            "limit=",
            "offset=-1",
            "offset=10001",
            "offset=99999999999999999999",
            "offset=%FF",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_violation_is_collected_in_the_order_of_the_fields() {
        let object = json!({ "title": "", "status": "done", "description": 5 });
        let mut fields = Fields::new(object.as_object().unwrap().clone());
        fields.required("title", 1..=200);
        fields.optional("description", 2000);
        fields.one_of("status", |_| None::<()>, "'pending'");
        assert_eq!(fields.violations.len(), 3);
        let kinds: Vec<Value> = (fields.violations.into_iter())
            .map(|it| it.into_json()["type"].clone())
            .collect();
        assert_eq!(kinds, ["string_too_short", "string_type", "enum"]);
    }

    #[test]
    fn bytes_are_base64_of_a_length_within_bounds() {
        let read = |text: Value| {
            let object = json!({ "attempt_tag": text });
            let mut fields = Fields::new(object.as_object().unwrap().clone());
            let bytes = fields.bytes("attempt_tag", 16..=64);
            let violation = fields.violations.pop();
            let violation = violation.map(|it| it.into_json()["type"].clone());
            (bytes.len(), violation.unwrap_or_default())
        };
        assert_eq!(read(Value::Null), (0, Value::Null));
        for (text, length) in [
            ("A".repeat(22), 16),
            ("A".repeat(22) + "==", 16),
            ("-_".repeat(11), 16),
            ("+/".repeat(11) + "==", 16),
            ("A".repeat(86), 64),
            ("A".repeat(86) + "==", 64),
        ] {
            assert_eq!(read(json!(text)), (length, Value::Null), "{text}");
        }
        for (text, kind) in [
            (json!(""), "bytes_too_short"),
            (json!("A".repeat(20)), "bytes_too_short"),
            (json!("A".repeat(87)), "bytes_too_long"),
            (json!("A".repeat(25)), "bytes_invalid_encoding"),
            (json!("ä".repeat(22)), "bytes_invalid_encoding"),
            (json!("A".repeat(129)), "string_too_long"),
            (json!(5), "string_type"),
        ] {
            assert_eq!(read(text.clone()), (0, json!(kind)), "{text}");
        }
    }

    #[test]
    fn lengths_are_code_points() {
        let object = json!({ "title": "𝄞".repeat(200) });
        let mut fields = Fields::new(object.as_object().unwrap().clone());
        assert_eq!(fields.required("title", 1..=200).chars().count(), 200);
        assert!(fields.finish().is_ok());
    }
}
