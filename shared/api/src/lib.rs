//! What the parts of a request mean: values that exist only if they are valid.
//!
//! | module | what it is |
//! |---|---|
//! | [`ids`] | ids of accounts, sessions and tasks |
//! | [`etag`], [`mask`] | etags (AIP-154) and field masks (AIP-161) |
//! | [`paging`] | page sizes and sealed page tokens (AIP-158) |
//! | [`text`] | text in NFC with its length in code points |
//! | [`time`] | timestamps of messages |

pub mod etag;
pub mod ids;
pub mod mask;
pub mod paging;
pub mod text;
pub mod time;
