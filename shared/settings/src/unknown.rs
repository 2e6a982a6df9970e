//! Keys that are set and that nobody asked for: most are misspelt.

use std::collections::BTreeSet;

use super::layers::Winners;
use super::names::{DATABASE_URL, dotted};
use super::problems::Problem;

/// The sections of all binaries, which may share one file or environment: a key in another binary's section is not looked at.
const SECTIONS: [&str; 4] = ["auth", "task", "gateway", "standalone"];
/// A known key at least this similar (0 to 1) to an unknown one is suggested.
const SIMILAR: f64 = 0.7;
/// Characters of an unknown key that are told. One that is longer is like no known one.
const TOLD: usize = 200;

/// A problem for each key that is set, not known, and not in the section of another binary.
pub(crate) fn unknown(
    values: &Winners,
    sections: &[String],
    known: &BTreeSet<&str>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (flat, found) in values {
        let key = dotted(flat);
        if is_known(flat, known) || is_elsewhere(&key, sections) {
            continue;
        }
        let long = key.char_indices().nth(TOLD).map(|(end, _)| end);
        let (key, message) = match (long, nearest(&key, known)) {
            (Some(end), _) => (format!("{}…", &key[..end]), "unknown setting".to_owned()),
            (None, Some(known)) => (key, format!("unknown setting; did you mean {known}?")),
            (None, None) => (key, "unknown setting".to_owned()),
        };
        let provenance = match long {
            Some(_) => found.provenance.with_key(&key),
            None => found.provenance.clone(),
        };
        problems.push(Problem::new(key, message, Some(provenance)));
    }
    problems
}

/// Known by itself, or as the file that holds a known one. A key that has a dot itself, `"auth.listen"` in a file, is not
/// `listen` of the table `auth`.
fn is_known(key: &str, known: &BTreeSet<&str>) -> bool {
    let known =
        |key: &str| key == DATABASE_URL || !key.contains('.') && known.contains(&*dotted(key));
    known(key) || key.strip_suffix("_file").is_some_and(known)
}

/// Whether a key is in the section of a binary that has none of these.
pub(crate) fn is_elsewhere(key: &str, sections: &[String]) -> bool {
    let section = key.split('.').next().unwrap_or_default();
    let own = sections.iter().any(|own| own == section);
    !own && SECTIONS.contains(&section)
}

fn nearest<'a>(key: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    if key.len() > TOLD {
        return None;
    }
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(known, key);
    let nearest = known
        .iter()
        .copied()
        .max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    (similarity(nearest) >= SIMILAR).then_some(nearest)
}
