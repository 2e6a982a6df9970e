//! The calls that the generator makes, and how their answers are checked.

mod protocol;
mod reads;
mod rows;

pub(crate) use self::{
    protocol::Protocol,
    reads::{Question, Reads},
};
