//! Finding the text of one setting in the merged layers.

use std::cmp::Ordering;
use std::fs;
use std::path::PathBuf;

use figment::Figment;

use super::problems::Problem;
use super::sources::{DATABASE_URL, Layer, Provenance, flat};

/// How much of a wrong value a message quotes, in characters.
const QUOTED: usize = 64;

/// The text of a setting, and where it came from. No `Debug`: the text may be a secret.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) provenance: Provenance,
}

/// Finds the text of a setting, in the file `NAME_FILE` names if need be; `DATABASE_URL` stands in for database URLs.
pub(crate) fn look_up(figment: &Figment, key: &str) -> Result<Option<Found>, Problem> {
    let found = value_or_file(figment, key, &flat(key))?;
    if found.is_none() && takes_database_url(key) {
        return value_or_file(figment, key, DATABASE_URL);
    }
    Ok(found)
}

/// Whether `DATABASE_URL` stands in for this setting.
pub(crate) fn takes_database_url(key: &str) -> bool {
    key.ends_with(".database.url")
}

/// The text in quotes, escaped, shortened.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The value itself or the one in the file, whichever is set in the higher layer.
fn value_or_file(figment: &Figment, key: &str, flat: &str) -> Result<Option<Found>, Problem> {
    match (
        stored(figment, flat),
        stored(figment, &format!("{flat}_file")),
    ) {
        (value, None) => Ok(value),
        (None, Some(named)) => read_named(key, named).map(Some),
        (Some(value), Some(named)) => match value.provenance.layer.cmp(&named.provenance.layer) {
            Ordering::Less => read_named(key, named).map(Some),
            Ordering::Greater => Ok(Some(value)),
            Ordering::Equal => {
                let message = format!("is set twice, the other time by {}", named.provenance);
                Err(Problem::new(key, message, Some(value.provenance)))
            }
        },
    }
}

fn stored(figment: &Figment, flat: &str) -> Option<Found> {
    let value = figment.find_value(flat).ok()?;
    let layer = Layer::of(figment.get_metadata(value.tag())?);
    let text = value.into_string()?;
    let provenance = Provenance {
        layer,
        flat: flat.to_owned(),
        file: None,
    };
    Some(Found { text, provenance })
}

fn read_named(key: &str, named: Found) -> Result<Found, Problem> {
    match fs::read_to_string(&named.text) {
        Ok(content) => {
            let line = content.strip_suffix('\n').unwrap_or(&content);
            let text = line.strip_suffix('\r').unwrap_or(line).to_owned();
            let file = Some(PathBuf::from(named.text));
            Ok(Found {
                text,
                provenance: Provenance {
                    file,
                    ..named.provenance
                },
            })
        }
        Err(error) => {
            let message = format!("the file {} cannot be read: {error}", quoted(&named.text));
            Err(Problem::new(key, message, Some(named.provenance)))
        }
    }
}
