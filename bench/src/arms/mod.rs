//! What is measured. Each arm is a small file with one job.

mod argon2;
mod calls;
mod pgbench;

pub(crate) use self::{argon2::HashLoop, calls::CallArm, pgbench::Pgbench};
