//! The API contract in code: the generated messages, clients and servers, the registry of reasons, and the conversion of an error
//! to a `Status`.
//!
//! | module | content |
//! |---|---|
//! | [`proto`] | generated code, and the descriptors of every service |
//! | [`reason`] | every value of `google.rpc.ErrorInfo.reason` with its status code |
//! | [`refusal`] | the conversion of an error to a `Status` with its details |
//! | [`violations`] | the violations of the fields of one request, collected |
//! | [`code`] | the names of the status codes |

pub mod code;
pub mod proto;
pub mod reason;
pub mod refusal;
pub mod violations;
