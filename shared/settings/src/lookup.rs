//! Finding the text of one setting in the merged layers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::files::read_text;
use super::layers::{Found, Winners};
use super::names::{DATABASE_URL, flat};
use super::problems::SettingProblem;

/// How many characters of a wrong value a message quotes.
const QUOTED_CHARS: usize = 64;

/// Finds the text of a setting, or of the file that `NAME_FILE` names. `DATABASE_URL` is used for database URLs that are not set.
pub(crate) fn look_up(
    values: &Winners,
    key: &str,
    secret: bool,
) -> Result<Option<Found>, SettingProblem> {
    let query = Query { key, secret };
    let mut found = query.value_or_file(values, &flat(key))?;
    if found.is_none() && takes_database_url(key) {
        found = query.value_or_file(values, DATABASE_URL)?;
    }
    match found {
        Some(found) if found.text.contains(char::REPLACEMENT_CHARACTER) => Err(
            SettingProblem::new(key, "is not text in UTF-8", Some(found.provenance)),
        ),
        found => Ok(found),
    }
}

/// Whether `DATABASE_URL` is used when this setting is not set.
pub(crate) fn takes_database_url(key: &str) -> bool {
    key.ends_with(".database.url")
}

/// The first line of the text in quotes, escaped and shortened. The next line may be another setting, even a secret, because a
/// missing quotation mark in `.env` makes one value of several lines. The user and password of a URL are left out too.
pub(crate) fn quoted(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let line = without_userinfo(first);
    let end = line
        .char_indices()
        .nth(QUOTED_CHARS)
        .map_or(line.len(), |(end, _)| end);
    let whole = end == line.len() && first.len() == text.len();
    let cut = if whole { "" } else { "…" };
    format!("{:?}{cut}", &line[..end])
}

/// The text with the user and the password of a URL replaced: `http://…@host`.
pub(crate) fn without_userinfo(text: &str) -> Cow<'_, str> {
    let hidden = text.split_once("://").and_then(|(scheme, rest)| {
        let (_, host) = rest.rsplit_once('@')?;
        Some(format!("{scheme}://…@{host}"))
    });
    hidden.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The setting to find.
#[derive(Clone, Copy)]
struct Query<'a> {
    key: &'a str,
    secret: bool,
}

impl Query<'_> {
    /// The value itself or the one in the named file, whichever is set in the higher layer.
    fn value_or_file(self, values: &Winners, flat: &str) -> Result<Option<Found>, SettingProblem> {
        let value = values.get(flat).cloned();
        let Some(named) = values.get(&format!("{flat}_file")).cloned() else {
            return Ok(value);
        };
        let Some(value) = value else {
            return self.read_named(named).map(Some);
        };
        match value.provenance.layer().cmp(&named.provenance.layer()) {
            Ordering::Less => self.read_named(named).map(Some),
            Ordering::Greater => Ok(Some(value)),
            Ordering::Equal => {
                let message = format!("is set twice, the other time by {}", named.provenance);
                Err(SettingProblem::new(
                    self.key,
                    message,
                    Some(value.provenance),
                ))
            }
        }
    }

    fn read_named(self, named: Found) -> Result<Found, SettingProblem> {
        match read_text(Path::new(&named.text)) {
            Ok(content) => {
                let line = content.strip_suffix('\n').unwrap_or(&content);
                let text = line.strip_suffix('\r').unwrap_or(line).to_owned();
                let provenance = named.provenance.in_file(PathBuf::from(named.text));
                Ok(Found { text, provenance })
            }
            Err(error) => {
                // The text may be the secret itself, set in the wrong variable.
                let name = if self.secret {
                    "it names".to_owned()
                } else {
                    quoted(&named.text)
                };
                let message = format!("the file {name} cannot be read: {error}");
                Err(SettingProblem::new(
                    self.key,
                    message,
                    Some(named.provenance),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_short_line_without_the_user_of_a_url() {
        for (text, shown) in [
            ("plain", r#""plain""#),
            ("a\nb", r#""a"…"#),
            ("me@example.org", r#""me@example.org""#),
            ("http://u:hunter2@h:x/p", r#""http://…@h:x/p""#),
            ("postgres://u:hun@ter2@h/d", r#""postgres://…@h/d""#),
            ("http://u:hunter2@a,http://v:hunter2@b", r#""http://…@b""#),
        ] {
            assert_eq!(quoted(text), shown);
        }
        let long = format!("http://u:{}@h", "hunter2".repeat(20));
        assert_eq!(quoted(&long), r#""http://…@h""#);
        assert_eq!(quoted(&"x".repeat(65)), format!("{:?}…", "x".repeat(64)));
    }
}
