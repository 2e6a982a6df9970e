//! How much one statement deletes of what has ended.

/// Rows to delete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) size: i64,
    /// Rows that are left out, because they could not be deleted.
    pub(crate) skip: i64,
}
