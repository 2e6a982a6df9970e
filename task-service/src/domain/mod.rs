//! What a task is: values that exist only if the contract allows them.

mod task;
mod values;

pub use task::{Changes, Draft, Task};
pub use values::{Description, Due, Labels, Priority, Status, Title};
