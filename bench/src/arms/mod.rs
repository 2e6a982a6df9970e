//! What is measured. Each arm is a small file with one job.

mod argon2;
mod calls;
mod flooded;
mod offered;
mod pgbench;

pub(crate) use self::{
    argon2::HashLoop, calls::CallArm, flooded::FloodedArm, offered::OfferedArm, pgbench::Pgbench,
};
