//! The road of a call, through the wire: whatever happens on it, the caller gets a status it can act on.

mod policy;
mod probe;
mod refusals;
mod stopping;
