//! Reading `.env` and TOML files. No message quotes a line of them, because any line may contain a secret.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Num, Value};

use super::problems::SettingProblem;

/// The largest file that is read, in bytes. Devices such as `/dev/zero` have no end.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The text of a file of settings or of one setting.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_FILE_BYTES) {
        Ok(text)
    } else {
        Err(io::Error::other("it is larger than 1 MiB"))
    }
}

/// Reads `.env` without changing the environment of the process. Messages give the number of a line, never its text.
pub(crate) fn read_dot_env(
    directory: &Path,
    problems: &mut Vec<SettingProblem>,
) -> Vec<(String, String)> {
    let text = match read_text(&directory.join(".env")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(SettingProblem::new(
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
            Err(error) => problems.push(SettingProblem::new(
                ".env",
                unreadable_line(&error, text),
                None,
            )),
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

/// The leaves of a TOML file under flat keys.
pub(crate) fn read_toml(path: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = path.display();
    let text = read_text(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    toml_leaves(&text).map_err(|line| format!("{shown} is not TOML in line {line}"))
}

/// The leaves of a TOML text under flat keys; lists joined by commas.
///
/// # Errors
/// The number of the wrong line. The message of the parser is dropped, because it quotes the line.
pub(crate) fn toml_leaves(text: &str) -> Result<Vec<(String, String)>, usize> {
    let dict = match <Toml as Format>::from_str::<Dict>(text) {
        Ok(dict) => dict,
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            return Err(1 + String::from_utf8_lossy(&text.as_bytes()[..start])
                .matches('\n')
                .count());
        }
    };
    let mut values = Vec::new();
    flatten("", dict, &mut values);
    Ok(values)
}

fn flatten(prefix: &str, dict: Dict, into: &mut Vec<(String, String)>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}__{name}")
        };
        match value {
            Value::Dict(_, inner) => flatten(&key, inner, into),
            leaf => into.push((key, text_of(&leaf))),
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
        // No setting accepts this text.
        Value::Empty(..) | Value::Dict(..) => char::REPLACEMENT_CHARACTER.to_string(),
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
