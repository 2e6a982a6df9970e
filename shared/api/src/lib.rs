//! The parts of a request as values that exist only if they are valid.
//!
//! | module | content |
//! |---|---|
//! | [`ids`] | ids of accounts, sessions and tasks |
//! | [`etag`], [`mask`] | etags (AIP-154) and field masks (AIP-161) |
//! | [`paging`] | page sizes and sealed page tokens (AIP-158) |
//! | [`bounds`] | how long some of them may be |
//! | [`text`] | text in NFC, with a length in code points |
//! | [`time`] | conversion from and to protobuf timestamps |
//! | [`grpc_timeout`], [`request_id`] | the headers that every call may have |

pub mod bounds;
pub mod etag;
pub mod grpc_timeout;
pub mod ids;
pub mod mask;
pub mod paging;
pub mod request_id;
pub mod text;
pub mod time;
