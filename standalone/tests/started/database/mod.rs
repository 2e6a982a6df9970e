//! The database as operators use it, with real processes: migrations, roles, pooling, backup and restore.

mod bouncer;
mod catalog;
mod everyday;
mod lint;
mod migrating;
mod pooling;
mod populated;
mod previous;
mod released;
mod restoring;
mod roles;
pub(crate) mod running;
