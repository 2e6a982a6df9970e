//! The comments of the protos.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// The comment before each declaration, by file and by the path of the declaration within it.
pub(super) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let info = file.file_descriptor_proto().source_code_info.as_ref();
            for location in info.into_iter().flat_map(|info| &info.location) {
                if let Some(comment) = &location.leading_comments {
                    let key = (file.name().to_owned(), location.path.clone());
                    comments.insert(key, plain(comment));
                }
            }
        }
        Self(comments)
    }

    /// Empty if there is none.
    pub(super) fn get(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        let key = (file.name().to_owned(), path.to_vec());
        self.0.get(&key).map_or("", String::as_str)
    }
}

/// Without the space after the comment's slashes.
fn plain(comment: &str) -> String {
    let lines: Vec<_> = comment
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim().to_owned()
}
