//! Field masks (AIP-134, AIP-161).

use std::collections::BTreeSet;

use contract::refusal::Problem;
use prost_types::FieldMask;

/// Characters of an unknown path that a message quotes.
const QUOTED_PATH_CHARS: usize = 60;

/// Which fields of a resource an update may name.
#[derive(Debug, Clone, Copy)]
pub struct UpdatableFields {
    /// Fields that clients can change.
    pub mutable: &'static [&'static str],
    /// Fields that the server sets: a mask may name them, which has no effect (AIP-203).
    pub output_only: &'static [&'static str],
}

impl UpdatableFields {
    /// The fields to change: those that the mask names; all for `*`; without a mask those for which `populated` is true.
    ///
    /// # Errors
    /// The mask names a path that is neither mutable nor output-only.
    pub fn selected(
        &self,
        mask: Option<&FieldMask>,
        populated: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<&'static str>, Problem> {
        let all = self.mutable.iter().copied();
        match mask.map(|mask| mask.paths.as_slice()) {
            None | Some([]) => Ok(all.filter(|field| populated(field)).collect()),
            Some([star]) if star == "*" => Ok(all.collect()),
            Some(paths) => {
                if let Some(unknown) = paths.iter().find(|path| !self.has(path)) {
                    let shown: String = unknown.chars().take(QUOTED_PATH_CHARS).collect();
                    return Err(Problem::new(
                        "UNKNOWN_PATH",
                        format!("names `{shown}`, which is not a field that can be updated"),
                    ));
                }
                Ok(all
                    .filter(|field| paths.iter().any(|path| path == field))
                    .collect())
            }
        }
    }

    fn has(&self, path: &str) -> bool {
        self.mutable.contains(&path) || self.output_only.contains(&path)
    }
}
