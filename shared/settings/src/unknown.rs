//! Keys that are set and that no code reads: most are misspelt.

use std::collections::BTreeSet;

use super::layers::Winners;
use super::names::{DATABASE_URL, dotted};
use super::problems::SettingProblem;

/// The sections of all binaries, which may share one file or environment. A key in the section of another binary is not checked.
const SECTIONS: [&str; 4] = ["auth", "task", "gateway", "standalone"];
/// A known key is suggested if its similarity to the unknown one (0 to 1) is at least this.
const MIN_SIMILARITY: f64 = 0.7;
/// How many characters of an unknown key a message shows. A longer key is similar to no known one.
const MAX_SHOWN_CHARS: usize = 200;

/// A problem for each key that is set, not known, and not in the section of another binary.
pub(crate) fn unknown(
    values: &Winners,
    sections: &[String],
    known: &BTreeSet<&str>,
) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    for (flat, found) in values {
        let key = dotted(flat);
        if is_known(flat, known) || is_of_other_binary(&key, sections) {
            continue;
        }
        let long = key.char_indices().nth(MAX_SHOWN_CHARS).map(|(end, _)| end);
        let (key, message) = match (long, nearest(&key, known)) {
            (Some(end), _) => (format!("{}…", &key[..end]), "unknown setting".to_owned()),
            (None, Some(known)) => (key, format!("unknown setting; did you mean {known}?")),
            (None, None) => (key, "unknown setting".to_owned()),
        };
        let provenance = match long {
            Some(_) => found.provenance.with_key(&key),
            None => found.provenance.clone(),
        };
        problems.push(SettingProblem::new(key, message, Some(provenance)));
    }
    problems
}

/// Whether the key is a known one, or names the file of a known one. A TOML key that contains a dot (`"auth.listen"`) is not the key
/// `listen` of the table `auth`.
fn is_known(key: &str, known: &BTreeSet<&str>) -> bool {
    let known =
        |key: &str| key == DATABASE_URL || !key.contains('.') && known.contains(&*dotted(key));
    known(key) || key.strip_suffix("_file").is_some_and(known)
}

/// Whether a key is in the section of another binary than those of `sections`.
pub(crate) fn is_of_other_binary(key: &str, sections: &[String]) -> bool {
    let section = key.split('.').next().unwrap_or_default();
    let own = sections.iter().any(|own| own == section);
    !own && SECTIONS.contains(&section)
}

fn nearest<'a>(key: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    if key.len() > MAX_SHOWN_CHARS {
        return None;
    }
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(known, key);
    let nearest = known
        .iter()
        .copied()
        .max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    (similarity(nearest) >= MIN_SIMILARITY).then_some(nearest)
}
