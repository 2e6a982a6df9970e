//! Field masks as AIP-134 and AIP-161 describe them.

use std::collections::BTreeSet;

use prost_types::FieldMask;

use contract::refusal::Problem;

/// Which fields of a resource an update may name.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// Those that can change.
    pub mutable: &'static [&'static str],
    /// Those that the server sets: named in a mask, they are passed over (AIP-203).
    pub output_only: &'static [&'static str],
}

impl Fields {
    /// The fields to change: those named; all for `*`; without a mask those that `populated` says are set.
    pub fn chosen(
        &self,
        mask: Option<&FieldMask>,
        populated: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<&'static str>, Problem> {
        let all = self.mutable.iter().copied();
        match mask.map(|mask| mask.paths.as_slice()) {
            None | Some([]) => Ok(all.filter(|field| populated(field)).collect()),
            Some([star]) if star == "*" => Ok(all.collect()),
            Some(paths) => {
                let unknown: Vec<_> = paths.iter().filter(|path| !self.knows(path)).collect();
                if let Some(first) = unknown.first() {
                    let shown: String = first.chars().take(60).collect();
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

    fn knows(&self, path: &str) -> bool {
        self.mutable.contains(&path) || self.output_only.contains(&path)
    }
}
