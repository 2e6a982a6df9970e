//! One thing that is wrong with a field, as pydantic words it.

use serde_json::{Map, Value, json};

/// Stands for the value of a secret field.
const HIDDEN: &str = "**********";
/// The fields whose values are never sent back.
const SECRETS: [&str; 3] = ["password", "refresh_token", "attempt_tag"];

/// One entry of the list in the body of a 422.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Violation {
    kind: &'static str,
    loc: Vec<Value>,
    msg: String,
    input: Value,
    ctx: Option<Value>,
}

impl Violation {
    fn new(kind: &'static str, loc: &[Value], msg: impl Into<String>, input: &Value) -> Self {
        Self {
            kind,
            loc: loc.to_vec(),
            msg: msg.into(),
            input: without_secrets(loc, input),
            ctx: None,
        }
    }

    fn with(mut self, ctx: Value) -> Self {
        self.ctx = Some(ctx);
        self
    }

    /// `within` is the object that lacks the field, or null if there is no body.
    pub(super) fn missing(loc: &[Value], within: &Value) -> Self {
        Self::new("missing", loc, "Field required", within)
    }

    pub(super) fn not_json(position: usize, error: &str) -> Self {
        let loc = [json!("body"), json!(position)];
        Self::new("json_invalid", &loc, "JSON decode error", &json!({}))
            .with(json!({ "error": error }))
    }

    pub(super) fn not_an_object(input: &Value) -> Self {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        // The body may hold a secret anywhere.
        let input = match input {
            Value::Array(_) | Value::String(_) => json!(HIDDEN),
            other => other.clone(),
        };
        Self::new("model_attributes_type", &[json!("body")], msg, &input)
    }

    pub(super) fn not_a_string(loc: &[Value], input: &Value) -> Self {
        Self::new("string_type", loc, "Input should be a valid string", input)
    }

    pub(super) fn too_short(loc: &[Value], input: &Value, least: usize) -> Self {
        let msg = format!("String should have at least {}", characters(least));
        Self::new("string_too_short", loc, msg, input).with(json!({ "min_length": least }))
    }

    pub(super) fn too_long(loc: &[Value], input: &Value, most: usize) -> Self {
        let msg = format!("String should have at most {}", characters(most));
        Self::new("string_too_long", loc, msg, input).with(json!({ "max_length": most }))
    }

    pub(super) fn not_base64(loc: &[Value], input: &Value) -> Self {
        let msg = "Data should be valid base64";
        Self::new("bytes_invalid_encoding", loc, msg, input).with(json!({ "encoding": "base64" }))
    }

    pub(super) fn too_few_bytes(loc: &[Value], input: &Value, least: usize) -> Self {
        let msg = format!("Data should have at least {least} bytes");
        Self::new("bytes_too_short", loc, msg, input).with(json!({ "min_length": least }))
    }

    pub(super) fn too_many_bytes(loc: &[Value], input: &Value, most: usize) -> Self {
        let msg = format!("Data should have at most {most} bytes");
        Self::new("bytes_too_long", loc, msg, input).with(json!({ "max_length": most }))
    }

    /// `expected`: the values, in quotes, as a sentence lists them.
    pub(super) fn not_in_enum(loc: &[Value], input: &Value, expected: &str) -> Self {
        let msg = format!("Input should be {expected}");
        Self::new("enum", loc, msg, input).with(json!({ "expected": expected }))
    }

    pub(super) fn not_an_integer(loc: &[Value], input: &Value) -> Self {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        Self::new("int_parsing", loc, msg, input)
    }

    pub(super) fn too_small(loc: &[Value], input: &Value, least: u32) -> Self {
        let msg = format!("Input should be greater than or equal to {least}");
        Self::new("greater_than_equal", loc, msg, input).with(json!({ "ge": least }))
    }

    pub(super) fn too_large(loc: &[Value], input: &Value, most: u32) -> Self {
        let msg = format!("Input should be less than or equal to {most}");
        Self::new("less_than_equal", loc, msg, input).with(json!({ "le": most }))
    }

    /// A rule of the service that pydantic has no name for.
    pub(super) fn of_service(loc: &[Value], input: &Value, reason: &str, text: &str) -> Self {
        Self::new("value_error", loc, format!("Value error, {text}"), input)
            .with(json!({ "error": reason }))
    }

    pub(super) fn into_json(self) -> Value {
        let mut entry = Map::new();
        entry.insert("type".to_owned(), json!(self.kind));
        entry.insert("loc".to_owned(), Value::Array(self.loc));
        entry.insert("msg".to_owned(), json!(self.msg));
        entry.insert("input".to_owned(), self.input);
        if let Some(ctx) = self.ctx {
            entry.insert("ctx".to_owned(), ctx);
        }
        Value::Object(entry)
    }
}

fn characters(count: usize) -> String {
    match count {
        1 => "1 character".to_owned(),
        _ => format!("{count} characters"),
    }
}

fn without_secrets(loc: &[Value], input: &Value) -> Value {
    let field = loc.get(1).and_then(Value::as_str);
    if let Some(object) = input.as_object()
        && SECRETS.iter().any(|secret| object.contains_key(*secret))
    {
        let mut object = object.clone();
        for secret in SECRETS {
            if let Some(value) = object.get_mut(secret) {
                *value = json!(HIDDEN);
            }
        }
        return Value::Object(object);
    }
    // A missing field has the object around it as input.
    if field.is_some_and(|field| SECRETS.contains(&field)) && !input.is_object() {
        return json!(HIDDEN);
    }
    input.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_sends_a_secret_back() {
        let given = json!({ "email": 1, "password": "correct horse" });
        let loc = [json!("body"), json!("password")];
        let entries = [
            Violation::missing(&[json!("body"), json!("email")], &given),
            Violation::too_short(&loc, &given["password"], 8),
            Violation::not_a_string(&loc, &json!(["correct horse"])),
            Violation::not_an_object(&json!([given])),
            Violation::not_an_object(&json!("correct horse")),
        ];
        for entry in entries {
            let text = entry.into_json().to_string();
            assert!(!text.contains("horse"), "{text}");
        }
    }

    #[test]
    fn an_entry_has_the_words_of_pydantic() {
        let loc = [json!("body"), json!("title")];
        let entry = Violation::too_short(&loc, &json!(""), 1).into_json();
        let expected = json!({
            "type": "string_too_short", "loc": ["body", "title"], "input": "", "ctx": { "min_length": 1 },
            "msg": "String should have at least 1 character",
        });
        assert_eq!(entry, expected);
    }
}
