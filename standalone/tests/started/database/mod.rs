//! The database as operators treat it: migrated, guarded by roles, pooled, backed up and restored, under real processes.

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
