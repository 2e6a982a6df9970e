//! What both services use.

pub mod clock;
