//! Reading `.env` and TOML files. No message quotes them: any line may hold a secret.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Num, Value};

use super::problems::Problem;

/// Reads `.env` without touching the process environment. Messages name the line, never its text, which may be a secret.
pub(crate) fn read_dot_env(directory: &Path, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let text = match fs::read_to_string(directory.join(".env")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(Problem::new(
                ".env",
                format!("cannot be read: {error}"),
                None,
            ));
            return Vec::new();
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut pairs = Vec::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok(pair) => pairs.push(pair),
            Err(error) => problems.push(Problem::new(".env", unreadable_line(&error, text), None)),
        }
    }
    pairs
}

fn unreadable_line(error: &dotenvy::Error, text: &str) -> String {
    let number = match error {
        dotenvy::Error::LineParse(wrong, _) => {
            let first = wrong.lines().next().unwrap_or_default().trim_end();
            text.lines().position(|line| line.trim_end() == first)
        }
        _ => None,
    };
    number.map_or_else(
        || "a line is not NAME=value".to_owned(),
        |at| format!("line {} is not NAME=value", at + 1),
    )
}

pub(crate) fn read_toml(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    toml_values(&text).map_err(|line| format!("{shown} is not TOML in line {line}"))
}

/// The leaves of a TOML text under flat keys; lists joined by commas. Fails with the number of the wrong line: the parser's
/// own message quotes the line, which may be a secret.
pub(crate) fn toml_values(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let dict = match <Toml as Format>::from_str::<Dict>(text) {
        Ok(dict) => dict,
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            return Err(1 + String::from_utf8_lossy(&text.as_bytes()[..start])
                .matches('\n')
                .count());
        }
    };
    let mut values = BTreeMap::new();
    flatten("", dict, &mut values);
    Ok(values)
}

fn flatten(prefix: &str, dict: Dict, into: &mut BTreeMap<String, String>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}__{name}")
        };
        match value {
            Value::Dict(_, inner) => flatten(&key, inner, into),
            leaf => {
                into.insert(key, text_of(&leaf));
            }
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, character) => character.to_string(),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => number_text(*number),
        Value::Array(_, items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Value::Empty(..) | Value::Dict(..) => String::new(),
    }
}

fn number_text(number: Num) -> String {
    if let Some(whole) = number.to_u128() {
        return whole.to_string();
    }
    if let Some(whole) = number.to_i128() {
        return whole.to_string();
    }
    number
        .to_f64()
        .map_or_else(String::new, |fraction| fraction.to_string())
}
