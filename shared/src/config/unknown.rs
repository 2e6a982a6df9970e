//! Keys that are set and that nobody asked for: most are misspelt.

use std::collections::BTreeSet;

use figment::{Figment, Profile, Provider as _};

use super::problems::Problem;
use super::sources::{DATABASE_URL, Layer, Provenance, dotted};

/// The sections of all binaries, which may share one file or environment: a key in another binary's section is not looked at.
const SECTIONS: [&str; 4] = ["auth", "task", "gateway", "standalone"];
/// A known key at least this similar (0 to 1) to an unknown one is suggested.
const SIMILAR: f64 = 0.7;

/// A problem for each key that is set, not known, and not in the section of another binary.
pub(crate) fn unknown(
    figment: &Figment,
    sections: &[String],
    known: &BTreeSet<&str>,
) -> Vec<Problem> {
    let mut data = figment.data().unwrap_or_default();
    let mut problems = Vec::new();
    for (flat, value) in data.remove(&Profile::Default).unwrap_or_default() {
        let key = dotted(&flat);
        if flat.starts_with(DATABASE_URL) || is_known(&key, known) || is_elsewhere(&key, sections) {
            continue;
        }
        let layer = figment.get_metadata(value.tag()).map(Layer::of);
        let provenance = layer.map(|layer| Provenance {
            layer,
            flat,
            file: None,
        });
        let message = match nearest(&key, known) {
            Some(known) => format!("unknown setting; did you mean {known}?"),
            None => "unknown setting".to_owned(),
        };
        problems.push(Problem::new(key, message, provenance));
    }
    problems
}

/// Known by itself, or as the file that holds a known one.
fn is_known(key: &str, known: &BTreeSet<&str>) -> bool {
    known.contains(key)
        || key
            .strip_suffix("_file")
            .is_some_and(|key| known.contains(key))
}

fn is_elsewhere(key: &str, sections: &[String]) -> bool {
    let section = key.split('.').next().unwrap_or_default();
    let own = sections.iter().any(|own| own == section);
    !own && SECTIONS.contains(&section)
}

fn nearest<'a>(key: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(known, key);
    let nearest = known
        .iter()
        .copied()
        .max_by(|one, other| similarity(one).total_cmp(&similarity(other)))?;
    (similarity(nearest) >= SIMILAR).then_some(nearest)
}
