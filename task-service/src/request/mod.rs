//! What a caller asks for: each request message parsed into a value that can be acted on, or every violation in it.

mod create;
mod key;
mod list;
mod single;
mod update;

pub use create::Create;
pub use key::RequestKey;
pub use list::List;
pub use single::{Delete, Get, Undelete};
pub use update::Update;
